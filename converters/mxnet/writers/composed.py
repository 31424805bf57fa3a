"""Trilu, Hardmax, Round, Shrink, EyeLike and Det: what MXNet has no operator for, made of those that it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import FLOATS, NUMBERS, Assembly, Operand
from converters.weights import ArrayWeight


def triangle(match: Match, view: View) -> Sequence[Layer]:
    """Writes Trilu as where, over a stored mask: nothing is multiplied, so infinities outside vanish too."""
    assembly, data = Assembly(match, view), match.inputs[0]
    offset = 0 if match.operand(1) is None else view.integers(match.operand(1))[0]
    shape = view.sizes(data)
    mask = np.tri(shape[-2], shape[-1], offset if not match.attrs[0].flag("upper") else offset - 1, dtype=bool)
    kept = ~mask if match.attrs[0].flag("upper") else mask
    whole = ArrayWeight(np.ascontiguousarray(np.broadcast_to(kept, shape)).astype(np.float32))
    assembly.add("where", whole, data, assembly.add("zeros_like", data, role="zeros"))
    return assembly.layers


def hardmax(match: Match, view: View) -> Sequence[Layer]:
    """Writes Hardmax as argmax and one_hot, the axis brought back to its place."""
    assembly, data = Assembly(match, view), match.inputs[0]
    axis, rank = view.axis(data, match.attrs[0].integer("axis")), view.rank(data)
    place = assembly.add("argmax", data, role="place", axis=axis, keepdims=False)
    last = axis == rank - 1
    more: dict[str, Any] = {"depth": view.size(data, axis), "dtype": view.dtype(match.output)}
    hot = assembly.add("one_hot", place, role="" if last else "last", **more)
    if not last:
        order = [*range(rank - 1)]
        order.insert(axis, rank - 1)
        assembly.add("transpose", hot, axes=tuple(order))
    return assembly.layers


def rounded(match: Match, view: View) -> Sequence[Layer]:
    """Writes Round, which sends halves to even numbers: MXNet's rint sends them down, so odd ones go up by one."""
    assembly = Assembly(match, view)
    half_even(assembly, match.inputs[0])
    return assembly.layers


def half_even(assembly: Assembly, data: Operand, role: str = "") -> str:
    """The nearest whole numbers, halves to the even ones."""
    inner = f"{role}/" if role else ""
    low = assembly.add("floor", data, role=f"{inner}low")
    rest = assembly.add("broadcast_sub", data, low, role=f"{inner}rest")
    half = assembly.add("_equal_scalar", rest, role=f"{inner}half", scalar="0.5")
    odd = assembly.add("_mod_scalar", low, role=f"{inner}odd", scalar="2.0")
    up = assembly.add("_greater_scalar", rest, role=f"{inner}up", scalar="0.5")
    even = assembly.add("broadcast_mul", half, odd, role=f"{inner}even")
    return assembly.add("broadcast_add", low, assembly.add("broadcast_add", up, even, role=f"{inner}step"), role=role)


def shrunk(match: Match, view: View) -> Sequence[Layer]:
    """Writes Shrink: what is beyond lambd comes nearer to zero by bias, the rest becomes zero."""
    assembly, data, attrs = Assembly(match, view), match.inputs[0], match.attrs[0]
    edge, bias = attrs.number("lambd"), attrs.number("bias")
    above = assembly.add("_greater_scalar", data, role="above", scalar=repr(edge))
    below = assembly.add("_lesser_scalar", data, role="below", scalar=repr(-edge))
    less = assembly.add("_minus_scalar", data, role="less", scalar=repr(bias))
    more = assembly.add("_plus_scalar", data, role="more", scalar=repr(bias))
    low = assembly.add("where", below, more, assembly.add("zeros_like", data, role="zeros"), role="low")
    assembly.add("where", above, less, low)
    return assembly.layers


def eye_like(match: Match, view: View) -> Sequence[Layer]:
    """Writes EyeLike as _eye: of its input it needs the size alone."""
    rows, columns = view.sizes(match.inputs[0])
    view.only_type(match.inputs[0])
    match.attrs[0].get("dtype")
    assembly = Assembly(match, view)
    assembly.add("_eye", N=rows, M=columns, k=match.attrs[0].integer("k"), dtype=view.dtype(match.output))
    return assembly.layers


def determinant(match: Match, view: View) -> Sequence[Layer]:
    """Writes Det as det of the last two axes."""
    assembly = Assembly(match, view)
    assembly.add("_linalg_det", match.inputs[0])
    return assembly.layers


_IMAGE = ((2, 3, 4, 5),)
_K = "k = Constant<value_int = {}>()\n"

WRITE = (
    Write(
        triangle,
        ("Trilu",),
        dtypes=NUMBERS,
        samples=(
            Sample("upper", "out0 = Trilu(in0)", _IMAGE),
            Sample("upper, moved", f"{_K.format(-1)}out0 = Trilu(in0, k)", _IMAGE),
            Sample("lower", "out0 = Trilu<upper = 0>(in0)", _IMAGE),
            Sample("lower, moved", f"{_K.format(2)}out0 = Trilu<upper = 0>(in0, k)", _IMAGE),
        ),
    ),
    Write(
        hardmax,
        ("Hardmax",),
        dtypes=FLOATS,
        samples=(
            Sample("last axis", "out0 = Hardmax(in0)", _IMAGE),
            Sample("axis 1", "f = Floor(in0)\nout0 = Hardmax<axis = 1>(f)", _IMAGE),
        ),
    ),
    Write(
        shrunk,
        ("Shrink",),
        dtypes=FLOATS,
        samples=(
            Sample("hard", "out0 = Shrink<lambd = 1.5>(in0)", _IMAGE),
            Sample("soft", "out0 = Shrink<lambd = 1.5, bias = 0.5>(in0)", _IMAGE),
        ),
    ),
    Write(
        eye_like,
        ("EyeLike",),
        dtypes=NUMBERS,
        samples=(Sample("moved", "e = EyeLike<k = 1>(in0)\nout0 = Add(e, in0)", ((2, 3),)),),
    ),
    Write(
        determinant,
        ("Det",),
        dtypes=("float32", "float64"),
        samples=(Sample("two", "out0 = Det(in0)", ((2, 3, 3),)),),
    ),
    Write(
        rounded,
        ("Round",),
        dtypes=FLOATS,
        samples=(
            Sample("any", "out0 = Round(in0)", _IMAGE),
            Sample("halves", "f = Floor(in0)\nh = Constant<value_float = 0.5>()\ns = Add(f, h)\nout0 = Round(s)",
                   _IMAGE, values=(-9.0, 9.0)),
        ),
    ),
)  # fmt: skip
