"""Functions of one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write, WriteOp
from converters.mxnet.assembly import FLOATS, NUMBERS, Assembly, present

_UNARY: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "Abs": ("abs", {}), "Acos": ("arccos", {}), "Acosh": ("arccosh", {}), "Asin": ("arcsin", {}),
    "Asinh": ("arcsinh", {}), "Atan": ("arctan", {}), "Atanh": ("arctanh", {}), "Ceil": ("ceil", {}),
    "Cos": ("cos", {}), "Cosh": ("cosh", {}), "Erf": ("erf", {}), "Exp": ("exp", {}), "Floor": ("floor", {}),
    "Log": ("log", {}), "Neg": ("negative", {}), "Reciprocal": ("reciprocal", {}),
    "Relu": ("Activation", {"act_type": "relu"}),
    "Sigmoid": ("Activation", {"act_type": "sigmoid"}), "Sign": ("sign", {}), "Sin": ("sin", {}), "Sinh": ("sinh", {}),
    "Softplus": ("Activation", {"act_type": "softrelu"}), "Softsign": ("Activation", {"act_type": "softsign"}),
    "Sqrt": ("sqrt", {}), "Tan": ("tan", {}), "Tanh": ("Activation", {"act_type": "tanh"}),
}  # fmt: skip
_LIMITS = np.finfo(np.float32)
_WHOLE = frozenset({"Abs", "Neg", "Sign"})
_RANGES = {"Acos": (-0.9, 0.9), "Acosh": (1.1, 3.0), "Asin": (-0.9, 0.9), "Atanh": (-0.9, 0.9), "Log": (0.1, 3.0),
           "Reciprocal": (0.2, 3.0), "Sqrt": (0.1, 3.0), "Tan": (-1.0, 1.0)}  # fmt: skip


def unary(match: Match, view: View) -> Sequence[Layer]:
    """Writes a function of one value."""
    kind, attrs = _UNARY[match.nodes[0].op_type]
    return [match.layer(kind, attrs)]


def selu(match: Match, view: View) -> Sequence[Layer]:
    """Writes Selu as LeakyReLU of the kind selu; with other constants as a multiple of elu."""
    attrs = match.attrs[0]
    alpha, gamma = attrs.number("alpha"), attrs.number("gamma")
    if not attrs.explicit:
        return [match.layer("LeakyReLU", {"act_type": "selu"})]
    curve = Part("LeakyReLU", {"act_type": "elu", "slope": repr(alpha)}, role="elu")
    return match.series(curve, Part("_mul_scalar", {"scalar": repr(gamma)}))


def leaky_relu(match: Match, view: View) -> Sequence[Layer]:
    """Writes LeakyRelu as LeakyReLU."""
    return [match.layer("LeakyReLU", {"act_type": "leaky", "slope": match.attrs[0].number("alpha")})]


def elu(match: Match, view: View) -> Sequence[Layer]:
    """Writes Elu as LeakyReLU of the kind elu."""
    return [match.layer("LeakyReLU", {"act_type": "elu", "slope": match.attrs[0].number("alpha")})]


def prelu(match: Match, view: View) -> Sequence[Layer]:
    """Writes PRelu with one slope a channel, or one for all, as LeakyReLU of the kind prelu; others by its formula."""
    data, slope = match.inputs[0], present(match.operand(1), "slope")
    number = view.scalar(slope)
    if number is not None:
        return [match.layer("LeakyReLU", {"act_type": "leaky", "slope": number})]
    vector = view.channels(data, slope)
    if vector is not None:
        return [match.layer("LeakyReLU", {"act_type": "prelu"}, {1: vector})]
    assembly = Assembly(match, view)
    above = assembly.add("_maximum_scalar", data, role="above", scalar="0.0")
    below = assembly.add("_minimum_scalar", data, role="below", scalar="0.0")
    assembly.add("broadcast_add", above, assembly.add("broadcast_mul", below, slope, role="sloped"))
    return assembly.layers


def hard_sigmoid(match: Match, view: View) -> Sequence[Layer]:
    """Writes HardSigmoid as hard_sigmoid."""
    attrs = match.attrs[0]
    return [match.layer("hard_sigmoid", {"alpha": attrs.number("alpha"), "beta": attrs.number("beta")})]


def clip(match: Match, view: View) -> Sequence[Layer]:
    """Writes Clip as clip; bounds of other types than its single precision as maximum and minimum."""
    low, high = match.operand(1), match.operand(2)
    numbers = [None if bound is None else view.scalar(bound) for bound in (low, high)]
    stored = all((bound is None) == (number is None) for bound, number in zip((low, high), numbers, strict=True))
    if stored and view.dtype(match.output) == "float32":
        least, most = (
            _LIMITS.min if numbers[0] is None else numbers[0],
            _LIMITS.max if numbers[1] is None else numbers[1],
        )
        return [match.layer("clip", {"a_min": repr(float(min(least, most))), "a_max": repr(float(most))})]
    assembly = Assembly(match, view)
    result: ir.Value | str = match.inputs[0]
    steps = [step for step in (("maximum", low), ("minimum", high)) if step[1] is not None]
    for place, (kind, bound) in enumerate(steps):
        result = assembly.add(
            f"broadcast_{kind}", result, present(bound, "bound"), role=kind if place < len(steps) - 1 else ""
        )
    return assembly.layers if steps else [match.layer("_copy")]


_IMAGE = ((2, 3, 4, 5),)


def _plain(name: str) -> tuple[Sample, ...]:
    return (Sample("plain", f"out0 = {name}(in0)", _IMAGE, values=_RANGES.get(name, (-2.0, 2.0))),)


_ROWS: tuple[tuple[WriteOp, str, tuple[Sample, ...]], ...] = (
    (leaky_relu, "LeakyRelu", (Sample("slope", "out0 = LeakyRelu<alpha = 0.2>(in0)", _IMAGE),)),
    (elu, "Elu", (Sample("alpha", "out0 = Elu<alpha = 0.5>(in0)", _IMAGE),)),
    (prelu, "PRelu", (
        Sample("channels", "out0 = PRelu(in0, w0)", _IMAGE, ((3, 1, 1),)),
        Sample("places", "out0 = PRelu(in0, w0)", _IMAGE, ((4, 5),)),
        Sample("computed", "out0 = PRelu(in0, in1)", (*_IMAGE, (3, 1, 1))),
    )),
    (hard_sigmoid, "HardSigmoid", (Sample("alpha", "out0 = HardSigmoid<alpha = 0.3>(in0)", _IMAGE),)),
    (clip, "Clip", (
        Sample("both", "a = Constant<value_float = -1.0>()\nb = Constant<value_float = 0.5>()\nout0 = Clip(in0, a, b)",
               _IMAGE),
        Sample("computed", "out0 = Clip(in0, in1, in2)", (*_IMAGE, (1,), (1,))),
        Sample("integers", "i = Cast<to = 7>(in0)\na = Constant<value_int = -1>()\nj = Clip(i, a)\n"
               "out0 = Cast<to = 1>(j)", _IMAGE, values=(-9, 9)),
        Sample("from below", "a = Constant<value_float = -1.0>()\nout0 = Clip(in0, a)", _IMAGE),
    )),
    (selu, "Selu", (
        Sample("plain", "out0 = Selu(in0)", _IMAGE),
        Sample("other constants", "out0 = Selu<alpha = 2.0, gamma = 3.0>(in0)", _IMAGE),
    )),
)  # fmt: skip

WRITE = (
    *(Write(unary, (name,), dtypes=NUMBERS if name in _WHOLE else FLOATS, samples=_plain(name)) for name in _UNARY),
    *(
        Write(function, (name,), dtypes=NUMBERS if name == "Clip" else FLOATS, samples=samples)
        for function, name, samples in _ROWS
    ),
)
