"""The noise of a detector's rows: runs that differ by rounding alone, matched like the runs that are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.parity.detections.layout import Array, Doubles, Found, layout_of
from zoo.parity.detections.matching import match

_UNIT = 2.0**-24
_SAME = 0.99
"""The IoU of a box with itself under rounding; below it a run has chosen another box, which is no noise of a corner."""
_SLACK = 2.0**-20  # a perturbed run moves labels, too
NEAR = 2.0**-16
"""Corners that lie this close, as a share of the largest, are one box even where it has no area."""


@dataclass(frozen=True, slots=True)
class RowNoise:
    """How far rounding moves a score and a corner at most, and the rows that it makes come and go (`loose`).

    `churn` is the largest number of rows that one run has and another has not.
    """

    score: float
    box: float
    loose: Found | None = None
    churn: int = 0


@dataclass(frozen=True, slots=True)
class PickNoise:
    """Of outputs that are places: rows of whole numbers that rounding alone makes come and go."""

    loose: frozenset[tuple[int, ...]]


def row_noise(truth: Array, lanes: Sequence[Array], factor: float = 1.0) -> RowNoise | None:
    """From a run in float64 and others of the same network; None where the rows cannot be read as detections."""
    layout = layout_of(truth, *lanes, slack=_SLACK)
    if layout is None:
        return None
    own = layout.read(truth)
    scale = float(np.abs(own.boxes).max(initial=0.0))
    score, box = [_UNIT * float(np.abs(own.scores).max(initial=0.0))], [_UNIT * scale]
    loose, churn = list[Found](), 0
    for lane in lanes:
        other = layout.read(lane)
        pairs = match(own, other, NEAR * scale, _SAME)
        score.append(_apart(*pairs.scores(own, other)))
        box.append(_apart(*pairs.boxes(own, other)))
        loose += [own.at(pairs.lost), other.at(pairs.extra)]
        churn = max(churn, len(pairs.lost) + len(pairs.extra))
    return RowNoise(factor * max(score), factor * max(box), _joined(loose), churn)


def pick_noise(truth: Array, lanes: Sequence[Array]) -> PickNoise:
    """The rows of places that some run has and another has not."""
    own = picks(truth)
    return PickNoise(frozenset().union(*(own ^ picks(lane) for lane in lanes)))


def picks(array: Array) -> frozenset[tuple[int, ...]]:
    """The rows of an M x 3 array of places."""
    return frozenset(map(tuple, np.asarray(array, np.int64).reshape(-1, array.shape[-1]).tolist()))


def _apart(mine: Doubles, other: Doubles) -> float:
    return float(np.abs(mine - other).max(initial=0.0))


def _joined(parts: Sequence[Found]) -> Found | None:
    if not any(len(part) for part in parts):
        return None
    names = ("images", "labels", "scores", "boxes", "places")
    return Found(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
