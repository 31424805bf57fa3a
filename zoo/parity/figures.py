"""Two arrays of one shape, measured against each other in float64 with bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.parity.tolerance import Tolerance

# Elements in flight at once: two float64 copies of 2 MB each, whatever the size of the arrays.
CHUNK = 1 << 18

Array = NDArray[np.generic]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figures:
    """How far a candidate lies from its reference, over the elements that are finite in both.

    `ratio` is the largest |candidate - reference| in units of what the tolerance allows there: at most 1 passes.
    `needed` is the smallest t for which atol = rtol = t would pass. Both are infinite where nothing would do.
    """

    size: int
    scale: float  # max|reference|
    max_abs: float
    max_rel: float  # max|candidate - reference| / max|reference|
    max_rel_each: float  # largest |candidate - reference| / |reference|, over reference values that are not zero
    rms: float
    rms_rel: float  # rms of the difference / rms of the reference
    cosine: float
    ratio: float
    needed: float
    outside: int  # elements that the tolerance does not pass


@dataclass(frozen=True, slots=True)
class Places:
    """Where the values are not finite; `differ` counts elements that are NaN, +Inf or -Inf on one side only."""

    nan: int
    inf: int
    differ: int
    scale: float  # max|reference| over its finite values
    low: float  # smallest and largest finite reference value
    high: float


def places(reference: Array, candidate: Array) -> Places:
    """One pass over both arrays that finds the scale of the reference and everything that is not a number."""
    nan = inf = differ = 0
    low, high = math.inf, -math.inf
    for mine, other in _chunks(reference, candidate):
        finite = np.isfinite(mine)
        odd = ~finite | ~np.isfinite(other)
        if odd.any():
            nan += int(np.isnan(mine[odd]).sum())
            inf += int(np.isinf(mine[odd]).sum())
            same = (mine[odd] == other[odd]) | (np.isnan(mine[odd]) & np.isnan(other[odd]))
            differ += int((~same).sum())
        values = mine[finite]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    scale = max(abs(low), abs(high)) if low <= high else 0.0
    return Places(nan, inf, differ, scale, low, high)


def figures(reference: Array, candidate: Array, tolerance: Tolerance, scale: float) -> Figures:
    """A second pass that measures the differences; `scale` is `places(...).scale` of the same arrays."""
    sums = _Sums()
    for mine, other in _chunks(reference, candidate):
        finite = np.isfinite(mine) & np.isfinite(other)
        whole = bool(finite.all())
        sums.add(mine if whole else mine[finite], other if whole else other[finite], tolerance, scale)
    rms, rms_mine = _root(sums.square, sums.count), _root(sums.mine, sums.count)
    return Figures(
        size=int(reference.size),
        scale=scale,
        max_abs=sums.max_abs,
        max_rel=_share(sums.max_abs, scale),
        max_rel_each=sums.max_rel_each,
        rms=rms,
        rms_rel=_share(rms, rms_mine),
        cosine=_cosine(sums),
        ratio=sums.ratio,
        needed=sums.needed,
        outside=sums.outside,
    )


@dataclass(slots=True)
class _Sums:
    count: int = 0
    max_abs: float = 0.0
    max_rel_each: float = 0.0
    square: float = 0.0
    mine: float = 0.0
    other: float = 0.0
    dot: float = 0.0
    ratio: float = 0.0
    needed: float = 0.0
    outside: int = 0

    def add(self, mine: Doubles, other: Doubles, tolerance: Tolerance, scale: float) -> None:
        if not mine.size:
            return
        error, size = np.abs(other - mine), np.abs(mine)
        self.count += mine.size
        self.max_abs = max(self.max_abs, float(error.max()))
        self.square += float(np.dot(error, error))
        self.mine += float(np.dot(mine, mine))
        self.other += float(np.dot(other, other))
        self.dot += float(np.dot(mine, other))
        self.max_rel_each = max(self.max_rel_each, _largest_share(error[size > 0], size[size > 0]))
        bound = tolerance.atol * scale + tolerance.rtol * size
        self.ratio = max(self.ratio, _largest_share(error, bound))
        self.needed = max(self.needed, _largest_share(error, scale + size))
        self.outside += int((error > bound).sum())


def _chunks(reference: Array, candidate: Array) -> Iterator[tuple[Doubles, Doubles]]:
    """Flat float64 pieces of both arrays in C order, copied or cast a buffer at a time (memory-mapped ones too)."""
    pieces = np.nditer(
        [reference, candidate],
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_flags=[["readonly"], ["readonly"]],
        op_dtypes=[np.dtype(np.float64), np.dtype(np.float64)],
        order="C",
        casting="unsafe",  # integers of 64 bits; compare() asks for equality of integers, where this cannot matter
        buffersize=CHUNK,
    )
    for mine, other in pieces:
        yield np.asarray(mine), np.asarray(other)


def _largest_share(error: Doubles, of: Doubles) -> float:
    """max(error / of), where 0 / 0 is 0 and anything else over 0 is infinite."""
    if not error.size:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = np.where(error == 0, 0.0, error / of)
    return float(share.max())


def _share(error: float, of: float) -> float:
    if error == 0:
        return 0.0
    return error / of if of else math.inf


def _root(total: float, count: int) -> float:
    return math.sqrt(total / count) if count else 0.0


def _cosine(sums: _Sums) -> float:
    """1 for two zero vectors, 0 when only one is zero; rounding never takes it out of [-1, 1]."""
    lengths = math.sqrt(sums.mine) * math.sqrt(sums.other)
    if not lengths:
        return 1.0 if sums.mine == sums.other else 0.0
    return max(-1.0, min(1.0, sums.dot / lengths))
