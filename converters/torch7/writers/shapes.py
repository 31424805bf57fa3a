"""Views, transpositions, slices and joins."""

from __future__ import annotations

import math
from collections.abc import Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write

_ENDS = (1 << 31) - 1


def viewed(match: Match, view: View) -> Sequence[Layer]:
    """Writes Reshape, Flatten, Squeeze and Unsqueeze as View: of each sample where the batch stays, else of all."""
    data = match.inputs[0]
    for slot in range(1, len(match.nodes[0].inputs)):
        view.integers(match.operand(slot))
    for name in ("axis", "allowzero"):
        match.attrs[0].get(name)
    before, after = view.shape(data), view.shape(match.output)
    if len(before) > 1 and after and before[0] == after[0]:
        size = view.sizes(match.output, 1)
        return [match.layer("nn.View", {**_size(size), "numInputDims": len(before) - 1})]
    size = view.sizes(match.output)
    if view.sizes(data) and not size:
        raise Declined("nn.View leaves at least one dimension")
    return [match.layer("nn.View", _size(size))]


def _size(size: Sequence[int]) -> dict[str, object]:
    return {"size": tuple(size), "numElements": math.prod(size)}


def transpose(match: Match, view: View) -> Sequence[Layer]:
    """Writes Transpose as the swaps that lead to its order."""
    rank = view.rank(match.inputs[0])
    order = match.attrs[0].integers("perm") or tuple(reversed(range(rank)))
    now, swaps = list(range(rank)), []
    for position, wanted in enumerate(order):
        found = now.index(wanted)
        if found != position:
            now[position], now[found] = now[found], now[position]
            swaps.append((position + 1, found + 1))
    return [match.layer("nn.Transpose", {"permutations": tuple(swaps)})] if swaps else [
        match.layer("nn.Identity")
    ]  # fmt: skip


def slice_(match: Match, view: View) -> Sequence[Layer]:
    """Writes Slice with steps of 1 as Narrows, one a dimension."""
    data = match.inputs[0]
    starts, ends, axes, steps = (view.integers(match.operand(slot), what) for slot, what in enumerate(_SLICE, 1))
    if steps and set(steps) != {1}:
        raise Declined(f"nn.Narrow takes every slice, not steps of {list(steps)}")
    parts = []
    for axis, start, end in zip(axes or range(len(starts)), starts, ends, strict=True):
        size = view.size(data, axis)
        first, last = (min(size, max(0, bound + size if bound < 0 else bound)) for bound in (start, min(end, _ENDS)))
        if last <= first:
            raise Declined("it takes no slice at all")
        role = str(view.axis(data, axis)) if axis != (axes or range(len(starts)))[-1] else ""
        parts.append(Part("nn.Narrow", _narrow(view.axis(data, axis), first, last - first), role=role))
    return match.series(*parts)


_SLICE = ("starts", "ends", "axes", "steps")


def split(match: Match, view: View) -> Sequence[Layer]:
    """Writes Split as one Narrow an output."""
    data = match.inputs[0]
    axis = view.axis(data, match.attrs[0].integer("axis"))
    view.integers(match.operand(1), "sizes")
    match.attrs[0].get("num_outputs")
    layers, first = [], 0
    for position, value in enumerate(match.outputs):
        length = view.size(value, axis)
        fields = _narrow(axis, first, length)
        layers.append(match.layer("nn.Narrow", fields, outputs=[value], role=str(position + 1)))
        first += length
    return layers


def _narrow(axis: int, first: int, length: int) -> dict[str, object]:
    return {"dimension": axis + 1, "index": first + 1, "length": length}


def gather(match: Match, view: View) -> Sequence[Layer]:
    """Writes Gather of one stored index as Select."""
    data, index = match.inputs[0], match.operand(1)
    if not view.is_constant(index) or len(view.weight(index).shape) != 0:
        raise Declined("nn.Select takes one stored index")
    axis = view.axis(data, match.attrs[0].integer("axis"))
    number = int(view.numbers(index))
    return [match.layer("nn.Select", {"dimension": axis + 1, "index": number if number < 0 else number + 1})]


def concat(match: Match, view: View) -> Sequence[Layer]:
    """Writes Concat of computed values as JoinTable."""
    values = [value for value in match.nodes[0].inputs if value is not None]
    if any(view.is_constant(value) for value in values):
        raise Declined("nn.JoinTable joins computed values")
    axis = view.axis(values[0], match.attrs[0].integer("axis"))
    return [match.layer("nn.JoinTable", {"dimension": axis + 1}, inputs=values)]


