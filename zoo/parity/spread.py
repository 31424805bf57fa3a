"""How the differences of two arrays are spread: a count a decade, and the worst elements with their places."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from zoo.parity.figures import CHUNK, Array, Doubles

LOWEST, HIGHEST = -12, 1  # decades of |difference| / max|reference|; what lies outside is counted in the last one
WORST = 10


def spread(reference: Array, candidate: Array, scale: float) -> dict[str, Any]:
    """`equal`, `decades` (exponent -> elements), `odd` (finite on one side at most) and the `worst` elements.

    `scale` is max|reference|. An element is in decade e when 10^e <= |difference| / scale < 10^(e + 1).
    """
    decades = dict.fromkeys(range(LOWEST, HIGHEST + 1), 0)
    equal = odd = 0
    worst: list[tuple[float, int]] = []
    for start, mine, other in _chunks(reference, candidate):
        finite = np.isfinite(mine) & np.isfinite(other)
        odd += int(mine.size - finite.sum())
        error = np.abs(np.where(finite, other, 0.0) - np.where(finite, mine, 0.0))
        moved = np.flatnonzero(error)
        equal += int(finite.sum()) - moved.size
        for exponent, count in _counted(error[moved], scale):
            decades[exponent] += count
        worst = sorted([*worst, *_largest(error, moved, start)], key=lambda item: (-item[0], item[1]))[:WORST]
    return {
        "equal": equal,
        "decades": {str(exponent): count for exponent, count in decades.items()},
        "odd": odd,
        "worst": [_element(reference, candidate, place) for _, place in worst],
    }


def _chunks(reference: Array, candidate: Array) -> Iterator[tuple[int, Doubles, Doubles]]:
    mine, other = np.ravel(reference), np.ravel(candidate)  # no copies: what a worker answers lies in C order
    for start in range(0, mine.size, CHUNK):
        part = slice(start, start + CHUNK)
        yield start, mine[part].astype(np.float64), other[part].astype(np.float64)


def _counted(error: Doubles, scale: float) -> Iterator[tuple[int, int]]:
    if error.size:
        share = error / scale if scale else np.full_like(error, math.inf)
        with np.errstate(divide="ignore", over="ignore"):
            exponents = np.clip(np.floor(np.log10(share)), LOWEST, HIGHEST).astype(int)
        found, counts = np.unique(exponents, return_counts=True)
        yield from zip(found.tolist(), counts.tolist(), strict=True)


def _largest(error: Doubles, moved: np.ndarray, start: int) -> list[tuple[float, int]]:
    if moved.size > WORST:
        moved = moved[np.argpartition(error[moved], -WORST)[-WORST:]]
    return [(float(error[place]), int(place) + start) for place in moved]


def _element(reference: Array, candidate: Array, place: int) -> dict[str, Any]:
    index = np.unravel_index(place, reference.shape)
    mine, other = float(reference[index]), float(candidate[index])
    return {"index": list(map(int, index)), "reference": mine, "candidate": other, "difference": abs(other - mine)}
