"""Linear and LayerNorm: over the last dimension; Linear's weight is [out, in]."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.weights import ComputedWeight


def linear(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Linear as Gemm for two dimensions, else as MatMul with the transposed weight and Add."""
    (data,) = emit.inputs
    inner, out = layer.attrs.integer("in_features"), layer.attrs.integer("out_features")
    if emit.size(data, -1) != inner:
        emit.refuse(
            f"its input has {emit.size(data, -1)} features, it wants {inner}", "is the input's size the right one?"
        )
    bias = [emit.weight("bias", (out,))] if layer.attrs.flag("bias") else []
    if emit.rank(data) == 2:
        return emit("Gemm", data, emit.weight("weight", (out, inner)), *bias, transB=1)
    weight = emit.source("weight", (out, inner))
    turned = ComputedWeight((inner, out), weight.dtype, lambda: np.ascontiguousarray(weight.array().T))
    result = emit("MatMul", data, emit.derived(turned, "weight_transposed"))
    return emit("Add", result, *bias) if bias else result


def layer_norm(layer: Layer, emit: Emit) -> ir.Value:
    """Reads LayerNorm over the last dimension as LayerNormalization."""
    (data,) = emit.inputs
    size = emit.size(data, -1)
    if layer.attrs.integers("normalized_shape") != (size,):
        emit.refuse(f"it normalises {layer.attrs.integers('normalized_shape')}, its input ends in {size}")
    weights = [emit.weight(role, (size,)) for role in ("weight", "bias")]
    return emit("LayerNormalization", data, *weights, axis=-1, epsilon=layer.attrs.number("eps"))


READ = {
    "Linear": Read(
        linear,
        samples=(
            Sample("rows", "in_features=6, out_features=5, bias=True", ((3, 6),), ((5, 6), (5,))),
            Sample("no bias", "in_features=6, out_features=4, bias=False", ((3, 6),), ((4, 6),)),
            Sample("last of four", "in_features=6, out_features=5, bias=True", ((2, 3, 4, 6),), ((5, 6), (5,))),
        ),
    ),
    "LayerNorm": Read(
        layer_norm, samples=(Sample("eps", "normalized_shape=(6,), eps=0.01", ((2, 3, 4, 6),), ((6,), (6,))),)
    ),
}
