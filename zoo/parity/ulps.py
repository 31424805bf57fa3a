"""Differences counted in float32 numbers: how many lie between two values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]

SAMPLE = 1 << 18
"""Elements that the percentiles are taken of: every n-th one of a larger array, all of a smaller one."""


@dataclass(frozen=True, slots=True)
class Ulps:
    """Median, 99th percentile and maximum, over the finite elements of the sample."""

    p50: float
    p99: float
    max: float


def ulps(reference: Array, candidate: Array) -> Ulps | None:
    """Both arrays rounded to float32 first; None for whole numbers, and where nothing is finite."""
    if reference.dtype.kind != "f" or not reference.size:
        return None
    step = -(-reference.size // SAMPLE)
    with np.errstate(over="ignore"):
        mine, other = (np.asarray(array).reshape(-1)[::step].astype(np.float32) for array in (reference, candidate))
    finite = np.isfinite(mine) & np.isfinite(other)
    if not finite.any():
        return None
    apart = np.abs(_places(mine[finite]) - _places(other[finite]))
    p50, p99 = np.percentile(apart, [50, 99], method="higher")
    return Ulps(float(p50), float(p99), float(apart.max()))


def _places(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """The position of each number in the order of all float32 numbers; +0 and -0 share one."""
    bits = values.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
