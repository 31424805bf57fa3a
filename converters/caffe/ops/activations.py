"""Element-wise layers: each value by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from converters.caffe.ops.clipped import clipped
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Formula, Read, Sample


def relu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ReLU as Relu, as LeakyRelu where `negative_slope` is not 0, as Clip up to 6 with a fork's `relu6`."""
    slope = layer.attrs.number("negative_slope")
    if layer.attrs.flag("relu6"):
        if slope:
            emit.refuse("relu6 with a negative_slope: forks differ in what it means")
        return clipped(emit, 0.0, 6.0)
    return emit("LeakyRelu", *emit.inputs, alpha=slope) if slope else emit("Relu", *emit.inputs)


def sigmoid(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Sigmoid as Sigmoid."""
    return emit("Sigmoid", *emit.inputs)


def tanh(layer: Layer, emit: Emit) -> ir.Value:
    """Reads TanH as Tanh."""
    return emit("Tanh", *emit.inputs)


def abs_val(layer: Layer, emit: Emit) -> ir.Value:
    """Reads AbsVal as Abs."""
    return emit("Abs", *emit.inputs)


def elu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ELU as Elu: alpha * (exp(x) - 1) below zero."""
    return emit("Elu", *emit.inputs, alpha=layer.attrs.number("alpha"))


def power(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Power as Mul, Add and Pow: (shift + scale * x) ^ power; parts that do nothing are left out."""
    value = _affine(layer, emit)
    exponent = layer.attrs.number("power")
    if exponent == 1 and value is not emit.inputs[0]:
        return value
    return emit("Identity", value) if exponent == 1 else emit("Pow", value, emit.constant([exponent], "power"))


def exp(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Exp as base ^ (shift + scale * x); base -1 means e (exp_layer.cpp)."""
    value = _affine(layer, emit)
    base = layer.attrs.number("base")
    if base == -1:
        return emit("Exp", value)
    if base <= 0:
        emit.refuse(f"base {base} is not positive; Caffe refuses it too")
    return emit("Exp", emit("Mul", value, emit.constant([math.log(base)], "log_base")))


def log(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Log as log of (shift + scale * x) to the base; base -1 means e (log_layer.cpp)."""
    value = emit("Log", _affine(layer, emit))
    base = layer.attrs.number("base")
    if base == -1:
        return value
    if base <= 0 or base == 1:
        emit.refuse(f"base {base} has no logarithm; Caffe refuses it too")
    return emit("Mul", value, emit.constant([1 / math.log(base)], "one_over_log_base"))


def _affine(layer: Layer, emit: Emit) -> ir.Value:
    (value,) = emit.inputs
    scale, shift = layer.attrs.number("scale"), layer.attrs.number("shift")
    if scale != 1:
        value = emit("Mul", value, emit.constant([scale], "scale"))
    if shift != 0:
        value = emit("Add", value, emit.constant([shift], "shift"))
    return value


def _each(function: Callable[[np.ndarray], np.ndarray]) -> Formula:
    def formula(inputs: Sequence[np.ndarray], _weights: Sequence[np.ndarray]) -> np.ndarray:
        return function(inputs[0])

    return formula


_IMAGE = ((2, 3, 4, 5),)

READ = {
    "ReLU": Read(
        relu,
        neutral=("engine",),
        samples=(
            Sample("plain", "", _IMAGE, formula=_each(lambda x: np.maximum(x, 0))),
            Sample(
                "leaky",
                "relu_param { negative_slope: 0.1 }",
                _IMAGE,
                formula=_each(lambda x: np.where(x > 0, x, np.float32(0.1) * x)),
            ),
            Sample(
                "relu6",
                "relu_param { relu6: true }",
                _IMAGE,
                formula=_each(lambda x: np.clip(x, 0, 6)),
                values=(-9, 9),
                judge=FORMULA,
            ),
        ),
    ),
    "Sigmoid": Read(
        sigmoid,
        neutral=("engine",),
        samples=(Sample("plain", "", _IMAGE, formula=_each(lambda x: 1 / (1 + np.exp(-x)))),),
    ),
    "TanH": Read(tanh, neutral=("engine",), samples=(Sample("plain", "", _IMAGE, formula=_each(np.tanh)),)),
    "AbsVal": Read(abs_val, samples=(Sample("plain", "", _IMAGE, formula=_each(np.abs)),)),
    "ELU": Read(
        elu,
        samples=(
            Sample("plain", "", _IMAGE, formula=_each(lambda x: np.where(x > 0, x, np.expm1(x)))),
            Sample(
                "alpha",
                "elu_param { alpha: 0.5 }",
                _IMAGE,
                formula=_each(lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
            ),
        ),
    ),
    "Power": Read(
        power,
        samples=(
            Sample(
                "all three",
                "power_param { power: 3 scale: 0.5 shift: 2 }",
                _IMAGE,
                formula=_each(lambda x: (2 + 0.5 * x) ** 3),
            ),
            Sample(
                "negative root",
                "power_param { power: -0.5 }",
                _IMAGE,
                formula=_each(lambda x: x**-0.5),
                values=(0.1, 3),
            ),
            Sample("scale alone", "power_param { scale: -1 }", _IMAGE, formula=_each(lambda x: -x)),
            Sample("nothing", "", _IMAGE, formula=_each(lambda x: x)),
            Sample("constant", "power_param { power: 0 }", _IMAGE, formula=_each(np.ones_like)),
        ),
    ),
    "Exp": Read(
        exp,
        samples=(
            Sample("natural", "", _IMAGE, formula=_each(np.exp)),
            Sample(
                "base two",
                "exp_param { base: 2 scale: 0.5 shift: 1 }",
                _IMAGE,
                formula=_each(lambda x: 2 ** (1 + 0.5 * x)),
            ),
        ),
    ),
    "Log": Read(
        log,
        samples=(
            Sample("natural", "", _IMAGE, formula=_each(np.log), values=(0.1, 4)),
            Sample(
                "base ten",
                "log_param { base: 10 scale: 2 shift: 1 }",
                _IMAGE,
                formula=_each(lambda x: np.log10(1 + 2 * x)),
                values=(0.1, 4),
            ),
        ),
    ),
}
