"""Concat, Split, Slice and Gather: values joined and parted along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import onnx_ir as ir

from converters.caffe.cropping import crop
from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write


def concat(match: Match, view: View) -> Sequence[Layer]:
    """Writes Concat as Concat, stored tensors through a Parameter; a single operand as Split."""
    operands = [value for value in match.nodes[0].inputs if value is not None]
    axis = view.axis(match.output, match.attrs[0].integer("axis"))
    if len(operands) == 1:
        return [match.layer("Split")]
    layers, bottoms = [], []
    for position, value in enumerate(operands):
        bottoms.append(f"{match.name}/stored{position}" if view.is_constant(value) else str(value.name))
        if view.is_constant(value):
            layers.append(parameter(match, view, value, bottoms[-1], role=f"stored{position}"))
    return [*layers, match.layer("Concat", {} if axis == 1 else {"axis": axis}, inputs=bottoms)]


def identity(match: Match, view: View) -> Sequence[Layer]:
    """Writes the second name of a value as Split, a stored output of the network as Parameter."""
    if match.inputs:
        return [match.layer("Split")]
    value = match.operand(0)
    assert value is not None
    return [parameter(match, view, value, match.output)]


def parameter(match: Match, view: View, value: ir.Value, out: ir.Value | str, role: str = "") -> Layer:
    """A stored tensor as the top of a Parameter layer."""
    if view.dtype(value) != "float32":
        raise Declined(f"{value.name} is {view.dtype(value)}; Caffe's blobs are float32")
    weight = view.weight(value)
    shape = {"shape": {"dim": weight.shape}}
    return match.layer("Parameter", shape, {0: weight}, inputs=[], outputs=[out], role=role)


def split(match: Match, view: View) -> Sequence[Layer]:
    """Writes Split as Slice, its points from the sizes of the parts."""
    attrs = match.attrs[0]
    data = match.inputs[0]
    axis = view.axis(data, attrs.integer("axis"))
    view.integers(match.operand(1), "sizes")
    outputs = match.nodes[0].outputs
    if len(outputs) == 1:
        return [match.layer("Split")]
    sizes = [view.size(value, axis) for value in outputs]
    points = tuple(accumulate(sizes))[:-1]
    fields: dict[str, object] = {} if axis == 1 else {"axis": axis}
    even = len(set(sizes)) == 1
    return [match.layer("Slice", fields if even else {**fields, "slice_point": points}, outputs=outputs)]


def slice_(match: Match, view: View) -> Sequence[Layer]:
    """Writes Slice with steps of 1 as one Slice an axis."""
    data = match.inputs[0]
    sizes, out = view.sizes(data), view.sizes(match.output)
    starts, _, axes, steps = (
        view.integers(match.operand(slot), what) for slot, what in enumerate(("starts", "ends", "axes", "steps"), 1)
    )
    if set(steps) - {1}:
        raise Declined(f"it takes steps of {list(steps)}; Caffe cuts contiguous parts")
    wanted = {}
    for start, axis in zip(starts, axes or range(len(starts)), strict=True):
        size = sizes[axis]
        first = min(max(start + size if start < 0 else start, 0), size)
        wanted[axis % len(sizes)] = (first, out[axis])
    if any(count == 0 for _, count in wanted.values()):
        raise Declined("it takes nothing")
    return crop(match, data, sizes, wanted, match.output, alone=True) or [match.layer("Split")]


def embed(match: Match, view: View) -> Sequence[Layer]:
    """Writes whole numbers that look up stored rows, and a stored vector added to them, as Embed."""
    table, axis = match.operand(0, 1), match.attrs[1].integer("axis")
    if match.attrs[0].integer("to") not in (6, 7) or not view.is_constant(table) or axis != 0:
        raise Declined("it looks up no stored rows")
    weight = view.weight(table, "table")
    if len(weight.shape) != 2:
        raise Declined(f"its table has {len(weight.shape)} dimensions; Caffe's Embed has 2")
    fields: dict[str, object] = {"num_output": weight.shape[1], "input_dim": weight.shape[0]}
    if len(match.nodes) == 2:
        return [match.layer("Embed", {**fields, "bias_term": False}, {0: weight})]
    bias = view.channels(match.output, match.other(2), view.rank(match.output) - 1)
    if bias is None:
        raise Declined("what it adds is no stored vector")
    return [match.layer("Embed", fields, {0: weight, 1: bias})]


def gather(match: Match, view: View) -> Sequence[Layer]:
    """Writes Gather of stored rows by computed numbers as Embed, of a stretch of an axis as Slice and Reshape."""
    data, indices = match.nodes[0].inputs
    axis = match.attrs[0].integer("axis")
    assert data is not None
    if view.is_constant(data) and axis == 0:
        table = view.weight(data, "table")
        if len(table.shape) != 2:
            raise Declined(f"its table has {len(table.shape)} dimensions; Caffe's Embed has 2")
        fields = {"num_output": table.shape[1], "input_dim": table.shape[0], "bias_term": False}
        return [match.layer("Embed", fields, {0: table})]
    if view.is_constant(data) or view.dtype(match.output) != "float32":
        raise Declined("Caffe looks up rows of a stored table of numbers only")
    sizes = view.sizes(data)
    axis = view.axis(data, axis)
    places = [number % sizes[axis] for number in view.integers(indices, "indices")]
    if places != list(range(places[0], places[0] + len(places))):
        raise Declined(f"it takes {places} of an axis; Caffe cuts contiguous parts")
    inner = f"{match.name}/part"
    layers = crop(match, data, sizes, {axis: (places[0], len(places))}, inner)
    return [
        *layers,
        match.layer("Reshape", {"shape": {"dim": view.sizes(match.output)}}, inputs=[inner] if layers else [data]),
    ]


_IN = ((2, 6, 4, 5),)


def _ints(name: str, values: str) -> str:
    return f"{name} = Constant<value_ints = [{values}]>()\n"


_SLICE = _ints("a", "1, -4") + _ints("b", "3, 9999") + _ints("c", "2, 3")

WRITE = (
    Write(concat, ("Concat",), samples=(
        Sample("channels", "out0 = Concat<axis = 1>(in0, in1)", ((2, 3, 4, 5), (2, 1, 4, 5))),
        Sample("last axis", "out0 = Concat<axis = -1>(in0, in1)", ((2, 3, 4), (2, 3, 1))),
        Sample("with a stored tensor", "out0 = Concat<axis = 0>(w0, in0)", _IN, ((1, 6, 4, 5),)),
    )),
    Write(identity, ("Identity",), samples=(
        Sample("of an input", "out0 = Identity(in0)", _IN),
        Sample("of a stored tensor", "out0 = Relu(in0)\nout1 = Identity(w0)", _IN, ((3, 4),), outputs=2),
    )),
    Write(embed, ("Cast", "Gather"), samples=(
        Sample("rows", "a = Cast<to = 7>(in0)\nout0 = Gather(w0, a)", ((2, 3),), ((7, 5),), values=(0, 6)),
    )),
    Write(embed, ("Cast", "Gather", "Add"), samples=(
        Sample("rows", "a = Cast<to = 7>(in0)\nb = Gather(w0, a)\nout0 = Add(b, w1)", ((2, 3),), ((7, 5), (5,)),
               values=(0, 6)),
    )),
    Write(split, ("Split",), neutral=("num_outputs",), samples=(
        Sample("sizes", f"{_ints('s', '1, 3, 2')}out0, out1, out2 = Split<axis = 1>(in0, s)", _IN, outputs=3),
        Sample("equal", "out0, out1 = Split<axis = 2, num_outputs = 2>(in0)", _IN, outputs=2),
        Sample("unread part", f"{_ints('s', '1, 3, 2')}out0, rest, out1 = Split<axis = 1>(in0, s)", _IN, outputs=2),
    )),
    Write(slice_, ("Slice",), samples=(
        Sample("two axes", f"{_SLICE}out0 = Slice(in0, a, b, c)", _IN),
        Sample("one end", f"{_ints('a', '2')}{_ints('b', '6')}{_ints('c', '1')}out0 = Slice(in0, a, b, c)", _IN),
    )),
    Write(gather, ("Gather",), dtypes=("float32", "int64", "int32"), samples=(
        Sample("one channel", "i = Constant<value_int = 2>()\nout0 = Gather<axis = 1>(in0, i)", _IN),
        Sample("a stretch", f"{_ints('i', '1, 2, 3')}out0 = Gather<axis = 2>(in0, i)", _IN),
    )),
)  # fmt: skip
