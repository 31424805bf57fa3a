"""Functions of one value: each element by itself."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import every, is_float, number

Math = Callable[[Emit, ir.Value], ir.Value]


def _said(form: str, function: Math) -> Math:
    """The function with its ONNX form as docstring, for the pages of the formats."""
    function.__doc__ = form
    return function


def _named(operator: str) -> Math:
    return _said(operator, lambda emit, x: emit(operator, x))


def _times(factor: float) -> Math:
    return _said("Mul by a constant", lambda emit, x: emit("Mul", x, number(emit, x, factor, "factor")))


def _square(emit: Emit, x: ir.Value) -> ir.Value:
    """Mul by itself."""
    return emit("Mul", x, x)


def _rsqrt(emit: Emit, x: ir.Value) -> ir.Value:
    """Sqrt, Reciprocal."""
    return emit("Reciprocal", emit("Sqrt", x))


def _cbrt(emit: Emit, x: ir.Value) -> ir.Value:
    """Sign(x) * |x| ^ (1/3): a power of a negative number is none."""
    return emit("Mul", emit("Sign", x), emit("Pow", emit("Abs", x), number(emit, x, 1 / 3, "third")))


def _rcbrt(emit: Emit, x: ir.Value) -> ir.Value:
    """Sign, Abs, Pow, Mul, Reciprocal."""
    return emit("Reciprocal", _cbrt(emit, x))


def _log_to(base: float) -> Math:
    factor = 1 / math.log(base)
    return _said("Log, Mul", lambda emit, x: emit("Mul", emit("Log", x), number(emit, x, factor, "one_over_log_base")))


def _log1p(emit: Emit, x: ir.Value) -> ir.Value:
    """Log(u) * x / (u - 1) with u = 1 + x, and x where u is 1 (Kahan): exact to rounding for small x too."""
    one = number(emit, x, 1, "one")
    u = emit("Add", x, one)
    below = emit("Sub", u, one)
    tiny = emit("Equal", below, number(emit, x, 0, "zero"))
    finite = emit("Where", tiny, one, below)
    scaled = emit("Mul", emit("Log", u), emit("Div", x, finite))
    return emit("Where", tiny, x, scaled)


def _expm1(emit: Emit, x: ir.Value) -> ir.Value:
    """2 * sinh(x/2) * exp(x/2), which loses nothing near zero."""
    half = emit("Mul", x, number(emit, x, 0.5, "half"))
    twice = emit("Mul", emit("Sinh", half), number(emit, x, 2, "two"))
    return emit("Mul", twice, emit("Exp", half))


def _round(emit: Emit, x: ir.Value) -> ir.Value:
    """To the nearest, halves away from zero: sign(x) * floor(|x| + 1/2), the half added to the fraction alone."""
    size = emit("Abs", x)
    floor = emit("Floor", size)
    up = emit("GreaterOrEqual", emit("Sub", size, floor), number(emit, x, 0.5, "half"))
    whole = emit("Add", floor, emit("CastLike", up, x))
    return emit("Mul", emit("Sign", x), whole)


def _rint(emit: Emit, x: ir.Value) -> ir.Value:
    """To the nearest, halves down (mshadow_op.h, rint)."""
    floor = emit("Floor", x)
    up = emit("Greater", emit("Sub", x, floor), number(emit, x, 0.5, "half"))
    return emit("Add", floor, emit("CastLike", up, x))


def _trunc(emit: Emit, x: ir.Value) -> ir.Value:
    """Towards zero."""
    return emit("Mul", emit("Sign", x), emit("Floor", emit("Abs", x)))


def _logical_not(emit: Emit, x: ir.Value) -> ir.Value:
    """Equal to 0."""
    return emit("CastLike", emit("Equal", x, number(emit, x, 0, "zero")), x)


def _filled(fill: int) -> Math:
    """Ones or zeros from truths about the value itself, which hold for what is no number too, whatever the batch."""

    def fills(emit: Emit, x: ir.Value) -> ir.Value:
        same = emit("Equal", x, x)
        truth = emit("Or" if fill else "And", same, emit("Not", same))
        return emit("CastLike", truth, x)

    return _said(f"{'Or' if fill else 'And'} of Equal to itself and its opposite, and CastLike", fills)


_FLOATING: dict[str, tuple[Math, Callable[[np.ndarray], np.ndarray], tuple[float, float]]] = {
    "arccos": (_named("Acos"), np.arccos, (-0.99, 0.99)),
    "arccosh": (_named("Acosh"), np.arccosh, (1.1, 3)),
    "arcsin": (_named("Asin"), np.arcsin, (-0.99, 0.99)),
    "arcsinh": (_named("Asinh"), np.arcsinh, (-3, 3)),
    "arctan": (_named("Atan"), np.arctan, (-3, 3)),
    "arctanh": (_named("Atanh"), np.arctanh, (-0.9, 0.9)),
    "cbrt": (_cbrt, np.cbrt, (-3, 3)),
    "ceil": (_named("Ceil"), np.ceil, (-3, 3)),
    "cos": (_named("Cos"), np.cos, (-3, 3)),
    "cosh": (_named("Cosh"), np.cosh, (-3, 3)),
    "degrees": (_times(180 / math.pi), np.degrees, (-3, 3)),
    "erf": (_named("Erf"), np.vectorize(math.erf), (-3, 3)),
    "exp": (_named("Exp"), np.exp, (-3, 3)),
    "expm1": (_expm1, np.expm1, (-0.01, 0.01)),
    "fix": (_trunc, np.fix, (-3, 3)),
    "floor": (_named("Floor"), np.floor, (-3, 3)),
    "log": (_named("Log"), np.log, (0.1, 4)),
    "log10": (_log_to(10), np.log10, (0.1, 4)),
    "log1p": (_log1p, np.log1p, (-0.01, 0.01)),
    "log2": (_log_to(2), np.log2, (0.1, 4)),
    "radians": (_times(math.pi / 180), np.radians, (-90, 90)),
    "rcbrt": (_rcbrt, lambda x: 1 / np.cbrt(x), (0.1, 3)),
    "reciprocal": (_named("Reciprocal"), np.reciprocal, (0.1, 3)),
    "rint": (_rint, np.rint, (-3, 3)),
    "_contrib_round_ste": (_round, np.rint, (-3, 3)),
    "round": (_round, np.rint, (-3, 3)),
    "rsqrt": (_rsqrt, lambda x: x**-0.5, (0.1, 3)),
    "sigmoid": (_named("Sigmoid"), lambda x: 1 / (1 + np.exp(-x)), (-3, 3)),
    "sin": (_named("Sin"), np.sin, (-3, 3)),
    "sinh": (_named("Sinh"), np.sinh, (-3, 3)),
    "softsign": (_named("Softsign"), lambda x: x / (1 + np.abs(x)), (-3, 3)),
    "sqrt": (_named("Sqrt"), np.sqrt, (0.1, 3)),
    "tan": (_named("Tan"), np.tan, (-1, 1)),
    "tanh": (_named("Tanh"), np.tanh, (-3, 3)),
    "trunc": (_trunc, np.trunc, (-3, 3)),
}
"""Kinds that ONNX knows for floating point only: how to emit them, numpy's own, and a range to sample."""

