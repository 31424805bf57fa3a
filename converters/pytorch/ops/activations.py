"""Element-wise layers, PReLU and Softmax."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def relu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ReLU as Relu."""
    return emit("Relu", *emit.inputs)


def sigmoid(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Sigmoid as Sigmoid."""
    return emit("Sigmoid", *emit.inputs)


def hardswish(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Hardswish as HardSwish."""
    return emit("HardSwish", *emit.inputs)


def hardsigmoid(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Hardsigmoid as HardSigmoid with alpha 1/6 and beta 1/2."""
    return emit("HardSigmoid", *emit.inputs, alpha=1 / 6, beta=0.5)


def relu6(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ReLU6 as Clip to [0, 6]."""
    return emit("Clip", *emit.inputs, _scalar(emit, 0, "low"), _scalar(emit, 6, "high"))


def silu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SiLU as x * Sigmoid(x)."""
    (data,) = emit.inputs
    return emit("Mul", data, emit("Sigmoid", data))


def gelu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads GELU, the exact one, as x * (1 + Erf(x / sqrt 2)) / 2."""
    (data,) = emit.inputs
    erf = emit("Erf", emit("Mul", data, _scalar(emit, math.sqrt(0.5), "root_half")))
    return emit("Mul", emit("Mul", data, emit("Add", erf, _scalar(emit, 1, "one"))), _scalar(emit, 0.5, "half"))


def prelu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads PReLU with a slope a channel as PRelu."""
    (data,) = emit.inputs
    count = layer.attrs.integer("num_parameters")
    return emit("PRelu", data, emit.weight("weight", (count,), view=(count, *[1] * (emit.rank(data) - 2))))


def softmax(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Softmax over one dimension as Softmax."""
    (data,) = emit.inputs
    return emit("Softmax", data, axis=emit.axis(data, layer.attrs.integer("dim")))


def _scalar(emit: Emit, value: float, role: str) -> ir.Value:
    return emit.constant(np.asarray(value, np.float32), role)


_IMAGE = ((2, 3, 4, 5),)
_WIDE = (-8.0, 8.0)

READ = {
    "ReLU": Read(relu, samples=(Sample("plain", "", _IMAGE),)),
    "Sigmoid": Read(sigmoid, samples=(Sample("plain", "", _IMAGE),)),
    "Hardswish": Read(hardswish, samples=(Sample("plain", "", _IMAGE, values=_WIDE),)),
    "Hardsigmoid": Read(hardsigmoid, samples=(Sample("plain", "", _IMAGE, values=_WIDE),)),
    "ReLU6": Read(relu6, samples=(Sample("plain", "", _IMAGE, values=_WIDE),)),
    "SiLU": Read(silu, samples=(Sample("plain", "", _IMAGE),)),
    "GELU": Read(gelu, samples=(Sample("plain", "", _IMAGE),)),
    "PReLU": Read(
        prelu,
        samples=(
            Sample("image", "num_parameters=3", _IMAGE, ((3,),)),
            Sample("rows", "num_parameters=3", ((4, 3),), ((3,),)),
        ),
    ),
    "Softmax": Read(softmax, samples=(Sample("channels", "dim=1", _IMAGE), Sample("last", "dim=-1", _IMAGE))),
}
