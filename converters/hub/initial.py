"""Weights for a graph that has none: the same numbers for a layer's name and role, whatever format the graph is in."""

from __future__ import annotations

import math
from zlib import crc32

import numpy as np

from converters.weights import ComputedWeight, Shape, Weight

_SAME = {
    "gamma": "scale",
    "beta": "shift",
    "moving_mean": "mean",
    "running_mean": "mean",
    "moving_var": "variance",
    "running_var": "variance",
}
"""What other formats call a role."""

_NEAR_ONE = frozenset({"scale", "variance"})
_EXACT = {"factor": 1.0, "slope": 0.25}


def drawn(seed: int, layer: str, role: str, shape: Shape) -> Weight:
    """Matrices and kernels from N(0, 2 / fan-in), so that a ReLU network keeps the variance of its input.

    Scales and variances lie around 1 (0.9 to 1.1), shifts, biases and means are from N(0, 0.01); float32.
    """
    role = _SAME.get(role, role)
    return ComputedWeight(shape, np.dtype("<f4"), lambda: _numbers(seed, layer, role, shape))


def _numbers(seed: int, layer: str, role: str, shape: Shape) -> np.ndarray:
    rng = np.random.default_rng([seed, crc32(f"{layer}/{role}".encode())])
    if role in _EXACT:
        return np.full(shape, _EXACT[role], np.float32)
    if role in _NEAR_ONE:
        return rng.uniform(0.9, 1.1, shape).astype(np.float32)
    wide = sum(dim != 1 for dim in shape) > 1 or len(shape) > 2
    spread = math.sqrt(2 / max(math.prod(shape[1:]), 1)) if wide and role != "bias" else 0.1
    return (rng.standard_normal(shape) * spread).astype(np.float32)
