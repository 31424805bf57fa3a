"""Dimensions folded around inner modules (Bottle, CReLU), and a constant unfolded over a batch."""

from __future__ import annotations

import math

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    both,
    only,
    sample_dims,
    tensor,
    whole,
)


def bottle_fold(layer: Layer, emit: Emit) -> ir.Value:
    """Reads the beginning of a Bottle: leading dimensions folded into one, so that nInputDim are left."""
    data = only(emit)
    inner, rank = whole(layer, emit, "nInputDim", 2), emit.rank(data)
    if rank <= inner:
        return emit.dropped("has nothing to fold")
    keep = emit.sizes(data, rank - inner + 1)
    return emit.unflatten(data, (-1, *keep))


def bottle(layer: Layer, emit: Emit) -> ir.Value:
    """Reads the end of a Bottle: the folded dimensions are taken apart again."""
    result, data = both(emit)
    inner, shape = whole(layer, emit, "nInputDim", 2), emit.shape(data)
    if len(shape) <= inner:
        return emit.dropped("has nothing to unfold")
    folded = shape[: len(shape) - inner + 1]
    if emit.rank(result) != whole(layer, emit, "nOutputDim", inner):
        emit.refuse(f"its module returns {emit.rank(result)} dimensions, not nOutputDim")
    return emit.unflatten(result, (*folded, *emit.sizes(result, 1)))


def crelu_fold(layer: Layer, emit: Emit) -> ir.Value:
    """Reads the beginning of a CReLU: a sample a row."""
    data = only(emit)
    if emit.rank(data) == whole(layer, emit, "nInputDims") + 1:
        return emit.reshape(data, (emit.shape(data)[0], math.prod(emit.sizes(data, 1))))
    return emit.reshape(data, (1, math.prod(emit.sizes(data))))


def crelu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads the end of a CReLU: the rows, twice as long, in the input's dimensions with twice the channels."""
    rows, data = both(emit)
    shape = list(emit.shape(data))
    at = int(len(shape) == whole(layer, emit, "nInputDims") + 1)
    shape[at] = 2 * emit.size(data, at)
    return emit.unflatten(rows, shape)


def constant(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Constant: its value, repeated for each sample where the input has more than nInputDim dimensions."""
    data = only(emit)
    value = emit.derived(tensor(layer, emit, "value"), "value")
    inner = sample_dims(layer, emit, "nInputDim")
    if inner is None or emit.rank(data) <= inner:
        return emit("Identity", value)
    batch = emit("Shape", data, start=0, end=1)
    return emit("Expand", value, emit("Concat", batch, emit("Shape", value), axis=0))


READ = {
    "nn.Bottle/fold": Read(bottle_fold),
    "nn.Bottle": Read(bottle),
    "nn.CReLU/fold": Read(crelu_fold),
    "nn.CReLU": Read(crelu),
    "nn.Constant": Read(constant),
}
