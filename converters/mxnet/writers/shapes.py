"""Values whose numbers stay and whose places change: reshape, transpose, concat, split, slice, pad, tile."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part, attributes
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import ANY, NUMBERS, Assembly, Operand, codes

_MOST = 6  # dimensions that MXNet's slice takes
_FAR = 1 << 30  # ONNX says "to the end" by a number beyond every size


def flatten(match: Match, view: View) -> Sequence[Layer]:
    """Writes Flatten: of axis 1 as Flatten, of another as Reshape."""
    axis = match.attrs[0].integer("axis")
    if axis == 1 and view.rank(match.inputs[0]) > 1:
        return [match.layer("Flatten")]
    return [match.layer("Reshape", {"shape": codes(view, match.output)})]


def reshape(match: Match, view: View) -> Sequence[Layer]:
    """Writes Reshape as Reshape: 0 and -1 mean the same in both."""
    target = view.integers(match.operand(1), "shape")
    if match.attrs[0].flag("allowzero") and 0 in target:
        raise Declined("its target has a size of 0; MXNet has no empty values")
    return [match.layer("Reshape", {"shape": target or (1,)})]


def squeeze(match: Match, view: View) -> Sequence[Layer]:
    """Writes Squeeze and Unsqueeze as Reshape to the inferred shape."""
    view.integers(match.operand(1), "axes")
    return [match.layer("Reshape", {"shape": codes(view, match.output)})]


def transpose(match: Match, view: View) -> Sequence[Layer]:
    """Writes Transpose as transpose."""
    perm = match.attrs[0].integers("perm") or tuple(range(view.rank(match.inputs[0])))[::-1]
    return [match.layer("transpose", {"axes": perm})]


def concat(match: Match, view: View) -> Sequence[Layer]:
    """Writes Concat as Concat; stored parts become variables."""
    operands = [value for value in match.nodes[0].inputs if value is not None]
    assembly = Assembly(match, view)
    assembly.add("Concat", *operands, num_args=len(operands), dim=match.attrs[0].integer("axis"))
    return assembly.layers


def split(match: Match, view: View) -> Sequence[Layer]:
    """Writes Split: into equal parts as SliceChannel, into others at their borders."""
    axis = view.axis(match.inputs[0], match.attrs[0].integer("axis"))
    match.attrs[0].integer("num_outputs")
    outputs = match.nodes[0].outputs
    parts = view.integers(match.operand(1), "split") or tuple(view.size(value, axis) for value in outputs)
    if len(set(parts)) == 1:
        return [match.layer("SliceChannel", {"num_outputs": len(parts), "axis": axis}, outputs=outputs)]
    borders = (0, *list(accumulate(parts))[:-1])
    return [match.layer("_split_v2", {"indices": borders, "axis": axis}, outputs=outputs)]


def slice_(match: Match, view: View) -> Sequence[Layer]:
    """Writes Slice as slice: begin, end and step for every axis, None where an axis is left whole."""
    rank = view.rank(match.inputs[0])
    starts, ends = (view.integers(match.operand(slot), role) for slot, role in ((1, "starts"), (2, "ends")))
    axes = view.integers(match.operand(3), "axes") or tuple(range(len(starts)))
    steps = view.integers(match.operand(4), "steps") or (1,) * len(starts)
    begin: list[int | None] = [None] * rank
    end: list[int | None] = [None] * rank
    step: list[int | None] = [None] * rank
    for place, axis in enumerate(axes):
        where = view.axis(match.inputs[0], axis)
        size, first, last = view.shape(match.inputs[0])[where], starts[place], ends[place]
        if isinstance(size, int):
            first, last = _inside(first, last, size, steps[place])
            if len(range(first, last, steps[place])) < 1:
                raise Declined("it leaves nothing; MXNet has no empty values")
        elif not (first == 0 and last >= _FAR):
            raise Declined("it cuts a dimension that is not fixed", "--input NAME:1,3,224,224")
        begin[where] = first
        end[where] = None if last >= _FAR or last < 0 else last
        step[where] = steps[place]
    if rank > _MOST and set(steps) == {1}:
        cut = [axis for axis in range(rank) if begin[axis] is not None]
        parts = [
            {"axis": axis, "begin": begin[axis], "end": "None" if end[axis] is None else end[axis]} for axis in cut
        ]
        roles = (*(f"axis{axis}" for axis in cut[:-1]), "")
        return match.series(*(Part("slice_axis", part, role=role) for part, role in zip(parts, roles, strict=True)))
    attrs = {"begin": tuple(begin), "end": tuple(end)}
    return [match.layer("slice", attrs if set(steps) == {1} else {**attrs, "step": tuple(step)})]


def _inside(first: int, last: int, size: int, step: int) -> tuple[int, int]:
    """The bounds as Python's own slices have them."""
    start, stop, _ = slice(first if abs(first) < _FAR else None if (first < 0) == (step > 0) else first,
                           last if abs(last) < _FAR else None, step).indices(size)  # fmt: skip
    return start, stop


