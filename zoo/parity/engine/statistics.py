"""How large a tensor is and how far others lie from it: one pass in pieces that stay in the processor's cache."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.parity.engine.arrays import Array

_ALONE = os.environ.get("OPENBLAS_NUM_THREADS") == "1"
PIECE = 1 << 15
"""Elements at a time: with their difference from another tensor they fill half of a processor's second cache."""
_STEP = PIECE if _ALONE else 1 << 13
"""Numbers of one dot product: from 10,000 on OpenBLAS (interface/dot.c) shares it among threads, which mostly wait."""
_SPAN = PIECE << 5
"""Elements that one thread takes; sums are made span by span, and do not depend on how many threads there are."""

Run = Callable[[Callable[[int], "list[_Tally]"], Iterable[int]], "Iterable[list[_Tally]]"]


@dataclass(frozen=True, slots=True)
class Size:
    """Root mean square and largest magnitude of the finite elements; how many are not finite."""

    rms: float
    max: float
    odd: int = 0


@dataclass(slots=True)
class _Tally:
    """What is known of the pieces so far."""

    total: float = 0.0
    most: float = 0.0
    odd: int = 0
    count: int = 0

    def add(self, piece: NDArray[np.float64]) -> None:
        square = dot(piece, piece)
        if not math.isfinite(square):
            finite = np.isfinite(piece)
            self.odd += int(piece.size - np.count_nonzero(finite))
            piece = piece[finite]
            square = dot(piece, piece)
        self.total += square
        self.count += piece.size
        if piece.size:
            self.most = max(self.most, float(piece.max()), -float(piece.min()))

    def join(self, other: _Tally) -> None:
        self.total += other.total
        self.most = max(self.most, other.most)
        self.odd += other.odd
        self.count += other.count

    def size(self) -> Size:
        return Size(math.sqrt(self.total / self.count) if self.count else 0.0, self.most, self.odd)


def size(array: Array) -> Size:
    """Of one array of any type."""
    return sizes(array, ())[0]


def sizes(array: Array, others: Sequence[Array], run: Run = map) -> list[Size]:
    """Of `array`, and of each other's difference from it as `distance` has it; `run` may be a pool's `map`."""
    flat, beside = array.reshape(-1), [other.reshape(-1) for other in others]

    def tallied(start: int) -> list[_Tally]:
        span = slice(start, start + _SPAN)
        return _tallied(flat[span], [other[span] for other in beside])

    found = [_Tally() for _ in range(1 + len(beside))]
    for part in run(tallied, range(0, flat.size, _SPAN)):
        for whole, tally in zip(found, part, strict=True):
            whole.join(tally)
    return [tally.size() for tally in found]


def _tallied(flat: Array, beside: Sequence[Array]) -> list[_Tally]:
    found = [_Tally() for _ in range(1 + len(beside))]
    buffer = np.empty(min(PIECE, flat.size))
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, flat.size, PIECE):
            piece = flat[start : start + PIECE]
            wide = piece if piece.dtype == np.float64 else piece.astype(np.float64)
            found[0].add(wide)
            for tally, other in zip(found[1:], beside, strict=True):
                near = other[start : start + PIECE]
                tally.add(np.subtract(near, wide, out=buffer[: wide.size], dtype=np.float64))
    return found


def distance(array: Array, other: Array) -> Size:
    """Of `array - other` in float64; elements that are not finite on both sides are counted instead."""
    flat, beside, found = array.reshape(-1), other.reshape(-1), _Tally()
    buffer = np.empty(min(PIECE, flat.size))
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, flat.size, PIECE):
            piece = slice(start, start + PIECE)
            out = buffer[: min(PIECE, flat.size - start)]
            found.add(np.subtract(flat[piece], beside[piece], out=out, dtype=np.float64))
    return found.size()


def dot(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The sum of products, in steps that BLAS does not share out among threads: it would wait for them each time."""
    return math.fsum(float(np.dot(one[at : at + _STEP], other[at : at + _STEP])) for at in range(0, one.size, _STEP))
