"""What a checkpoint holds, as lines of a tree: for formats whose files can hold any value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a file's tree: its depth, its name there, what it is; a tensor's shape, type and size in bytes."""

    depth: int
    name: str
    what: str
    path: str = ""
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    bytes: int = 0
