"""Reduction and Tile: fewer values, or the same ones again."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample

_OPERATORS = {"SUM": "ReduceSum", "ASUM": "ReduceL1", "SUMSQ": "ReduceSumSquare", "MEAN": "ReduceMean"}


def reduction(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Reduction as ReduceSum, ReduceL1, ReduceSumSquare or ReduceMean from `axis` on, times `coeff`."""
    (data,) = emit.inputs
    attrs = layer.attrs
    axis = emit.axis(data, attrs.integer("axis"))
    axes = emit.constant(list(range(axis, emit.rank(data))), "axes")
    result = emit(_OPERATORS[attrs.text("operation")], data, axes, keepdims=0)
    coeff = attrs.number("coeff")
    return result if coeff == 1 else emit("Mul", result, emit.constant(np.float32(coeff), "coeff"))


def tile(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Tile as Tile along one axis."""
    (data,) = emit.inputs
    repeats = [1] * emit.rank(data)
    repeats[emit.axis(data, layer.attrs.integer("axis"))] = layer.attrs.integer("tiles")
    if min(repeats) < 1:
        emit.refuse("tiles must be at least 1; Caffe refuses it too")
    return emit("Tile", data, emit.constant(repeats, "repeats"))


_IMAGE = ((2, 3, 4, 5),)

READ = {
    "Reduction": Read(
        reduction,
        samples=(
            Sample("sum behind axis 1", "reduction_param { axis: 1 }", _IMAGE),
            Sample("mean", "reduction_param { axis: 2 operation: MEAN coeff: 2 }", _IMAGE),
            Sample("absolute values", "reduction_param { axis: -1 operation: ASUM }", _IMAGE),
            Sample("squares", "reduction_param { axis: 1 operation: SUMSQ coeff: 0.5 }", _IMAGE),
            Sample("everything", "reduction_param { operation: MEAN }", _IMAGE),
        ),
    ),
    "Tile": Read(
        tile,
        samples=(
            Sample("channels", "tile_param { tiles: 3 }", _IMAGE),
            Sample("last axis", "tile_param { axis: -1 tiles: 2 }", _IMAGE),
        ),
    ),
}
