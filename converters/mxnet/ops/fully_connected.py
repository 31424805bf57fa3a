"""FullyConnected: a matrix product with all that follows the batch, or with the last axis alone."""

from __future__ import annotations

import math

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import has, parameter, value


def fully_connected(layer: Layer, emit: Emit) -> ir.Value:
    """Reads FullyConnected as Gemm; with flatten off as MatMul over the last axis. Weights lie as outputs x inputs."""
    data = value(layer, emit, "data")
    attrs = layer.attrs
    hidden, flat = attrs.integer("num_hidden"), attrs.flag("flatten")
    inner = math.prod(emit.sizes(data, 1)) if flat else emit.size(data, emit.rank(data) - 1)
    weight = parameter(layer, emit, "weight", (hidden, inner))
    biased = not attrs.flag("no_bias") or has(layer, "bias")
    bias = [parameter(layer, emit, "bias", (hidden,))] if biased else []
    if flat or emit.rank(data) == 2:
        rows = data if emit.rank(data) == 2 else emit("Flatten", data, axis=1)
        return emit("Gemm", rows, weight, *bias, transB=1)
    product = emit("MatMul", data, emit("Transpose", weight, perm=(1, 0)))
    return emit("Add", product, *bias) if bias else product


SAMPLES = (
    Sample("image", '{"num_hidden": "5"}', ((2, 3, 4, 2),), ((5, 24), (5,)),
           formula=lambda x, w: x[0].reshape(-1, 24) @ w[0].T + w[1]),
    Sample("without bias", '{"num_hidden": "5", "no_bias": "True"}', ((2, 7),), ((5, 7),),
           formula=lambda x, w: x[0] @ w[0].T),
    Sample("last axis", '{"num_hidden": "5", "flatten": "False"}', ((2, 3, 7),), ((5, 7), (5,)),
           formula=lambda x, w: x[0] @ w[0].T + w[1]),
)  # fmt: skip

READ = {"FullyConnected": Read(fully_connected, samples=SAMPLES)}