def tile(match: Match, view: View) -> Sequence[Layer]:
    """Writes Tile as tile."""
    return [match.layer("tile", {"reps": view.integers(match.operand(1), "repeats")})]


def expand(match: Match, view: View) -> Sequence[Layer]:
    """Writes Expand as broadcast_to, behind a Reshape where it adds dimensions, or as broadcast_like another value."""
    if not view.is_constant(match.operand(1)):
        return _expanded_like(match, view)
    view.integers(match.operand(1), "shape")
    before, after = view.shape(match.inputs[0]), view.shape(match.output)
    full = (*(1,) * (len(after) - len(before)), *before)
    shape = tuple(0 if old == new else new for old, new in zip(full, after, strict=True))
    if not all(isinstance(dim, int) for dim in (shape if len(before) == len(after) else (*full, *after))):
        raise Declined("it grows to a size that is not fixed", "--input NAME:1,3,224,224")
    assembly = Assembly(match, view)
    data: Operand = match.inputs[0]
    if len(before) != len(after):
        data = assembly.add("Reshape", data, role="rank", shape=full)
    assembly.add("broadcast_to", data, shape=shape or (1,))
    return assembly.layers


def _expanded_like(match: Match, view: View) -> Sequence[Layer]:
    """Expand to a shape that is put together of ones and of other values' dimensions, axis by axis."""
    data, shape = match.operand(0), match.operand(1)
    assert data is not None
    assert shape is not None
    wanted, before, assembly = _measures(shape, view), view.shape(data), Assembly(match, view)
    if wanted is None or len(wanted) != len(before):
        raise Declined("its shape is computed by the network, not stored in the model")
    for dim, part in zip(before, wanted, strict=True):
        if part is not None and not isinstance(dim, int) and dim != view.shape(part[0])[part[1]]:
            raise Declined("it grows an axis that is not fixed")
    view.only_type(shape)
    grown = [(axis, part) for axis, part in enumerate(wanted) if part is not None and before[axis] == 1]
    made: Operand = data
    for place, (axis, (other, its)) in enumerate(grown):
        role = "" if place == len(grown) - 1 else f"axis{axis}"
        made = assembly.add("broadcast_like", made, other, role=role, lhs_axes=(axis,), rhs_axes=(its,))
    if not grown:
        assembly.add("_copy", data)
    return assembly.layers


def _measures(shape: ir.Value, view: View) -> list[tuple[ir.Value, int] | None] | None:
    """For each part of a shape the value and axis that it is the size of, None for a stored 1; None for another."""
    node = shape.producer()
    if node is None or node.op_type not in ("Concat", "Shape"):
        return None
    parts: list[tuple[ir.Value, int] | None] = []
    for value in (shape,) if node.op_type == "Shape" else node.inputs:
        assert value is not None
        source = value.producer()
        if view.is_constant(value) and view.numbers(value).tolist() == [1]:
            parts.append(None)
        elif source is not None and source.op_type == "Shape" and source.inputs[0] is not None:
            data, attrs = source.inputs[0], attributes(source)
            end = attrs.get("end")
            span = slice(attrs.integer("start"), end if isinstance(end, int) else None)
            parts += [(data, axis) for axis in range(view.rank(data))[span]]
        else:
            return None
    return parts


def measured(match: Match, view: View) -> Sequence[Layer]:
    """Writes Shape as shape_array, of some dimensions with slice_axis, and Size as size_array."""
    if match.nodes[0].op_type == "Size":
        return [match.layer("size_array")]
    attrs, rank = match.attrs[0], view.rank(match.inputs[0])
    begin, end, _ = slice(attrs.integer("start"), attrs["end"]).indices(rank)
    if (begin, end) == (0, rank):
        return [match.layer("shape_array")]
    if begin >= end:
        raise Declined("it asks for no dimension; MXNet has no empty values")
    part = Part("slice_axis", {"axis": 0, "begin": begin, "end": end})
    return match.series(Part("shape_array", role="whole"), part, inputs=match.inputs)


