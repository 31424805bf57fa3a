"""Shared sets of class names: one text file a set in this folder, one name a line in the network's order."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_SYNSET = re.compile(r"n\d{8} ")


class UnknownLabels(ValueError):
    """No file of this folder bears that name."""


@cache
def lines(name: str) -> tuple[str, ...]:
    """The lines of a set as they stand in its file, comments (`#`) left out.

    Raises:
        UnknownLabels: no set has this name.
    """
    if name not in names():
        raise UnknownLabels(f'no label set "{name}"; there are {", ".join(names())}')
    text = Path(__file__).with_name(f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def labels(name: str) -> tuple[str, ...]:
    """The names of a set, index by index; a leading WordNet id is left out."""
    return tuple(_SYNSET.sub("", line, count=1) for line in lines(name))


@cache
def names() -> tuple[str, ...]:
    """Every set that there is."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.txt")))
