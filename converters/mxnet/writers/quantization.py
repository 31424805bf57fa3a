"""QuantizeLinear and DequantizeLinear, in floating point arithmetic between casts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import Assembly, Operand, present
from converters.mxnet.writers.composed import half_even
from converters.weights import ArrayWeight

_TYPES = ("float32", "int8", "uint8", "int32")


def quantize(match: Match, view: View) -> Sequence[Layer]:
    """Writes QuantizeLinear: data over scale, halves to even, the zero point added, bounded and cast."""
    assembly, data = Assembly(match, view), present(match.operand(0), "data")
    axis = match.attrs[0].integer("axis")
    scaled = assembly.add("broadcast_div", data, _along(assembly, view, match, 1, axis), role="scaled")
    whole: Operand = half_even(assembly, scaled, role="whole")
    if match.operand(2) is not None:
        whole = assembly.add("broadcast_add", whole, _along(assembly, view, match, 2, axis), role="moved")
    dtype = view.dtype(match.output)
    bounds = np.iinfo(dtype)
    held = assembly.add("clip", whole, role="held", a_min=float(bounds.min), a_max=float(bounds.max))
    assembly.cast(held, dtype)
    return assembly.layers


def dequantize(match: Match, view: View) -> Sequence[Layer]:
    """Writes DequantizeLinear: the zero point taken off the data, times the scale."""
    assembly, data = Assembly(match, view), present(match.operand(0), "data")
    axis = match.attrs[0].integer("axis")
    number: Operand = assembly.cast(data, "float32", "number")
    if match.operand(2) is not None:
        number = assembly.add("broadcast_sub", number, _along(assembly, view, match, 2, axis), role="moved")
    assembly.add("broadcast_mul", number, _along(assembly, view, match, 1, axis))
    return assembly.layers


def _along(assembly: Assembly, view: View, match: Match, slot: int, axis: int) -> Operand:
    """A scale or zero point as floats, one number for all or one for each place of the axis."""
    value: ir.Value = present(match.operand(slot), "operand")
    data = match.nodes[0].inputs[0]
    assert data is not None
    shape = [1] * max(view.rank(data), 1)
    if view.rank(value) and view.shape(value) != (1,):
        shape[view.axis(data, axis)] = -1
    if view.is_constant(value):
        return ArrayWeight(view.numbers(value).astype(np.float32).reshape(shape))
    role = ("", "scale", "zero")[slot]
    floats = value if view.dtype(value) == "float32" else assembly.cast(value, "float32", f"{role}/floats")
    return assembly.add("Reshape", floats, role=role, shape=tuple(shape))


_IMAGE = ((2, 3, 4, 5),)
_SCALE = "s = Constant<value_floats = [0.02, 0.03, 0.013]>()\n"
_ZERO = "z = Cast<to = 2>(f)\nf = Constant<value_floats = [3.0, 128.0, 7.0]>()\n"

WRITE = (
    Write(
        quantize,
        ("QuantizeLinear",),
        dtypes=_TYPES,
        samples=(
            Sample("one scale", "s = Constant<value_float = 0.015625>()\nq = QuantizeLinear(in0, s)\n"
                   "out0 = Cast<to = 1>(q)", _IMAGE),
            Sample("channels", f"{_SCALE}{_ZERO}q = QuantizeLinear(in0, s, z)\nout0 = Cast<to = 1>(q)", _IMAGE),
            Sample("signed", "s = Constant<value_float = 0.02>()\nf = Constant<value_float = -5.0>()\n"
                   "z = Cast<to = 3>(f)\nq = QuantizeLinear(in0, s, z)\nout0 = Cast<to = 1>(q)", _IMAGE),
        ),
    ),
    Write(
        dequantize,
        ("DequantizeLinear",),
        dtypes=_TYPES,
        samples=(
            Sample("channels", f"{_SCALE}{_ZERO}q = Cast<to = 2>(in0)\nout0 = DequantizeLinear(q, s, z)", _IMAGE,
                   values=(0.0, 250.0)),
            Sample("one scale", "s = Constant<value_float = 0.02>()\nq = Cast<to = 6>(in0)\n"
                   "out0 = DequantizeLinear(q, s)", _IMAGE, values=(-900.0, 900.0)),
        ),
    ),
)  # fmt: skip
