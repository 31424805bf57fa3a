"""The argument notations that several commands share: NAMES, DIMS and batch sizes (design: command line)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
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


def fields(kind: type, given: Mapping[str, object]) -> dict[str, Any]:
    """Those of the options that are fields of a dataclass, by name."""
    return {one.name: given[one.name] for one in dataclasses.fields(kind) if one.name in given}
