"""Trilu, Hardmax and Round: what MXNet has no operator for, made of those that it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import FLOATS, NUMBERS, Assembly
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
    assembly, data = Assembly(match, view), match.inputs[0]
    low = assembly.add("floor", data, role="low")
    rest = assembly.add("broadcast_sub", data, low, role="rest")
    half = assembly.add("_equal_scalar", rest, role="half", scalar="0.5")
    odd = assembly.add("_mod_scalar", low, role="odd", scalar="2.0")
    up = assembly.add("_greater_scalar", rest, role="up", scalar="0.5")
    even = assembly.add("broadcast_mul", half, odd, role="even")
    assembly.add("broadcast_add", low, assembly.add("broadcast_add", up, even, role="step"))
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
