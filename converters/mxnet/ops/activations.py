"""Activation, LeakyReLU in all its kinds, hard_sigmoid, clip, smooth_l1."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NoReturn

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import has, is_float, number, parameter, value

_ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softrelu": "Softplus", "softsign": "Softsign"}


def activation(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Activation as the function that act_type names."""
    kind = layer.attrs.text("act_type")
    if kind not in _ACTIVATIONS:
        _unknown(emit, kind)
    return emit(_ACTIVATIONS[kind], value(layer, emit, "data"))


def leaky_relu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads LeakyReLU: leaky, elu, selu, gelu, prelu with learned slopes, rrelu with its mean slope."""
    kind = layer.attrs.text("act_type")
    if kind not in _LEAKY:
        _unknown(emit, kind)
    return _LEAKY[kind](layer, emit, value(layer, emit, "data"))


def _leaky(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    return emit("LeakyRelu", data, alpha=layer.attrs.number("slope"))


def _elu(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    return emit("Elu", data, alpha=layer.attrs.number("slope"))


def _selu(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    return emit("Selu", data)


def _gelu(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    """0.5 x (1 + erf(x / sqrt 2)), MXNet's exact form."""
    inner = emit("Erf", emit("Mul", data, number(emit, data, math.sqrt(0.5), "sqrt_half")))
    half = emit("Mul", data, number(emit, data, 0.5, "half"))
    return emit("Mul", half, emit("Add", inner, number(emit, data, 1, "one")))


def _prelu(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    """A slope per channel (axis 1), or one for all."""
    if not has(layer, "gamma"):
        emit.refuse("a prelu without its slopes (gamma); MXNet refuses it too")
    stored = layer.weights.get("gamma")
    channels = emit.size(data, 1) if emit.rank(data) > 1 else 1
    single = stored is not None and stored.shape == (1,)
    count = 1 if single else channels
    view = (count, *[1] * max(emit.rank(data) - 2, 0))
    return emit("PRelu", data, parameter(layer, emit, "gamma", (count,), view))


def _rrelu(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    """Outside training the slope is the mean of its bounds (leaky_relu-inl.h)."""
    lower, upper = np.float32(layer.attrs.number("lower_bound")), np.float32(layer.attrs.number("upper_bound"))
    return emit("LeakyRelu", data, alpha=float((lower + upper) / np.float32(2)))


_LEAKY: Mapping[str, Callable[[Layer, Emit, ir.Value], ir.Value]] = {
    "leaky": _leaky, "elu": _elu, "selu": _selu, "gelu": _gelu, "prelu": _prelu, "rrelu": _rrelu,
}  # fmt: skip


def hard_sigmoid(layer: Layer, emit: Emit) -> ir.Value:
    """Reads hard_sigmoid as HardSigmoid: alpha x + beta between 0 and 1."""
    attrs = layer.attrs
    return emit("HardSigmoid", value(layer, emit, "data"), alpha=attrs.number("alpha"), beta=attrs.number("beta"))


def clip(layer: Layer, emit: Emit) -> ir.Value:
    """Reads clip as Clip."""
    data = value(layer, emit, "data")
    low, high = layer.attrs.number("a_min"), layer.attrs.number("a_max")
    if not is_float(data):
        low, high = math.ceil(low), math.floor(high)
    return emit("Clip", data, number(emit, data, low, "a_min"), number(emit, data, high, "a_max"))


def smooth_l1(layer: Layer, emit: Emit) -> ir.Value:
    """Reads smooth_l1: quadratic within 1 / scalar^2, linear outside (mshadow_op.h)."""
    data = value(layer, emit, "data")
    square = layer.attrs.number("scalar") ** 2
    size = emit("Abs", data)
    inner = emit("Mul", emit("Mul", data, data), number(emit, data, 0.5 * square, "half_square"))
    outer = emit("Sub", size, number(emit, data, 0.5 / square, "offset"))
    return emit("Where", emit("Greater", size, number(emit, data, 1 / square, "border")), outer, inner)


def _unknown(emit: Emit, kind: str) -> NoReturn:
    emit.refuse(f"act_type {kind!r} is none of MXNet's")


_IMAGE = ((2, 3, 4, 5),)


def _each(function: Callable[[np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda x, _: function(x[0])


READ = {
    "Activation": Read(
        activation,
        samples=(
            Sample("relu", '{"act_type": "relu"}', _IMAGE, formula=_each(lambda x: np.maximum(x, 0))),
            Sample("sigmoid", '{"act_type": "sigmoid"}', _IMAGE, formula=_each(lambda x: 1 / (1 + np.exp(-x)))),
            Sample("tanh", '{"act_type": "tanh"}', _IMAGE, formula=_each(np.tanh)),
            Sample("softrelu", '{"act_type": "softrelu"}', _IMAGE, formula=_each(lambda x: np.log1p(np.exp(x)))),
            Sample("softsign", '{"act_type": "softsign"}', _IMAGE, formula=_each(lambda x: x / (1 + np.abs(x)))),
        ),
    ),
    "LeakyReLU": Read(
        leaky_relu,
        samples=(
            Sample("default", "{}", _IMAGE, formula=_each(lambda x: np.where(x > 0, x, 0.25 * x))),
            Sample("elu", '{"act_type": "elu", "slope": "0.5"}', _IMAGE,
                   formula=_each(lambda x: np.where(x > 0, x, 0.5 * np.expm1(x)))),
            Sample("selu", '{"act_type": "selu"}', _IMAGE),
            Sample("gelu", '{"act_type": "gelu"}', _IMAGE),
            Sample("prelu", '{"act_type": "prelu"}', ((2, 3, 3, 3),), ((3,),),
                   formula=lambda x, w: np.where(x[0] > 0, x[0], w[0].reshape(3, 1, 1) * x[0])),
            Sample("prelu with one slope", '{"act_type": "prelu"}', _IMAGE, ((1,),)),
            Sample("prelu of vectors", '{"act_type": "prelu"}', ((2, 5),), ((5,),)),
            Sample("rrelu", '{"act_type": "rrelu", "lower_bound": "0.1", "upper_bound": "0.3"}', _IMAGE,
                   formula=_each(lambda x: np.where(x > 0, x, 0.2 * x))),
        ),
        neutral=("slope", "lower_bound", "upper_bound"),
    ),
    "hard_sigmoid": Read(
        hard_sigmoid,
        samples=(
            Sample("default", "{}", _IMAGE, formula=_each(lambda x: np.clip(0.2 * x + 0.5, 0, 1)), values=(-4, 4)),
            Sample("other", '{"alpha": "0.3", "beta": "0.4"}', _IMAGE, values=(-4, 4)),
        ),
    ),
    "clip": Read(
        clip,
        samples=(
            Sample("six", '{"a_min": "0", "a_max": "1.5"}', _IMAGE, formula=_each(lambda x: np.clip(x, 0, 1.5))),
        ),
    ),
    "smooth_l1": Read(smooth_l1, samples=(Sample("two", '{"scalar": "2.0"}', _IMAGE),)),
}  # fmt: skip
