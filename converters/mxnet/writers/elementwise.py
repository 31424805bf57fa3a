"""Functions of one value and arithmetic of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write, WriteOp
from converters.weights import Weight, reshaped

_UNARY: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "Abs": ("abs", {}), "Acos": ("arccos", {}), "Acosh": ("arccosh", {}), "Asin": ("arcsin", {}),
    "Asinh": ("arcsinh", {}), "Atan": ("arctan", {}), "Atanh": ("arctanh", {}), "Ceil": ("ceil", {}),
    "Cos": ("cos", {}), "Cosh": ("cosh", {}), "Erf": ("erf", {}), "Exp": ("exp", {}), "Floor": ("floor", {}),
    "Identity": ("_copy", {}), "Log": ("log", {}), "Neg": ("negative", {}), "Reciprocal": ("reciprocal", {}),
    "Relu": ("Activation", {"act_type": "relu"}), "Selu": ("LeakyReLU", {"act_type": "selu"}),
    "Sigmoid": ("Activation", {"act_type": "sigmoid"}), "Sign": ("sign", {}), "Sin": ("sin", {}), "Sinh": ("sinh", {}),
    "Softplus": ("Activation", {"act_type": "softrelu"}), "Softsign": ("Activation", {"act_type": "softsign"}),
    "Sqrt": ("sqrt", {}), "Tan": ("tan", {}), "Tanh": ("Activation", {"act_type": "tanh"}),
}  # fmt: skip
_RANGES = {"Acos": (-0.9, 0.9), "Acosh": (1.1, 3.0), "Asin": (-0.9, 0.9), "Atanh": (-0.9, 0.9), "Log": (0.1, 3.0),
           "Reciprocal": (0.2, 3.0), "Sqrt": (0.1, 3.0), "Tan": (-1.0, 1.0)}  # fmt: skip
_BINARY: Mapping[str, tuple[str, str, str | None]] = {
    "Add": ("broadcast_add", "_plus_scalar", "_plus_scalar"),
    "Div": ("broadcast_div", "_div_scalar", "_rdiv_scalar"),
    "Max": ("broadcast_maximum", "_maximum_scalar", "_maximum_scalar"),
    "Min": ("broadcast_minimum", "_minimum_scalar", "_minimum_scalar"),
    "Mul": ("broadcast_mul", "_mul_scalar", "_mul_scalar"),
    "Pow": ("broadcast_power", "_power_scalar", "_rpower_scalar"),
    "Sub": ("broadcast_sub", "_minus_scalar", "_rminus_scalar"),
}
"""Operator -> MXNet's for two values, for a value and a number, for a number and a value."""


def unary(match: Match, view: View) -> Sequence[Layer]:
    """Writes a function of one value."""
    kind, attrs = _UNARY[match.nodes[0].op_type]
    if match.nodes[0].op_type == "Selu" and match.attrs[0].explicit:
        raise Declined("MXNet's selu has fixed alpha and gamma")
    return [match.layer(kind, attrs)]


def binary(match: Match, view: View) -> Sequence[Layer]:
    """Writes arithmetic: a stored number as the scalar form, other stored operands as variables."""
    node = match.nodes[0]
    if len(node.inputs) == 1:
        return [match.layer("_copy")]
    if len(node.inputs) != 2:
        raise Declined(f"{len(node.inputs)} operands; MXNet takes two")
    pair, right_number, left_number = _BINARY[node.op_type]
    operands = [match.operand(0), match.operand(1)]
    whole = view.rank(match.output)
    for place, kind in ((1, right_number), (0, left_number)):
        number, rank = view.scalar(operands[place]), view.rank(operands[1 - place] or match.output)
        if number is not None and kind is not None and rank == whole and np.isfinite(number):
            return [match.layer(kind, {"scalar": repr(number)})]
    weights = {
        place: _at_least_a_vector(view.weight(item)) for place, item in enumerate(operands) if view.is_constant(item)
    }
    return [match.layer(pair, {}, weights)]


def _at_least_a_vector(weight: Weight) -> Weight:
    return weight if weight.shape else reshaped(weight, (1,))


def total(match: Match, view: View) -> Sequence[Layer]:
    """Writes Sum of values of one shape as add_n."""
    shapes = {view.shape(value) for value in match.nodes[0].inputs if value is not None}
    if len(shapes) != 1:
        raise Declined("its operands have several shapes, and MXNet's add_n does not broadcast")
    weights = {place: view.weight(item) for place, item in enumerate(match.nodes[0].inputs) if view.is_constant(item)}
    return [match.layer("add_n", {"num_args": len(match.nodes[0].inputs)}, weights)]


