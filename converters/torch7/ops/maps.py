"""Convolutions with a table of connections: most input planes do not reach most output planes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    array,
    batched,
    demand_channels,
    only,
    parameter,
    stored_shape,
    unbatched,
    whole,
)
from converters.weights import ComputedWeight


def convolution_map(*, full: bool) -> Callable[[Layer, Emit], ir.Value]:
    """Reads SpatialConvolutionMap and SpatialFullConvolutionMap as Conv and ConvTranspose with zeros.

    connTable [connections, 2] holds 1-based (from, to), weight [connections, kH, kW] the kernels; a pair that comes
    twice counts twice.
    """

    def read(layer: Layer, emit: Emit) -> ir.Value:
        value = only(emit)
        data, added = batched(emit, value, 4)
        count, high, wide = stored_shape(layer, emit, "weight", 3)
        links = array(layer, emit, "connTable").astype(np.int64) - 1
        planes, out = whole(layer, emit, "nInputPlane"), whole(layer, emit, "nOutputPlane")
        demand_channels(emit, data, planes)
        if links.shape != (count, 2) or links.min() < 0 or (links.max(axis=0) >= (planes, out)).any():
            emit.refuse(f"its connTable does not fit {planes} input and {out} output planes")
        kernels = emit.source("weight", (count, high, wide))
        order = (planes, out) if full else (out, planes)

        def compute() -> np.ndarray:
            dense = np.zeros((*order, high, wide), np.float32)
            at = (links[:, 0], links[:, 1]) if full else (links[:, 1], links[:, 0])
            np.add.at(dense, at, kernels.array())
            return dense

        weight = emit.derived(ComputedWeight((*order, high, wide), np.dtype("<f4"), compute), "weight")
        bias = parameter(layer, emit, "bias", (out,))
        strides = (whole(layer, emit, "dH", 1), whole(layer, emit, "dW", 1))
        op = "ConvTranspose" if full else "Conv"
        result = emit(op, data, weight, bias, kernel_shape=(high, wide), strides=strides)
        return unbatched(emit, result, added=added)

    return read


READ = {
    "nn.SpatialConvolutionMap": Read(convolution_map(full=False)),
    "nn.SpatialFullConvolutionMap": Read(convolution_map(full=True)),
}
