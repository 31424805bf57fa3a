"""Arithmetic and comparisons of two values, and of a value and a number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import every, is_float, number, value

Combine = Callable[[Emit, ir.Value, ir.Value], ir.Value]
Numpy = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _said(form: str, function: Combine) -> Combine:
    """The function with its ONNX form as docstring, for the pages of the formats."""
    function.__doc__ = form
    return function


def _plain(operator: str) -> Combine:
    return _said(f"{operator}.", lambda emit, a, b: emit(operator, a, b))


def _compared(operator: str) -> Combine:
    """A comparison, whose result has the operands' type: 1 or 0."""
    return _said(f"{operator} and CastLike.", lambda emit, a, b: emit("CastLike", emit(operator, a, b), a))


def _not_equal(emit: Emit, a: ir.Value, b: ir.Value) -> ir.Value:
    """Equal, Not and CastLike."""
    return emit("CastLike", emit("Not", emit("Equal", a, b)), a)


def _logical(operator: str) -> Combine:
    """A logical operator: everything but zero is true."""

    def combine(emit: Emit, a: ir.Value, b: ir.Value) -> ir.Value:
        bits = [emit("Cast", item, to=ir.DataType.BOOL.value) for item in (a, b)]
        return emit("CastLike", emit(operator, *bits), a)

    return _said(f"Cast, {operator} and CastLike.", combine)


def _mod(emit: Emit, a: ir.Value, b: ir.Value) -> ir.Value:
    """Mod, mended to the divisor's sign and to 0 where the divisor is 0 (mshadow_op.h, mod)."""
    zero = number(emit, a, 0, "zero")
    rest = emit("Mod", a, b, fmod=1)
    other_sign = emit("Less", emit("Mul", rest, b), zero)
    whole = emit("Where", other_sign, emit("Add", rest, b), rest)
    return emit("Where", emit("Equal", b, zero), zero, whole)


def _hypot(emit: Emit, a: ir.Value, b: ir.Value) -> ir.Value:
    """Mul, Add and Sqrt."""
    return emit("Sqrt", emit("Add", emit("Mul", a, a), emit("Mul", b, b)))


_FUNCTIONS: dict[str, tuple[Combine, Numpy]] = {
    "add": (_plain("Add"), np.add),
    "div": (_plain("Div"), np.divide),
    "equal": (_compared("Equal"), np.equal),
    "greater": (_compared("Greater"), np.greater),
    "greater_equal": (_compared("GreaterOrEqual"), np.greater_equal),
    "hypot": (_hypot, np.hypot),
    "lesser": (_compared("Less"), np.less),
    "lesser_equal": (_compared("LessOrEqual"), np.less_equal),
    "logical_and": (_logical("And"), np.logical_and),
    "logical_or": (_logical("Or"), np.logical_or),
    "logical_xor": (_logical("Xor"), np.logical_xor),
    "maximum": (_plain("Max"), np.maximum),
    "minimum": (_plain("Min"), np.minimum),
    "mod": (_mod, np.mod),
    "mul": (_plain("Mul"), np.multiply),
    "not_equal": (_not_equal, np.not_equal),
    "power": (_plain("Pow"), np.power),
    "sub": (_plain("Sub"), np.subtract),
}
_ELEMENTWISE = {
    "_equal": "equal", "_grad_add": "add", "_greater": "greater", "_greater_equal": "greater_equal",
    "_hypot": "hypot", "_lesser": "lesser", "_lesser_equal": "lesser_equal", "_logical_and": "logical_and",
    "_logical_or": "logical_or", "_logical_xor": "logical_xor", "_maximum": "maximum", "_minimum": "minimum",
    "_mod": "mod", "_not_equal": "not_equal", "_power": "power", "elemwise_add": "add", "elemwise_div": "div",
    "elemwise_mul": "mul", "elemwise_sub": "sub",
}  # fmt: skip
_SCALAR = {
    "_div_scalar": "div", "_equal_scalar": "equal", "_greater_equal_scalar": "greater_equal",
    "_greater_scalar": "greater", "_hypot_scalar": "hypot", "_lesser_equal_scalar": "lesser_equal",
    "_lesser_scalar": "lesser", "_logical_and_scalar": "logical_and", "_logical_or_scalar": "logical_or",
    "_logical_xor_scalar": "logical_xor", "_maximum_scalar": "maximum", "_minimum_scalar": "minimum",
    "_minus_scalar": "sub", "_mod_scalar": "mod", "_mul_scalar": "mul", "_not_equal_scalar": "not_equal",
    "_plus_scalar": "add", "_power_scalar": "power",
}  # fmt: skip
_REVERSED = {"_rdiv_scalar": "div", "_rminus_scalar": "sub", "_rmod_scalar": "mod", "_rpower_scalar": "power"}
_POSITIVE = {"div", "power", "hypot"}


