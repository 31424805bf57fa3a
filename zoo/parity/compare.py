"""Two sets of named outputs against each other: one row an output, one rule, nothing left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from zoo.parity.classes import Top1, divergence, top1
from zoo.parity.detections.noise import PickNoise, RowNoise
from zoo.parity.detections.places import PlaceNoise, apart
from zoo.parity.detections.verdicts import Detected, detected, picked
from zoo.parity.exercise import idle
from zoo.parity.figures import Array, Figures, Places, figures
from zoo.parity.rule import Floor, K, Rule


class Verdict(StrEnum):
    """What one output, or one pair, shows."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    FAIL = "fail"
    IDLE = "not exercised"  # equal, but the reference is such that equality shows nothing


@dataclass(frozen=True, slots=True)
class Compared:
    """One output on one set of inputs: its verdict, the reason where that is not a plain pass, and the figures.

    `kind` is "output", or "logits" for what goes into a network's last softmax.
    """

    name: str
    verdict: Verdict
    reason: str | None
    figures: Figures | None
    top1: Top1 | None
    kl: float | None = None
    kind: str = "output"
    inputs: str = "random"
    as_set: bool = False
    """Compared as a set: detections by class, overlap and score; places of values that tie."""


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
        """The worst output's error in floors (or in tolerances set by hand); infinite where one was not measured."""
        return max((worst(output) for output in self.outputs), default=math.inf)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every reason given, each naming its output."""
        return tuple(f"{shown(output)}: {output.reason}" for output in self.outputs if output.reason)


def shown(output: Compared) -> str:
    """An output's name, with what sets it apart from others of that name."""
    marks = [mark for mark in ("logits" if output.kind == "logits" else "",
             output.inputs if output.inputs != "random" else "") if mark]  # fmt: skip
    return f"{output.name} ({', '.join(marks)})" if marks else output.name


def worst(output: Compared) -> float:
    """How far one output is from passing: by the tolerance where one was set, else by the floor."""
    if output.figures is None:
        return math.inf if output.verdict is Verdict.FAIL else 0.0
    if output.as_set and output.verdict is Verdict.FAIL and (output.figures.ratio or 0.0) <= K:
        return math.inf  # no number says how far a detection that is missing lies off
    both = (output.figures.tolerance_ratio, output.figures.ratio)
    return next((ratio for ratio in both if ratio is not None), math.inf)


def compare(
    reference: Mapping[str, Array],
    candidate: Mapping[str, Array],
    rule: Rule,
    floors: Mapping[str, Floor],
    *,
    kinds: Mapping[str, str] | None = None,
    batch: int | None = None,
) -> Comparison:
    """Every output of either side is one row; an output that one side lacks, or of another shape, fails.

    `floors` are those of the reference's outputs. `kinds` are the registry's output kinds by name: top-1 is read from
    probabilities and logits, and without a kind from any N x C output. `batch` is the number of different samples
    along the first axis of the outputs: an output that is the same for all of them was not exercised.
    """
    kinds = kinds or {}
    rows = [
        compared(name, reference[name], candidate[name], rule, floors.get(name), kinds.get(name), batch)
        if name in candidate
        else _missing(name, "missing from the candidate", candidate)
        for name in reference
    ]
    extra = [_missing(name, "missing from the reference", reference) for name in candidate if name not in reference]
    return Comparison((*rows, *extra))


def compared(
    name: str,
    reference: Array,
    candidate: Array,
    rule: Rule,
    floor: Floor | None,
    kind: str | None = None,
    batch: int | None = None,
) -> Compared:
    """One output against its reference."""
    rows = _as_set(name, reference, candidate, rule, floor) if floor is not None else None
    if rows is not None:
        return rows
    fault = _structure(reference, candidate)
    if fault:
        return Compared(name, Verdict.FAIL, fault, None, None)
    if not reference.size:
        return Compared(name, Verdict.IDLE, "no elements", None, None)
    if _exact(reference):
        floor = Floor(0.0, 0.0, "whole numbers are equal or not")
    measured, found = figures(reference, candidate, rule, floor)
    agreement = top1(reference, candidate, kind, margin=2 * _moves(rule, floor, found))
    verdict, reason = _judge(reference, candidate, found, measured, rule)
    if verdict is Verdict.PASS:
        nothing = idle(reference, found, kind, batch) or _decided(measured, rule)
        if nothing:
            verdict, reason = Verdict.IDLE, nothing
    return Compared(name, verdict, reason, measured, agreement, divergence(reference, candidate, kind))


