"""Shapes as a person types them: `[NAME:]DIMS`, such as data:1,3,224,224."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.diagnostics import UsageFault


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
