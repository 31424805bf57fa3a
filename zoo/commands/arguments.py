"""The argument notations that several commands share: NAMES, DIMS and batch sizes (design: command line)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.diagnostics import UsageFault


def names(text: str | None) -> tuple[str, ...]:
    """NAMES: separated by commas."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def batch_size(text: str | None) -> int | str | None:
    """A batch size: a number, `dynamic`, or None where nothing was said."""
    if text in (None, "dynamic"):
        return text
    if not str(text).isdecimal() or int(str(text)) < 1:
        raise UsageFault("batch", f"--batch {text} is neither a number nor dynamic")
    return int(str(text))


def shapes(arguments: Sequence[str]) -> dict[str, tuple[int | str | None, ...]]:
    """`[NAME:]DIMS` arguments as name -> shape; the name is empty where the network has one input only."""
    found: dict[str, tuple[int | str | None, ...]] = {}
    for argument in arguments:
        name, _, dims = argument.rpartition(":")
        found[name] = tuple(_dim(part, argument) for part in dims.split(","))
    return found


def _dim(text: str, argument: str) -> int | str:
    text = text.strip()
    if text.isdecimal() and int(text) > 0:
        return int(text)
    if text.isidentifier():
        return text
    raise UsageFault("input-shape", f"--input {argument}: {text!r} is no dimension", hint="--input data:1,3,224,224")


def fields(kind: type, given: Mapping[str, object]) -> dict[str, Any]:
    """Those of the options that are fields of a dataclass, by name."""
    return {one.name: given[one.name] for one in dataclasses.fields(kind) if one.name in given}
