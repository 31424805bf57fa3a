"""Two arrays of one shape, measured against each other in float64, in one pass and with bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from zoo.parity.rule import Floor, Rule
from zoo.parity.ulps import Ulps, ulps

CHUNK = 1 << 13
"""Elements in flight at once: they stay in the processor's cache, and a dot product of them takes one thread."""

Array = NDArray[np.generic]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Needed:
    """What np.allclose would need: `rtol` alone (with atol 0; infinite at a zero) or `atol` alone (with rtol 0)."""

    rtol: float
    atol: float


@dataclass(frozen=True, slots=True)
class Figures:
    """How far a candidate lies from its reference, over the elements that are finite in both.

    `ratio` is the error in units of the floor, by RMS or by maximum, whichever is larger; None where no floor is known.
    `tolerance_ratio` is the largest error in units of a tolerance set by hand; None where there is none.
    `outside` counts the elements that lie beyond what the rule allows a single one.
    """

    size: int
    scale: float  # max|reference|
    max_abs: float
    max_rel: float  # max|candidate - reference| / max|reference|
    max_rel_each: float  # largest |candidate - reference| / |reference|, over reference values that are not zero
    rms: float
    rms_rel: float  # rms of the difference / rms of the reference
    snr_db: float  # 20 log10(rms of the reference / rms of the difference); infinite for equal arrays
    cosine: float
    ulp: Ulps | None
    ratio: float | None
    tolerance_ratio: float | None
    floor_rms: float | None
    floor_max: float | None
    needed: Needed
    outside: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where the values are not finite; `differ` counts elements that are NaN, +Inf or -Inf on one side only."""

    nan: int
    inf: int
    differ: int
    first: tuple[int, ...] | None  # the first place where they differ
    scale: float  # max|reference| over its finite values
    low: float  # smallest and largest finite reference value
    high: float


def figures(reference: Array, candidate: Array, rule: Rule, floor: Floor | None = None) -> tuple[Figures, Places]:
    """Everything that is measured of one output, and where it is not finite."""
    sums = _Sums(limit=_limit(reference, rule, floor))
    for start, mine, other in _chunks(reference, candidate):
        sums.add(start, mine, other)
    scale = max(abs(sums.low), abs(sums.high)) if sums.low <= sums.high else 0.0
    rms, rms_mine = _root(sums.square, sums.count), _root(sums.mine, sums.count)
    return Figures(
        size=int(reference.size),
        scale=scale,
        max_abs=sums.max_abs,
        max_rel=_share(sums.max_abs, scale),
        max_rel_each=sums.max_rel,
        rms=rms,
        rms_rel=_share(rms, rms_mine),
        snr_db=20 * math.log10(rms_mine / rms) if rms and rms_mine else math.inf if not rms else -math.inf,
        cosine=_cosine(sums),
        ulp=ulps(reference, candidate),
        ratio=None if floor is None else max(_share(rms, floor.rms), _share(sums.max_abs, floor.max)),
        tolerance_ratio=sums.limited if rule.tolerance is not None and rule.tolerance.elementwise else None,
        floor_rms=None if floor is None else floor.rms,
        floor_max=None if floor is None else floor.max,
        needed=Needed(rtol=math.inf if sums.zero_moved else sums.max_rel, atol=sums.max_abs),
        outside=sums.outside,
    ), sums.places(reference, scale)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Limit:
    """What a single element may differ by: `flat` + `share` of the reference there; infinite where nothing is known."""

    flat: float
    share: float


def _limit(reference: Array, rule: Rule, floor: Floor | None) -> _Limit:
    own = rule.tolerance
    if own is not None:
        if not own.elementwise:
            return _Limit(math.inf, 0.0)
        return _Limit(own.atol * _scale(reference) if own.atol else 0.0, own.rtol)
    return _Limit(math.inf if floor is None else rule.k * floor.max, 0.0)


def _scale(reference: Array) -> float:
    """max|reference| over what is finite, before anything else: `atol` is a share of it."""
    scale = 0.0
    for start in range(0, reference.size, CHUNK):
        piece = np.abs(reference.flat[start : start + CHUNK].astype(np.float64))
        scale = max(scale, float(np.max(piece, where=np.isfinite(piece), initial=0.0)))
    return scale


@dataclass(slots=True)
class _Sums:
    limit: _Limit
    count: int = 0
    max_abs: float = 0.0
    max_rel: float = 0.0
    square: float = 0.0
    mine: float = 0.0
    other: float = 0.0
    dot: float = 0.0
    limited: float = 0.0
    zero_moved: bool = False
    outside: int = 0
    low: float = math.inf
    high: float = -math.inf
    nan: int = 0
    inf: int = 0
    differ: int = 0
    first: int | None = None
    _error: Doubles = field(default_factory=lambda: np.empty(CHUNK))
    _size: Doubles = field(default_factory=lambda: np.empty(CHUNK))

    def add(self, start: int, mine: Doubles, other: Doubles) -> None:
        """One chunk, its not finite elements counted and left out."""
        total = float(np.dot(mine, mine)) + float(np.dot(other, other))
        if not math.isfinite(total):
            finite = self._odd(start, mine, other)
            mine, other = mine[finite], other[finite]
        if mine.size:
            self._add(mine, other)

    def _odd(self, start: int, mine: Doubles, other: Doubles) -> NDArray[np.bool_]:
        finite = np.isfinite(mine) & np.isfinite(other)
        self.nan += int(np.isnan(mine).sum())
        self.inf += int(np.isinf(mine).sum())
        differ = ~(finite | (mine == other) | (np.isnan(mine) & np.isnan(other)))
        if differ.any():
            self.first = start + int(differ.argmax()) if self.first is None else self.first
            self.differ += int(differ.sum())
        alone = mine[np.isfinite(mine) & ~finite]
        if alone.size:
            self.low, self.high = min(self.low, float(alone.min())), max(self.high, float(alone.max()))
        return finite

    def _add(self, mine: Doubles, other: Doubles) -> None:
        error, size = self._error[: mine.size], self._size[: mine.size]
        np.subtract(other, mine, out=error)
        self.count += mine.size
        self.square += float(np.dot(error, error))
        self.mine += float(np.dot(mine, mine))
        self.other += float(np.dot(other, other))
        self.dot += float(np.dot(mine, other))
        self.low, self.high = min(self.low, float(mine.min())), max(self.high, float(mine.max()))
        np.abs(error, out=error)
        most = float(error.max())
        if most == 0:
            return
        self.max_abs = max(self.max_abs, most)
        np.abs(mine, out=size)
        limit = self.limit
        if limit.share or most > limit.flat:
            bound = limit.flat + limit.share * size
            self.outside += int(np.count_nonzero(error > bound))
            self.limited = max(self.limited, _largest_share(error, bound))
        elif limit.flat < math.inf:
            self.limited = max(self.limited, most / limit.flat)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            np.divide(error, size, out=size)
        worst = float(size.max())
        if not math.isfinite(worst):  # x / 0 is infinite, 0 / 0 is NaN
            self.zero_moved = self.zero_moved or bool(np.isinf(size).any())
            worst = float(np.max(size, where=np.isfinite(size), initial=0.0))
        self.max_rel = max(self.max_rel, worst)

    def places(self, reference: Array, scale: float) -> Places:
        """What is not finite, and the range of what is."""
        first = None if self.first is None else tuple(map(int, np.unravel_index(self.first, reference.shape)))
        return Places(self.nan, self.inf, self.differ, first, scale, self.low, self.high)


def _chunks(reference: Array, candidate: Array) -> Iterator[tuple[int, Doubles, Doubles]]:
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
    start = 0
    with np.errstate(invalid="ignore", over="ignore"):
        for mine, other in pieces:
            for at in range(0, mine.size, CHUNK):  # float64 arrays are handed out whole
                one, two = np.asarray(mine)[at : at + CHUNK], np.asarray(other)[at : at + CHUNK]
                yield start, one, two
                start += one.size


def _largest_share(error: Doubles, of: Doubles) -> float:
    """max(error / of), where 0 / 0 is 0 and anything else over 0 is infinite."""
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