_ANY: dict[str, tuple[Math, Callable[[np.ndarray], np.ndarray]]] = {
    "abs": (_named("Abs"), np.abs),
    "logical_not": (_logical_not, lambda x: x == 0),
    "negative": (_named("Neg"), np.negative),
    "ones_like": (_filled(1), np.ones_like),
    "relu": (_named("Relu"), lambda x: np.maximum(x, 0)),
    "sign": (_named("Sign"), np.sign),
    "_contrib_sign_ste": (_named("Sign"), np.sign),
    "square": (_square, np.square),
    "zeros_like": (_filled(0), np.zeros_like),
}


def _reader(kind: str, function: Math, *, floating: bool) -> Callable[[Layer, Emit], ir.Value]:
    def read(layer: Layer, emit: Emit) -> ir.Value:
        (x,) = every(layer, emit)
        if floating and not is_float(x):
            emit.refuse(f"{kind} of integers; zoo reads it for floating point numbers")
        return function(emit, x)

    read.__name__ = kind.strip("_")
    read.__doc__ = f"Reads {kind} as {(function.__doc__ or '').rstrip('.')}."
    return read


def _sample(function: Callable[[np.ndarray], np.ndarray], values: tuple[float, float]) -> tuple[Sample, ...]:
    return (Sample("plain", "{}", ((2, 3, 4, 5),), formula=lambda x, _: function(x[0]), values=values),)


READ = {
    **{
        kind: Read(_reader(kind, function, floating=True), samples=_sample(formula, values))
        for kind, (function, formula, values) in _FLOATING.items()
    },
    **{
        kind: Read(_reader(kind, function, floating=False), samples=_sample(formula, (-3, 3)))
        for kind, (function, formula) in _ANY.items()
    },
}
