"""Conversions of one check, each made once: its layers are looked into after its outputs were compared."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from threading import Lock

from zoo.catalog.artifact import Artifact

Convert = Callable[[Artifact, Path], Artifact]


def once(convert: Convert, folder: Path) -> Convert:
    """The same function, which makes each artifact once, in `folder`; what is refused is tried again."""
    made: dict[tuple[Path, ...], Artifact] = {}
    places = count()
    lock = Lock()

    def converted(source: Artifact, _folder: Path) -> Artifact:
        key = (*source.files.values(),)
        with lock:
            if key not in made:
                made[key] = convert(source, folder / str(next(places)))
            return made[key]

    return converted
