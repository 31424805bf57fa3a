"""On which devices a checkpoint's tensors are, by the same walk that relocates them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from zoo.diagnostics import Diagnostic
from zoo.relocate.plan import Request
from zoo.relocate.planning import plan

STAY = Request(to=None)
"""Moves nothing: the plan only tells what is there."""


def devices(paths: Iterable[Path]) -> Mapping[str, int] | None:
    """Device -> number of tensors in all files; None where a format keeps no device or the walk refuses a file."""
    total: Counter[str] = Counter()
    kept = False
    for path in paths:
        try:
            found = plan(path, STAY)
        except Diagnostic:
            return None
        kept = kept or found.places
        total.update(found.before)
    return dict(sorted(total.items())) if kept else None