def blocks(match: Match, view: View) -> Sequence[Layer]:
    """Writes SpaceToDepth and DepthToSpace, in its mode CRD by Reshape and transpose."""
    attrs, data = match.attrs[0], match.inputs[0]
    size = attrs.integer("blocksize")
    if match.nodes[0].op_type == "SpaceToDepth":
        return [match.layer("space_to_depth", {"block_size": size})]
    if attrs.text("mode") == "DCR":
        return [match.layer("depth_to_space", {"block_size": size})]
    channels, height, width = view.sizes(data, 1)
    cut = Part("Reshape", {"shape": (-1, channels // size**2, size, size, height, width)}, role="blocks")
    turned = Part("transpose", {"axes": (0, 1, 4, 2, 5, 3)}, role="turned")
    return match.series(cut, turned, Part("Reshape", {"shape": codes(view, match.output)}))


_IMAGE = ((2, 4, 6, 5),)


def _ints(name: str, *numbers: int) -> str:
    return f"{name} = Constant<value_ints = [{', '.join(map(str, numbers))}]>()\n"


WRITE = (
    Write(flatten, ("Flatten",), dtypes=ANY, samples=(Sample("image", "out0 = Flatten(in0)", _IMAGE),)),
    Write(
        reshape,
        ("Reshape",),
        dtypes=ANY,
        samples=(
            Sample("keep and infer", f"{_ints('s', 0, -1, 5)}out0 = Reshape(in0, s)", _IMAGE),
            Sample("infer the batch", f"{_ints('s', -1, 20, 6)}out0 = Reshape(in0, s)", _IMAGE),
        ),
    ),
    Write(squeeze, ("Squeeze",), dtypes=ANY, samples=(
        Sample("one axis", f"{_ints('a', 2)}out0 = Squeeze(in0, a)", ((2, 4, 1, 5),)),
    )),
    Write(squeeze, ("Unsqueeze",), dtypes=ANY, samples=(
        Sample("two axes", f"{_ints('a', 1, 3)}out0 = Unsqueeze(in0, a)", ((2, 4),)),
    )),
    Write(transpose, ("Transpose",), dtypes=NUMBERS, samples=(
        Sample("NHWC", "out0 = Transpose<perm = [0, 2, 3, 1]>(in0)", _IMAGE),
    )),
    Write(concat, ("Concat",), dtypes=NUMBERS, samples=(
        Sample("channels", "out0 = Concat<axis = 1>(in0, in1)", ((2, 4, 6), (2, 3, 6))),
        Sample("with a stored one", "out0 = Concat<axis = 0>(in0, w0)", ((2, 4),), ((3, 4),)),
    )),
    Write(split, ("Split",), dtypes=NUMBERS, samples=(
        Sample("equal", "out0, out1 = Split<axis = 1, num_outputs = 2>(in0)", _IMAGE, outputs=2),
        Sample("unequal", f"{_ints('s', 1, 3)}out0, out1 = Split<axis = 1>(in0, s)", _IMAGE, outputs=2),
    )),
    Write(slice_, ("Slice",), dtypes=ANY, samples=(
        Sample("two axes", f"{_ints('s', 1, -3)}{_ints('e', 9223372036854775807, 5)}{_ints('a', 1, 2)}"
               "out0 = Slice(in0, s, e, a)", _IMAGE),
        Sample("seven dimensions", f"{_ints('s', 1, -2)}{_ints('e', 3, 2)}{_ints('a', 1, 6)}out0 = Slice(in0, s, e, a)",
               ((2, 3, 1, 2, 1, 2, 3),)),
        Sample("steps", f"{_ints('s', 0, 5)}{_ints('e', 4, -9223372036854775807)}{_ints('a', 1, 2)}{_ints('t', 2, -2)}"
               "out0 = Slice(in0, s, e, a, t)", _IMAGE),
    )),
    Write(tile, ("Tile",), dtypes=ANY, samples=(
        Sample("axes", f"{_ints('r', 1, 2, 3)}out0 = Tile(in0, r)", ((2, 3, 4),)),
    )),
    Write(expand, ("Expand",), dtypes=ANY, samples=(
        Sample("more dimensions", f"{_ints('s', 3, 1, 1, 4)}out0 = Expand(in0, s)", ((2, 4),)),
        Sample("one axis", f"{_ints('s', 1, 3, 4)}out0 = Expand(in0, s)", ((2, 1, 4),)),
        Sample("like another", "s = Shape(in1)\ne = Expand(in0, s)\nout0 = Add(e, in1)", ((2, 1, 5), (2, 3, 5))),
        Sample("a stored one for a batch", f"b = Shape<start = 0, end = 1>(in0)\n{_ints('o', 1)}"
               "s = Concat<axis = 0>(b, o)\ne = Expand(w0, s)\nout0 = Add(e, in0)", ((2, 3),), ((1, 1),)),
    )),
    Write(measured, ("Shape",), dtypes=ANY, samples=(
        Sample("all", "out0 = Shape(in0)", _IMAGE),
        Sample("some", "out0 = Shape<start = 1, end = -1>(in0)", _IMAGE),
    )),
    Write(measured, ("Size",), dtypes=ANY, samples=(
        Sample("all", f"{_ints('v', 1)}s = Size(in0)\nout0 = Reshape(s, v)", _IMAGE),
    )),
    Write(blocks, ("DepthToSpace",), dtypes=NUMBERS, samples=(
        Sample("DCR", "out0 = DepthToSpace<blocksize = 2>(in0)", _IMAGE),
        Sample("CRD", 'out0 = DepthToSpace<blocksize = 2, mode = "CRD">(in0)', _IMAGE),
    )),
    Write(blocks, ("SpaceToDepth",), dtypes=NUMBERS, samples=(
        Sample("two", "out0 = SpaceToDepth<blocksize = 2>(in0)", ((2, 3, 4, 6),)),
    )),
)  # fmt: skip