def _pair(combine: Combine) -> Callable[[Layer, Emit], ir.Value]:
    def read(layer: Layer, emit: Emit) -> ir.Value:
        a, b = every(layer, emit)
        return combine(emit, a, b)

    read.__doc__ = f"Reads it as {combine.__doc__}"
    return read


def _with_number(combine: Combine, *, swapped: bool) -> Callable[[Layer, Emit], ir.Value]:
    def read(layer: Layer, emit: Emit) -> ir.Value:
        data = value(layer, emit, "data")
        scalar = layer.attrs.number("scalar")
        if not is_float(data) and scalar != int(scalar):
            emit.refuse("combines integers with a fraction; zoo reads it for floating point numbers")
        constant = number(emit, data, scalar, "scalar")
        return combine(emit, constant, data) if swapped else combine(emit, data, constant)

    read.__doc__ = f"Reads it, with a constant, as {combine.__doc__}"
    return read


def _samples(name: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[Sample, ...]:
    function = _FUNCTIONS[name][1]
    values = (0.5, 3.0) if name in _POSITIVE else (-2.0, 2.0)
    plain = Sample("plain", "{}", shapes, formula=lambda x, _: function(x[0], x[1]) * 1.0, values=values)
    return (plain,)


def _scalar_samples(name: str, *, swapped: bool) -> tuple[Sample, ...]:
    function = _FUNCTIONS[name][1]
    number = 1.5

    def formula(x: object, _: object) -> np.ndarray:
        array = np.asarray(x)[0]
        pair = (np.asarray(number), array) if swapped else (array, np.asarray(number))
        result: np.ndarray = function(*pair) * 1.0
        return result

    values = (0.5, 3.0) if name in _POSITIVE else (-2.0, 2.0)
    return (Sample("a number", '{"scalar": "1.5"}', ((2, 3, 4),), formula=formula, values=values),)


_SAME = ((2, 3, 4, 5), (2, 3, 4, 5))
_BROADCAST = ((2, 3, 1, 5), (2, 1, 4, 5))
_WITH_CONSTANT = Sample("a stored operand", "{}", ((2, 3, 4, 5),), weights=((1, 3, 1, 1),))

READ = {
    **{kind: Read(_pair(_FUNCTIONS[name][0]), samples=_samples(name, _SAME)) for kind, name in _ELEMENTWISE.items()},
    **{
        f"broadcast_{name}": Read(
            _pair(combine),
            samples=(*_samples(name, _BROADCAST), *((_WITH_CONSTANT,) if name in ("add", "mul") else ())),
        )
        for name, (combine, _) in _FUNCTIONS.items()
    },
    **{
        kind: Read(
            _with_number(_FUNCTIONS[name][0], swapped=False),
            neutral=("is_int",),
            samples=_scalar_samples(name, swapped=False),
        )
        for kind, name in _SCALAR.items()
    },
    **{
        kind: Read(
            _with_number(_FUNCTIONS[name][0], swapped=True),
            neutral=("is_int",),
            samples=_scalar_samples(name, swapped=True),
        )
        for kind, name in _REVERSED.items()
    },
}
