"""What zoo remembers of checks, beside the downloads in the store: noise floors, looks inside, reports of lists.

ROOT/v1/floors/<sha256>/          what was measured of one network with one set of inputs (zoo.parity.memory)
ROOT/v1/inside/ab/cdef....json    what was compared inside of two runs that agree (zoo.parity.glances)
ROOT/v1/parity/ab/cdef....json    the report of one check of a list (zoo.project.memory)
ROOT/parity/<sha256>/             floors where they lay before there were reports: nobody reads them, they go

All may be removed at any time: what is missing is computed again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from zoo.supply.store import LAYOUT, default_root

MOST_FLOORS, MOST_LOOKS, MOST_REPORTS = 64, 1024, 4096
MOST_BYTES = 2**30
"""Of all floors together: those of a network with large outputs keep them in float64."""
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that is remembered; `used` in seconds since 1970; `torn`: a measurement that was broken off."""

    path: Path
    size: int
    used: float
    torn: bool = False


def floors() -> Path:
    """The folder of measured floors."""
    return default_root() / LAYOUT / "floors"


def reports() -> Path:
    """The folder of remembered reports."""
    return default_root() / LAYOUT / "parity"


def looks() -> Path:
    """The folder of remembered looks inside."""
    return default_root() / LAYOUT / "inside"


def _before() -> Path:
    return default_root() / "parity"


def orphans() -> list[Kept]:
    """Floors that an older zoo measured and left where nobody looks."""
    return [one for one in _found(_before().glob("*")) if (one.path / "measured.json").is_file()]


def measured() -> list[Kept]:
    """All floors, the one that was used last first."""
    return sorted(_found(floors().glob("*")), key=lambda one: -one.used)


def checked() -> list[Kept]:
    """All reports, the one that was used last first."""
    return sorted(_found(reports().glob("*/*.json")), key=lambda one: -one.used)


def looked() -> list[Kept]:
    """All looks inside, the one that was used last first."""
    return sorted(_found(looks().glob("*/*.json")), key=lambda one: -one.used)


def excess(older_than: float | None = None) -> list[Kept]:
    """What goes: orphans, over the bounds, broken off a day ago or more and, of the rest, not used for so many days."""
    now, going = time.time(), orphans()
    for several, most in ((measured(), MOST_FLOORS), (looked(), MOST_LOOKS), (checked(), MOST_REPORTS)):
        total = count = 0
        for one in several:
            age = (now - one.used) / _DAY
            if one.torn:
                going += [one] if age >= 1 else []
                continue
            total, count = total + one.size, count + 1
            old = older_than is not None and age >= older_than
            over = count > most or (total > MOST_BYTES and count > 1)
            if old or over:
                going.append(one)
    return going


def remove(kept: Kept) -> None:
    """Remove one; somebody who reads it just now computes anew."""
    if kept.path.is_dir():
        shutil.rmtree(kept.path, ignore_errors=True)
        with suppress(OSError):  # more is in it
            _before().rmdir()
    else:
        with suppress(OSError):
            kept.path.unlink()


def _found(paths: Iterator[Path]) -> Iterator[Kept]:
    for path in paths:
        with suppress(OSError):
            stat = path.stat()
            size = sum(one.stat().st_size for one in path.iterdir()) if path.is_dir() else stat.st_size
            yield Kept(path, size, stat.st_mtime, torn=path.name.startswith("."))
