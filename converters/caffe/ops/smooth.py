"""Smooth element-wise layers: BNLL, Swish, Mish, SeLu."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample


def bnll(layer: Layer, emit: Emit) -> ir.Value:
    """Reads BNLL as Softplus: log(1 + exp(x))."""
    return emit("Softplus", *emit.inputs)


def swish(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Swish as Sigmoid and Mul: x / (1 + exp(-beta * x))."""
    (data,) = emit.inputs
    beta = layer.attrs.number("beta")
    steep = data if beta == 1 else emit("Mul", data, emit.constant(np.float32(beta), "beta"))
    return emit("Mul", data, emit("Sigmoid", steep))


def mish(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Mish as Mish: x * tanh(log(1 + exp(x)))."""
    return emit("Mish", *emit.inputs)


def selu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SeLu as Selu with `lambda` as its gamma."""
    return emit("Selu", *emit.inputs, alpha=layer.attrs.number("alpha"), gamma=layer.attrs.number("lambda"))


def selu_dropout(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SeLuDropout as nothing: it works while training."""
    return emit.dropped("does nothing at inference")


_IMAGE = ((2, 3, 4, 5),)
_SELU = Sample(
    "plain",
    "",
    _IMAGE,
    formula=lambda x, _: 1.050700987 * np.where(x[0] > 0, x[0], 1.67326324 * np.expm1(x[0])),
    judge=FORMULA,
)

READ = {
    "BNLL": Read(bnll, samples=(Sample("plain", "", _IMAGE, values=(-9, 9)),)),
    "Swish": Read(
        swish,
        neutral=("engine",),
        samples=(Sample("plain", "", _IMAGE), Sample("beta", "swish_param { beta: 1.5 }", _IMAGE)),
    ),
    "Mish": Read(
        mish,
        samples=(
            Sample("plain", "", _IMAGE, formula=lambda x, _: x[0] * np.tanh(np.log1p(np.exp(x[0]))), judge=FORMULA),
        ),
    ),
    "SeLu": Read(selu, samples=(_SELU,)),
    "SeLU": Read(selu, samples=(_SELU,)),
    "SeLuDropout": Read(
        selu_dropout,
        neutral=("dropout_ratio", "alpha"),
        samples=(
            Sample(
                "plain", "selu_dropout_param { dropout_ratio: 0.1 }", _IMAGE, formula=lambda x, _: x[0], judge=FORMULA
            ),
        ),
    ),
}