def resize(match: Match, view: View) -> Sequence[Layer]:
    """Writes Resize of images as SpatialUpSamplingNearest, or SpatialUpSamplingBilinear where corners stay."""
    attrs, data = match.attrs[0], match.inputs[0]
    for slot in (1, 2, 3):
        if match.operand(slot) is not None:
            view.weight(match.operand(slot), "sizes")
    before, after = view.sizes(data, 2), view.sizes(match.output, 2)
    mode, way = attrs.text("mode"), attrs.text("coordinate_transformation_mode")
    if view.rank(data) != 4 or view.shape(data)[1] != view.shape(match.output)[1]:
        raise Declined("nn enlarges images in height and width")
    factors = {new // old for new, old in zip(after, before, strict=True) if new % old == 0}
    whole = len(factors) == 1 and all(new % old == 0 for new, old in zip(after, before, strict=True))
    if mode == "nearest" and whole and way in ("asymmetric", "half_pixel"):
        if way == "asymmetric" and attrs.text("nearest_mode") != "floor":
            raise Declined("it rounds to another neighbour than nn does")
        attrs.text("nearest_mode")
        return [match.layer("nn.SpatialUpSamplingNearest", {"scale_factor": factors.pop()})]
    if mode == "linear" and way == "align_corners":
        return [match.layer("nn.SpatialUpSamplingBilinear", {"oheight": after[0], "owidth": after[1]})]
    raise Declined(f"nn has no {mode} enlargement with {way}")


_RESIZE = ("cubic_coeff_a", "exclude_outside", "extrapolation_value", "keep_aspect_ratio_policy")
_RESHAPE = "s = Constant<value_ints = [{}]>()\nout0 = Reshape(in0, s)"
_AXES = "a = Constant<value_ints = [{}]>()\nout0 = {}(in0, a)"

WRITE = (
    Write(viewed, ("Reshape",), samples=(
        Sample("samples", _RESHAPE.format("0, 4, 15"), ((2, 3, 4, 5),)),
        Sample("to vectors", _RESHAPE.format("0, -1"), ((2, 3, 4, 5),)),
    )),
    Write(viewed, ("Flatten",), samples=(Sample("plain", "out0 = Flatten(in0)", ((2, 3, 4, 5),)),)),
    Write(viewed, ("Squeeze",), samples=(Sample("ends", _AXES.format("2, 3", "Squeeze"), ((2, 3, 1, 1),)),)),
    Write(viewed, ("Unsqueeze",), samples=(Sample("inside", _AXES.format("2", "Unsqueeze"), ((2, 3, 4),)),)),
    Write(transpose, ("Transpose",), samples=(
        Sample("NHWC", "out0 = Transpose<perm = [0, 2, 3, 1]>(in0)", ((2, 3, 4, 5),)),
        Sample("two", "out0 = Transpose<perm = [0, 2, 1]>(in0)", ((2, 3, 4),)),
    )),
    Write(slice_, ("Slice",), samples=(
        Sample(
            "two dimensions",
            "s = Constant<value_ints = [1, -3]>()\ne = Constant<value_ints = [3, 4]>()\n"
            "a = Constant<value_ints = [1, 3]>()\nout0 = Slice(in0, s, e, a)",
            ((2, 4, 3, 5),),
        ),
    )),
    Write(split, ("Split",), samples=(
        Sample(
            "unequal", "s = Constant<value_ints = [1, 3]>()\nout0, out1 = Split<axis = 1>(in0, s)", ((2, 4, 3),),
            outputs=2,
        ),
    )),
    Write(gather, ("Gather",), samples=(
        Sample("one slice", "i = Constant<value_int = 2>()\nout0 = Gather<axis = 1>(in0, i)", ((2, 4, 3),)),
    )),
    Write(concat, ("Concat",), samples=(
        Sample("channels", "out0 = Concat<axis = 1>(in0, in1)", ((2, 3, 4, 5), (2, 1, 4, 5))),
    )),
    Write(resize, ("Resize",), neutral=_RESIZE,
          samples=(
        Sample(
            "twice as large",
            "s = Constant<value_floats = [1.0, 1.0, 2.0, 2.0]>()\n"
            'out0 = Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">'
            "(in0, , s)",
            ((2, 3, 4, 5),),
        ),
        Sample(
            "corners kept",
            "s = Constant<value_floats = [1.0, 1.0, 2.0, 3.0]>()\n"
            'out0 = Resize<mode = "linear", coordinate_transformation_mode = "align_corners">(in0, , s)',
            ((2, 3, 4, 5),),
        ),
    )),
)  # fmt: skip
