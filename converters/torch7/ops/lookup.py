"""What is chosen by indices, which are 1-based and come as float32."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    axis,
    both,
    flag,
    indices,
    only,
    parameter,
    real,
    stored_shape,
    whole,
)
from converters.weights import ComputedWeight


def lookup_table(layer: Layer, emit: Emit) -> ir.Value:
    """Reads LookupTable as Gather; with maxNorm, rows longer than it are scaled down to it, as forward() does.

    paddingValue matters to gradients only.
    """
    data = only(emit)
    shape = stored_shape(layer, emit, "weight", 2)
    if "maxNorm" not in layer.attrs:
        return emit("Gather", parameter(layer, emit, "weight", shape), indices(emit, data), axis=0)
    longest, p = real(layer, emit, "maxNorm"), real(layer, emit, "normType", 2)
    stored = emit.source("weight", shape)

    def compute() -> np.ndarray:
        rows = stored.array().astype(np.float64)
        norm = (np.abs(rows) ** p).sum(1, keepdims=True) ** (1 / p)
        return rows * np.where(norm > longest, longest / (norm + 1e-7), 1)

    table = emit.derived(ComputedWeight(shape, np.dtype("<f4"), compute), "weight")
    return emit("Gather", table, indices(emit, data), axis=0)


def lookup_table_gpu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads LookupTableGPU as Gather; unk_index has a row of zeros, featuresInDim2 puts the row before the places."""
    data = only(emit)
    shape = stored_shape(layer, emit, "weight", 2)
    if layer.attrs.get("unk_index") is None:
        rows = parameter(layer, emit, "weight", shape)
    else:
        stored, unknown = emit.source("weight", shape), whole(layer, emit, "unk_index") - 1

        def compute() -> np.ndarray:
            return np.where(np.arange(shape[0])[:, None] == unknown, np.float32(0), stored.array())

        rows = emit.derived(ComputedWeight(shape, np.dtype("<f4"), compute), "weight")
    found = emit("Gather", rows, indices(emit, data), axis=0)
    if flag(layer, "featuresInDim2") and emit.rank(data) == 2:
        return emit("Transpose", found, perm=(0, 2, 1))
    return found


def index(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Index as Gather along its dimension."""
    data, places = both(emit)
    return emit("Gather", data, indices(emit, places), axis=axis(emit, data, whole(layer, emit, "dimension")))


def one_hot(layer: Layer, emit: Emit) -> ir.Value:
    """Reads OneHot: a new last dimension with a one at each index."""
    data = only(emit)
    depth = emit.constant(np.int64(whole(layer, emit, "outputSize")), "depth")
    return emit("OneHot", indices(emit, data), depth, emit.constant([0.0, 1.0], "values"), axis=-1)


def masked_select(layer: Layer, emit: Emit) -> ir.Value:
    """Reads MaskedSelect as Compress: the values where the mask is not zero, in one dimension."""
    data, mask = both(emit)
    flat = emit("Reshape", emit("Cast", mask, to=9), emit.constant([-1], "flat"))
    return emit("Compress", data, flat)


READ = {
    "nn.LookupTable": Read(lookup_table),
    "nn.LookupTableGPU": Read(lookup_table_gpu),
    "nn.Index": Read(index),
    "nn.OneHot": Read(one_hot),
    "nn.MaskedSelect": Read(masked_select),
}
