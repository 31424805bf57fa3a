"""What a .t7 file holds, as inert records: tables, objects, tensors, storages and functions; nothing of it is run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Union

import numpy as np


@dataclass(slots=True, eq=False)
class Table:
    """A Lua table; the keys `true` and `1` differ, as they do in Lua and not in Python.

    Strings and numbers are looked up by value, every other key (booleans, tables, objects) by identity.
    """

    strings: dict[str, Value] = field(default_factory=dict)
    numbers: dict[float, Value] = field(default_factory=dict)
    others: list[tuple[Value, Value]] = field(default_factory=list)

    def put(self, key: Value, value: Value) -> None:
        """Set an entry; a later one for the same string or number wins."""
        if isinstance(key, str):
            self.strings[key] = value
        elif isinstance(key, float):
            self.numbers[key] = value
        else:
            self.others.append((key, value))

    def items(self) -> Iterator[tuple[Value, Value]]:
        """All entries: numbers, then strings, then the rest, each in the file's order."""
        yield from self.numbers.items()
        yield from self.strings.items()
        yield from self.others

    def array(self) -> list[Value]:
        """The values under 1, 2, 3... up to the first gap: what Lua's `ipairs` sees."""
        found: list[Value] = []
        while (position := float(len(found) + 1)) in self.numbers and self.numbers[position] is not None:
            found.append(self.numbers[position])
        return found

    def at(self, key: Value) -> Value:
        """The value under a key that is itself a table or an object; None where there is none."""
        return next((value for known, value in self.others if known is key), None)

    def __len__(self) -> int:
        return len(self.strings) + len(self.numbers) + len(self.others)


@dataclass(slots=True, eq=False)
class Object:
    """An object of a Torch class: its class name, class version, and what its `write` left (usually one table)."""

    kind: str
    version: int
    byte: int
    payload: list[Value] = field(default_factory=list)

    @property
    def fields(self) -> Table:
        """The table of fields; an empty one where the payload holds no table."""
        return next((part for part in reversed(self.payload) if isinstance(part, Table)), Table())


@dataclass(slots=True, eq=False)
class Storage:
    """A run of numbers in the file: `count` of them from `start` to `end` (bytes), in binary or as text."""

    kind: str
    dtype: np.dtype[np.generic]
    count: int
    start: int
    end: int
    text: bool


@dataclass(slots=True, eq=False)
class Tensor:
    """A view of a storage: sizes, strides and offset count elements; no storage, no elements."""

    kind: str
    dtype: np.dtype[np.generic]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    storage: Storage | None = None
    byte: int = 0


@dataclass(slots=True, eq=False)
class Function:
    """A Lua function: its bytecode stays in the file, opaque; `upvalues` are data like any other."""

    size: int
    upvalues: Value = None


@dataclass(frozen=True, slots=True)
class LongString:
    """A string too long to keep: its size in bytes."""

    size: int


Value = Union[None, bool, float, str, Table, Object, Storage, Tensor, Function, LongString]  # noqa: UP007 - recursive


def elements(size: tuple[int, ...]) -> int:
    """How many numbers a tensor of this size has: none without dimensions."""
    count = 1
    for dim in size:
        count *= dim
    return count if size else 0


def contiguous_stride(size: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a tensor whose numbers lie one after the other."""
    strides: list[int] = []
    step = 1
    for dim in reversed(size):
        strides.append(step)
        step *= dim
    return tuple(reversed(strides))