def leaky_relu(match: Match, view: View) -> Sequence[Layer]:
    """Writes LeakyRelu as LeakyReLU."""
    return [match.layer("LeakyReLU", {"act_type": "leaky", "slope": match.attrs[0].number("alpha")})]


def elu(match: Match, view: View) -> Sequence[Layer]:
    """Writes Elu as LeakyReLU of the kind elu."""
    return [match.layer("LeakyReLU", {"act_type": "elu", "slope": match.attrs[0].number("alpha")})]


def prelu(match: Match, view: View) -> Sequence[Layer]:
    """Writes PRelu with one slope a channel, or one for all, as LeakyReLU of the kind prelu."""
    data, slope = match.inputs[0], match.operand(1)
    number = view.scalar(slope)
    if number is not None:
        return [match.layer("LeakyReLU", {"act_type": "leaky", "slope": number})]
    vector = None if slope is None else view.channels(data, slope)
    if vector is None:
        raise Declined("its slopes are not one a channel")
    return [match.layer("LeakyReLU", {"act_type": "prelu"}, {1: vector})]


def hard_sigmoid(match: Match, view: View) -> Sequence[Layer]:
    """Writes HardSigmoid as hard_sigmoid."""
    attrs = match.attrs[0]
    return [match.layer("hard_sigmoid", {"alpha": attrs.number("alpha"), "beta": attrs.number("beta")})]


def clip(match: Match, view: View) -> Sequence[Layer]:
    """Writes Clip as clip; a bound that is left out is the largest float."""
    bounds = []
    for slot, otherwise in ((1, np.finfo(np.float32).min), (2, np.finfo(np.float32).max)):
        operand = match.operand(slot)
        number = float(otherwise) if operand is None else view.scalar(operand)
        if number is None:
            raise Declined("its bounds are computed by the network")
        bounds.append(number)
    return [match.layer("clip", {"a_min": repr(bounds[0]), "a_max": repr(bounds[1])})]


_IMAGE = ((2, 3, 4, 5),)


def _plain(name: str) -> tuple[Sample, ...]:
    return (Sample("plain", f"out0 = {name}(in0)", _IMAGE, values=_RANGES.get(name, (-2.0, 2.0))),)


def _pairs(name: str) -> tuple[Sample, ...]:
    values = (0.5, 2.0) if name in ("Div", "Pow") else (-2.0, 2.0)
    stored = () if name == "Pow" else (Sample("a stored vector", f"out0 = {name}(in0, w0)", _IMAGE, ((3, 1, 1),)),)
    return (
        Sample("same shapes", f"out0 = {name}(in0, in1)", _IMAGE * 2, values=values),
        Sample("broadcast", f"out0 = {name}(in0, in1)", ((2, 3, 4, 5), (4, 1)), values=values),
        Sample("a number", f"c = Constant<value_float = 1.5>()\nout0 = {name}(in0, c)", _IMAGE, values=values),
        Sample("from a number", f"c = Constant<value_float = 1.5>()\nout0 = {name}(c, in0)", _IMAGE, values=values),
        *stored,
    )


_ROWS: tuple[tuple[WriteOp, str, tuple[Sample, ...]], ...] = (
    (leaky_relu, "LeakyRelu", (Sample("slope", "out0 = LeakyRelu<alpha = 0.2>(in0)", _IMAGE),)),
    (elu, "Elu", (Sample("alpha", "out0 = Elu<alpha = 0.5>(in0)", _IMAGE),)),
    (prelu, "PRelu", (Sample("channels", "out0 = PRelu(in0, w0)", _IMAGE, ((3, 1, 1),)),)),
    (hard_sigmoid, "HardSigmoid", (Sample("alpha", "out0 = HardSigmoid<alpha = 0.3>(in0)", _IMAGE),)),
    (clip, "Clip", (
        Sample("both", "a = Constant<value_float = -1.0>()\nb = Constant<value_float = 0.5>()\nout0 = Clip(in0, a, b)",
               _IMAGE),
        Sample("from below", "a = Constant<value_float = -1.0>()\nout0 = Clip(in0, a)", _IMAGE),
    )),
    (total, "Sum", (Sample("three", "out0 = Sum(in0, in1, in2)", _IMAGE * 3),)),
)  # fmt: skip

WRITE = (
    *(Write(unary, (name,), samples=_plain(name)) for name in _UNARY),
    *(Write(binary, (name,), samples=_pairs(name)) for name in _BINARY),
    *(Write(function, (name,), samples=samples) for function, name, samples in _ROWS),
)
