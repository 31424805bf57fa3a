"""Two sets of named outputs against each other: one row an output, one formula, nothing left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from zoo.parity.exercise import idle
from zoo.parity.figures import Array, Figures, Places, figures, places
from zoo.parity.tolerance import Tolerance
from zoo.parity.top1 import Top1, top1


class Verdict(StrEnum):
    """What one output, or one pair, shows."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    IDLE = "not exercised"  # equal, but the reference is such that equality shows nothing


@dataclass(frozen=True, slots=True)
class Compared:
    """One output: its verdict, the reason where that is not a plain pass, and the figures where there are any."""

    name: str
    verdict: Verdict
    reason: str | None
    figures: Figures | None
    top1: Top1 | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All outputs of a candidate against those of its reference."""

    outputs: tuple[Compared, ...]

    @property
    def verdict(self) -> Verdict:
        """FAIL when any output fails or none was compared; IDLE when none was exercised; else PASS."""
        seen = {output.verdict for output in self.outputs}
        if not seen or Verdict.FAIL in seen:
            return Verdict.FAIL
        return Verdict.PASS if Verdict.PASS in seen else Verdict.IDLE

    @property
    def ratio(self) -> float:
        """The worst output's error in units of the tolerance; infinite where an output could not be measured."""
        return max((o.figures.ratio if o.figures else math.inf for o in self.outputs), default=math.inf)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every reason given, each naming its output."""
        return tuple(f"{output.name}: {output.reason}" for output in self.outputs if output.reason)


def compare(
    reference: Mapping[str, Array],
    candidate: Mapping[str, Array],
    tolerance: Tolerance,
    *,
    kinds: Mapping[str, str] | None = None,
    batch: int | None = None,
) -> Comparison:
    """Every output of either side is one row; an output that one side lacks, or of another shape, fails.

    `kinds` are the registry's output kinds by name: top-1 is read from probabilities and logits, and without a
    kind from any N x C output. `batch` is the number of different samples along the first axis of the outputs:
    an output that is the same for all of them was not exercised.
    """
    kinds = kinds or {}
    rows = [
        _compared(name, reference[name], candidate[name], tolerance, kinds.get(name), batch)
        if name in candidate
        else _missing(name, "missing from the candidate", candidate)
        for name in reference
    ]
    extra = [_missing(name, "missing from the reference", reference) for name in candidate if name not in reference]
    return Comparison((*rows, *extra))


def _compared(
    name: str, reference: Array, candidate: Array, tolerance: Tolerance, kind: str | None, batch: int | None
) -> Compared:
    fault = _structure(reference, candidate)
    if fault:
        return Compared(name, Verdict.FAIL, fault, None, None)
    found = places(reference, candidate)
    if _exact(reference):
        tolerance = replace(tolerance, rtol=0.0, atol=0.0)
    measured = figures(reference, candidate, tolerance, found.scale)
    agreement = top1(reference, candidate, kind, margin=2 * (tolerance.atol + tolerance.rtol))
    verdict, reason = _judge(reference, candidate, found, measured)
    if verdict is Verdict.PASS:
        nothing = idle(reference, found, kind, batch, tolerance)
        if nothing:
            verdict, reason = Verdict.IDLE, nothing
    return Compared(name, verdict, reason, measured, agreement)


def _structure(reference: Array, candidate: Array) -> str | None:
    """Why two arrays cannot be compared number by number; None when they can."""
    mine, other = reference.dtype, candidate.dtype
    strange = [str(kind) for kind in (mine, other) if kind.kind not in "fiub"]
    if strange:
        return f"values of type {strange[0]} cannot be compared"
    if _exact(reference) != _exact(candidate):
        return f"{other} where the reference has {mine}"
    if reference.shape != candidate.shape:
        same = [n for n in reference.shape if n != 1] == [n for n in candidate.shape if n != 1]
        hint = " (the same but for axes of length 1)" if same else ""
        return f"shape {_dims(candidate)} where the reference has {_dims(reference)}{hint}"
    return "no elements" if reference.size == 0 else None


def _judge(reference: Array, candidate: Array, found: Places, measured: Figures) -> tuple[Verdict, str | None]:
    if found.differ:
        return Verdict.FAIL, f"{found.differ:,} elements are NaN or infinite on one side only"
    if measured.ratio > 1 or (_exact(reference) and not np.array_equal(reference, candidate)):
        share = measured.outside / measured.size
        return Verdict.FAIL, f"{measured.outside:,} of {measured.size:,} values ({share:.2%}) are out of tolerance"
    if found.nan or found.inf:
        return Verdict.PASS, f"{found.nan:,} NaN and {found.inf:,} infinite values, at the same places in both"
    return Verdict.PASS, None


def _missing(name: str, what: str, other: Mapping[str, Array]) -> Compared:
    return Compared(name, Verdict.FAIL, f"{what}, which has {', '.join(other) or 'no outputs'}", None, None)


def _exact(array: Array) -> bool:
    """Whole numbers and truth values are compared for equality: rounding has no part in them."""
    return array.dtype.kind in "iub"


def _dims(array: Array) -> str:
    return "x".join(map(str, array.shape)) or "scalar"
