"""What Caffe itself would put into a weight that the file lacks, where that is no random number."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from converters.weights import ComputedWeight, Shape, Weight


def fill(spec: Mapping[str, object] | None, shape: Shape, default: float = 0.0) -> Weight | None:
    """The weight that a filler of type constant or bilinear makes; None for the random ones."""
    if spec is None:
        return _computed(shape, lambda: np.full(shape, default))
    kind = spec["type"]
    if kind == "constant":
        value = float(str(spec["value"]))
        return _computed(shape, lambda: np.full(shape, value))
    if kind == "bilinear":
        return _computed(shape, lambda: _bilinear(shape))
    return None


def _computed(shape: Shape, compute: Callable[[], np.ndarray]) -> Weight:
    return ComputedWeight(shape, np.dtype("<f4"), compute)


def _bilinear(shape: Shape) -> np.ndarray:
    """BilinearFiller (filler.hpp): every kernel of the blob holds the same interpolation weights."""
    width = shape[-1]
    factor = -(-width // 2)
    centre = (2 * factor - 1 - factor % 2) / (2.0 * factor)
    ramp = 1 - np.abs(np.arange(width) / factor - centre)
    return np.broadcast_to(np.outer(ramp, ramp), shape)
