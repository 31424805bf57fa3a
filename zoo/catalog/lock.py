"""zoo.lock: the sha256 of every file that a project uses, so that a name means the same bytes on every machine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from zoo.catalog.constraints import Closed, Matching, Whole
from zoo.catalog.naming import demanding
from zoo.catalog.plain import values
from zoo.catalog.schema import EntryId, FileName
from zoo.diagnostics import Diagnostic, Where

if TYPE_CHECKING:
    from zoo.catalog.schema import Entry
    from zoo.supply.download import Brought

NAME = "zoo.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked(Closed):
    """What one file is."""

    sha256: Annotated[str, Matching(r"^[0-9a-f]{64}$")]
    size: Annotated[int, Whole(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock(Closed):
    """Every locked model: id -> file name -> bytes."""

    version: Literal[1] = 1
    models: dict[EntryId, dict[FileName, Locked]] = field(default_factory=dict)


def read(path: Path) -> Lock:
    """The lock in `path`; an empty one where there is no such file.

    Raises:
        Diagnostic: `lock`: it is damaged.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Lock()
    except (OSError, UnicodeDecodeError) as error:
        raise Diagnostic("lock", f"cannot be read: {error}", where=Where(str(path))) from error
    from pydantic import ValidationError

    from zoo.catalog.validation import adapter

    try:
        lock: Lock = adapter(Lock).validate_json(text)
    except ValidationError as error:
        details = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise Diagnostic("lock", "is no lock of zoo", where=Where(str(path)), details=details) from error
    return lock


def obeyed(entry: Entry, lock: Lock) -> Entry:
    """The entry, whose files must now have the sha256 of the lock.

    Raises:
        IntegrityFault: `pin`: the registry publishes another.
    """
    known = lock.models.get(entry.id, {})
    return demanding(entry, {name: locked.sha256 for name, locked in known.items()}, NAME)


def extended(lock: Lock, brought: Iterable[Brought]) -> Lock:
    """The lock with the files that were brought."""
    models: dict[str, dict[str, Locked]] = {name: dict(files) for name, files in lock.models.items()}
    for item in brought:
        locked = Locked(sha256=item.record.sha256, size=item.record.size)
        models.setdefault(item.entry_id, {})[item.file.name] = locked
    return Lock(models=_sorted(models))


def write(path: Path, lock: Lock) -> None:
    """Write the lock, whole or not at all; the same lock gives the same bytes."""
    from zoo.supply.store import write_whole

    write_whole(path, json.dumps(values(lock), indent=1) + "\n")


def _sorted(models: Mapping[str, Mapping[str, Locked]]) -> dict[str, dict[str, Locked]]:
    return {name: dict(sorted(models[name].items())) for name in sorted(models)}
