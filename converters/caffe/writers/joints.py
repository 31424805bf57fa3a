"""Concat, Split, Slice and Gather: values joined and parted along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from converters.caffe.cropping import crop
from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write


def concat(match: Match, view: View) -> Sequence[Layer]:
    """Writes Concat as Concat; a single operand as Split."""
    if len(match.inputs) != len(match.nodes[0].inputs):
        raise Declined("it joins a stored tensor; Caffe's bottoms are all computed")
    axis = view.axis(match.inputs[0], match.attrs[0].integer("axis"))
    if len(match.inputs) == 1:
        return [match.layer("Split")]
    return [match.layer("Concat", {} if axis == 1 else {"axis": axis})]


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