def _as_set(name: str, reference: Array, candidate: Array, rule: Rule, floor: Floor) -> Compared | None:
    """An output that is a set, compared as one; None for every other, and where it cannot be read as a set."""
    noise = floor.sets
    if isinstance(noise, RowNoise):
        found = detected(reference, candidate, noise, rule.k)
        return None if found is None else _detections(name, found, noise, rule)
    if isinstance(noise, PickNoise) and _triples(reference) and _triples(candidate):
        wrong, loose, reordered = picked(reference, candidate, noise)
        said = [f"{wrong:,} selected boxes of one side only"] if wrong else []
        said += [f"{loose:,} selected boxes of one side only come and go by rounding alone"] if loose else []
        said += ["the same boxes in another order"] if reordered else []
        return _set(name, said, passed=wrong == 0)
    if isinstance(noise, PlaceNoise) and _exact(reference) and _exact(candidate):
        counts = apart(reference, candidate, noise, rule.k)
        if counts is not None and counts[0]:
            differ, wrong = counts
            said = [f"{differ:,} of {reference.size:,} places differ, {wrong:,} of them where the values do not tie"]
            return _set(name, said, passed=wrong == 0)
    return None


def _set(name: str, said: Sequence[str], *, passed: bool) -> Compared:
    return Compared(name, Verdict.PASS if passed else Verdict.FAIL, "; ".join(said) or None, None, None, as_set=True)


def _detections(name: str, found: Detected, noise: RowNoise, rule: Rule) -> Compared:
    """Rows of one side only fail, paired rows are judged by the floors of scores and of boxes."""
    measured, _ = figures(*found.arrays, rule, None)
    ratio = found.ratio(noise)
    measured = replace(measured, ratio=ratio, floor_max=max(noise.score, noise.box))
    reasons, verdict = [found.told] if found.told else [], Verdict.PASS
    beyond = _beyond(measured, rule)
    if beyond or (found.alone and found.settled):
        verdict, reasons = Verdict.FAIL, [*([beyond] if beyond else []), *reasons]
    elif found.alone:
        verdict = Verdict.IDLE
        reasons.append(f"as many as {noise.churn} come and go when the same network only rounds otherwise")
    elif not len(found.reference):
        verdict, reasons = Verdict.IDLE, [*reasons, "nothing is detected in these inputs"]
    return Compared(name, verdict, "; ".join(reasons) or None, measured, None, as_set=True)


def _triples(array: Array) -> bool:
    return _exact(array) and array.ndim == 2 and array.shape[1] == 3


def _moves(rule: Rule, floor: Floor | None, found: Places) -> float:
    """How far the rule lets one element move."""
    own = rule.tolerance
    if own is not None:
        return (own.atol + own.rtol) * found.scale
    return rule.k * floor.max if floor else 0.0


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
    return None


def _judge(
    reference: Array, candidate: Array, found: Places, measured: Figures, rule: Rule
) -> tuple[Verdict, str | None]:
    if found.differ:
        at = f", first at [{', '.join(map(str, found.first))}]" if found.first is not None else ""
        return Verdict.FAIL, f"{found.differ:,} elements are NaN or infinite on one side only{at}"
    if _exact(reference) and not np.array_equal(reference, candidate):
        return Verdict.FAIL, f"{int((reference != candidate).sum()):,} of {measured.size:,} whole numbers differ"
    fault = _beyond(measured, rule)
    if fault:
        return Verdict.FAIL, fault
    if found.nan or found.inf:
        return Verdict.PASS, f"{found.nan:,} NaN and {found.inf:,} infinite values, at the same places in both"
    return Verdict.PASS, None


def _beyond(measured: Figures, rule: Rule) -> str | None:
    """Why the figures do not pass by the rule."""
    share = f"{measured.outside:,} of {measured.size:,} values ({measured.outside / max(1, measured.size):.2%})"
    own = rule.tolerance
    if own is not None:
        if own.snr is not None and measured.snr_db < own.snr:
            return f"{measured.snr_db:.1f} dB, below the {own.snr:g} dB asked for"
        return f"{share} are out of tolerance" if (measured.tolerance_ratio or 0.0) > 1 else None
    if measured.floor_max is not None and math.isinf(measured.floor_max):
        return None
    if measured.ratio is None:
        return "no floor is known for it: nothing says what rounding may do here"
    if measured.ratio <= rule.k:
        return None
    many = f"; {share} lie beyond {rule.k:g} floors" if measured.outside else ""
    return f"{measured.ratio:.3g} x the rounding noise, at most {rule.k:g} x is harmless{many}"


def _decided(measured: Figures, rule: Rule) -> str | None:
    if rule.tolerance is None and measured.floor_max is not None and math.isinf(measured.floor_max):
        return "rounding alone decides it: compare what it is computed from"
    return None


def _missing(name: str, what: str, other: Mapping[str, Array]) -> Compared:
    return Compared(name, Verdict.FAIL, f"{what}, which has {', '.join(other) or 'no outputs'}", None, None)


def _exact(array: Array) -> bool:
    """Whole numbers and truth values are compared for equality: rounding has no part in them."""
    return array.dtype.kind in "iub"


def _dims(array: Array) -> str:
    return "x".join(map(str, array.shape)) or "scalar"
