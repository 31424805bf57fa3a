"""nn.WeightNorm keeps direction and length of a weight apart; its write() leaves the weight itself out of the file."""

from __future__ import annotations

import numpy as np

from converters.torch7.modules import Parameters
from converters.torch7.objects import Object, Tensor
from converters.weights import ComputedWeight, Weight


def weight(module: Object, parameters: Parameters) -> Weight | None:
    """The weight g * v / sqrt(sum(v^2) + 1e-4), its output dimension moved back to its place; None where fields lack.

    The constant is the source's own 10e-5 (nn/WeightNorm.lua, updateWeight).
    """
    fields = module.fields.strings
    v, g = fields.get("v"), fields.get("g")
    view, dimension = parameters.plain(fields.get("viewOut")), parameters.plain(fields.get("outputDim", 1.0))
    if not isinstance(v, Tensor) or not isinstance(g, Tensor) or not isinstance(view, tuple):
        return None
    if not isinstance(dimension, int) or len(v.size) != 2 or not 1 <= dimension <= len(view):
        return None
    direction, length, rows = parameters.weight(v), parameters.weight(g), v.size[0]
    axis = dimension - 1
    shape = (*view[1:dimension], view[0], *view[dimension:])
    if int(np.prod(view)) != int(np.prod(v.size)) or int(np.prod(g.size)) != rows:
        return None

    def compute() -> np.ndarray:
        values = direction.array()
        scale = length.array().reshape(rows, 1) / np.sqrt((values**2).sum(1, keepdims=True) + np.float32(10e-5))
        return np.moveaxis((values * scale).reshape(view), 0, axis)

    return ComputedWeight(shape, np.dtype("<f4"), compute)
