"""How large a tensor is and how far another lies from it: one pass in pieces that stay in the processor's cache."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.parity.engine.arrays import Array

_ALONE = os.environ.get("OPENBLAS_NUM_THREADS") == "1"
PIECE = 1 << (16 if _ALONE else 15)
"""Elements at a time."""
_STEP = PIECE if _ALONE else 1 << 13
"""Numbers of one dot product: from 10,000 on OpenBLAS (interface/dot.c) shares it among threads, which mostly wait."""


@dataclass(frozen=True, slots=True)
class Size:
    """Root mean square and largest magnitude of the finite elements; how many are not finite."""

    rms: float
    max: float
    odd: int = 0


def size(array: Array) -> Size:
    """Of one array of any type."""
    return distance(array, None)


def distance(array: Array, other: Array | None) -> Size:
    """Of `array - other` in float64; elements that are not finite on both sides are counted instead."""
    flat, beside = array.reshape(-1), None if other is None else other.reshape(-1)
    total, most, odd = 0.0, 0.0, 0
    buffer = np.empty(min(PIECE, flat.size))
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, flat.size, PIECE):
            piece = flat[start : start + PIECE]
            if beside is not None:
                piece = np.subtract(piece, beside[start : start + PIECE], out=buffer[: piece.size], dtype=np.float64)
            elif piece.dtype != np.float64:
                piece = piece.astype(np.float64)
            square = dot(piece, piece)
            if not math.isfinite(square):
                finite = np.isfinite(piece)
                odd += int(piece.size - np.count_nonzero(finite))
                piece = piece[finite]
                square = dot(piece, piece)
            total += square
            if piece.size:
                most = max(most, float(piece.max()), -float(piece.min()))
    count = flat.size - odd
    return Size(math.sqrt(total / count) if count else 0.0, most, odd)


def dot(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The sum of products, in steps that BLAS does not share out among threads: it would wait for them each time."""
    return math.fsum(float(np.dot(one[at : at + _STEP], other[at : at + _STEP])) for at in range(0, one.size, _STEP))
