"""A few numbers of a large array, at places that are the same on every machine and lie in no step with its shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST = 512
"""Numbers kept of an inner value: 2 kB, and 180 values of a ResNet-50 are 0.4 MB."""
_STEP = 0.6180339887498949
"""The golden ratio: its multiples, less their whole part, fill the unit interval evenly however many there are."""


def places(count: int) -> NDArray[np.int64]:
    """Places among `count` numbers in a row: all of them, or `MOST` at most, evenly spread and rising."""
    if count <= MOST:
        return np.arange(count, dtype=np.int64)
    return np.unique((np.arange(MOST) * _STEP % 1.0 * count).astype(np.int64))
