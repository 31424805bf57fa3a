"""Arithmetic of two values and more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import FLOATS, NUMBERS, Assembly, present

_EXACT = 1 << 53  # MXNet keeps the number beside a tensor as float64
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


def binary(match: Match, view: View) -> Sequence[Layer]:
    """Writes arithmetic: a stored number as the scalar form, other stored operands as variables."""
    node = match.nodes[0]
    if len(node.inputs) == 1:
        return [match.layer("_copy")]
    if len(node.inputs) > 2:
        return _folded(match, view)
    pair, right_number, left_number = _BINARY[node.op_type]
    operands = [match.operand(0), match.operand(1)]
    whole = view.rank(match.output)
    for place, kind in ((1, right_number), (0, left_number)):
        number, rank = view.scalar(operands[place]), view.rank(operands[1 - place] or match.output)
        if number is not None and kind is not None and rank == whole and abs(number) < _EXACT:
            return [match.layer(kind, {"scalar": repr(number)})]
    assembly = Assembly(match, view)
    assembly.add(pair, *(value for value in operands if value is not None))
    return assembly.layers


def _folded(match: Match, view: View) -> Sequence[Layer]:
    """Max or Min of several values, two at a time."""
    assembly, kind = Assembly(match, view), _BINARY[match.nodes[0].op_type][0]
    first, *others = (value for value in match.nodes[0].inputs if value is not None)
    result: ir.Value | str = first
    for place, value in enumerate(others):
        result = assembly.add(kind, result, value, role=f"{place}" if place < len(others) - 1 else "")
    return assembly.layers


def power(match: Match, view: View) -> Sequence[Layer]:
    """Writes Pow; an exponent of another type than the base's is cast to it, through real numbers where it has to."""
    base, exponent = (present(match.operand(slot), "operand") for slot in (0, 1))
    kinds = view.dtype(base), view.dtype(exponent)
    if kinds[0] == kinds[1] or (view.is_constant(exponent) and view.scalar(exponent) is not None):
        return binary(match, view)
    assembly = Assembly(match, view)
    if kinds[0] in FLOATS:
        assembly.add("broadcast_power", base, assembly.cast(exponent, kinds[0], "exponent"))
        return assembly.layers
    wide = [assembly.cast(value, "float64", role) for value, role in ((base, "base"), (exponent, "exponent"))]
    assembly.cast(assembly.add("broadcast_power", *wide, role="power"), kinds[0])
    return assembly.layers


def modulo(match: Match, view: View) -> Sequence[Layer]:
    """Writes Mod: with the divisor's sign as broadcast_mod, with the dividend's sign as that of the magnitudes.

    MXNet leaves 0 of a division by 0; for real numbers 0 / (divisor != 0) is added: 0, or no number where it has to be.
    """
    assembly = Assembly(match, view)
    left, right = (present(match.operand(slot), "operand") for slot in (0, 1))
    real = view.dtype(match.output) in FLOATS
    role = "whole" if real else ""
    if match.attrs[0].flag("fmod"):
        sizes = [assembly.add("abs", value, role=name) for value, name in ((left, "left"), (right, "right"))]
        rest = assembly.add("broadcast_mod", *sizes, role="rest")
        result = assembly.add("broadcast_mul", rest, assembly.add("sign", left, role="sign"), role=role)
    else:
        result = assembly.add("broadcast_mod", left, right, role=role)
    if real:
        divides = assembly.add("_not_equal_scalar", right, role="divides", scalar="0.0")
        nothing = assembly.add("_rdiv_scalar", divides, role="nothing", scalar="0.0")
        assembly.add("broadcast_add", result, nothing)
    return assembly.layers


def mean(match: Match, view: View) -> Sequence[Layer]:
    """Writes Mean as a sum over the number of values."""
    assembly = Assembly(match, view)
    first, *others = (value for value in match.nodes[0].inputs if value is not None)
    result: ir.Value | str = first
    for place, value in enumerate(others):
        result = assembly.add("broadcast_add", result, value, role=f"sum{place}")
    assembly.add("_mul_scalar", result, scalar=repr(1 / (len(others) + 1)))
    return assembly.layers


def total(match: Match, view: View) -> Sequence[Layer]:
    """Writes Sum of values of one shape as add_n, of others two at a time."""
    values = [value for value in match.nodes[0].inputs if value is not None]
    assembly = Assembly(match, view)
    if len({view.shape(value) for value in values}) == 1:
        assembly.add("add_n", *values, num_args=len(values))
        return assembly.layers
    result: ir.Value | str = values[0]
    for place, value in enumerate(values[1:], 2):
        result = assembly.add("broadcast_add", result, value, role=f"{place}" if place < len(values) else "")
    return assembly.layers


_IMAGE = ((2, 3, 4, 5),)


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


def _whole(text: str) -> str:
    """The operands as integers, the result as numbers again."""
    return f"i = Cast<to = 6>(in0)\nj = Cast<to = 6>(in1)\n{text}\nout0 = Cast<to = 1>(k)"


WRITE = (
    *(Write(binary, (name,), dtypes=NUMBERS, samples=_pairs(name)) for name in _BINARY if name != "Pow"),
    Write(
        power,
        ("Pow",),
        dtypes=NUMBERS,
        samples=(
            *_pairs("Pow"),
            Sample("by integers", "i = Cast<to = 6>(in1)\nout0 = Pow(in0, i)", _IMAGE * 2, values=(0.5, 3.0)),
            Sample("of integers", "i = Cast<to = 6>(in0)\nk = Pow(i, in1)\nout0 = Cast<to = 1>(k)", _IMAGE * 2,
                   values=(1.0, 3.9)),
        ),
    ),
    Write(
        modulo,
        ("Mod",),
        dtypes=NUMBERS,
        samples=(
            Sample("of the dividend's sign", "out0 = Mod<fmod = 1>(in0, in1)", _IMAGE * 2),
            Sample("by 0 too", "f = Floor(in1)\nout0 = Mod<fmod = 1>(in0, f)", _IMAGE * 2),
            Sample("integers", _whole("k = Mod(i, j)"), _IMAGE * 2, values=(1.0, 9.0)),
        ),
    ),
    Write(
        total,
        ("Sum",),
        dtypes=FLOATS,
        samples=(
            Sample("three", "out0 = Sum(in0, in1, in2)", _IMAGE * 3),
            Sample("broadcast", "out0 = Sum(in0, in1, w0)", (*_IMAGE, (4, 1)), ((5,),)),
        ),
    ),
    Write(mean, ("Mean",), dtypes=FLOATS, samples=(Sample("three", "out0 = Mean(in0, in1, in2)", _IMAGE * 3),)),
)  # fmt: skip
