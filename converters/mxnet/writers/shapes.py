"""Values whose numbers stay and whose places change: reshape, transpose, concat, split, slice, pad, tile."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write

_FAR = 1 << 30  # ONNX says "to the end" by a number beyond every size


def flatten(match: Match, view: View) -> Sequence[Layer]:
    """Writes Flatten: of axis 1 as Flatten, of another as Reshape."""
    axis = match.attrs[0].integer("axis")
    if axis == 1 and view.rank(match.inputs[0]) > 1:
        return [match.layer("Flatten")]
    return [match.layer("Reshape", {"shape": _codes(match, view)})]


def reshape(match: Match, view: View) -> Sequence[Layer]:
    """Writes Reshape as Reshape: 0 and -1 mean the same in both."""
    target = view.integers(match.operand(1), "shape")
    if match.attrs[0].flag("allowzero") or not target:
        raise Declined("its target has a size of 0 or no dimension; MXNet has neither")
    return [match.layer("Reshape", {"shape": target})]


def squeeze(match: Match, view: View) -> Sequence[Layer]:
    """Writes Squeeze and Unsqueeze as Reshape to the inferred shape."""
    view.integers(match.operand(1), "axes")
    return [match.layer("Reshape", {"shape": _codes(match, view)})]


def _codes(match: Match, view: View) -> tuple[int, ...]:
    """The output's shape with at most one -1 for what is not fixed."""
    shape = view.shape(match.output)
    unknown = [dim for dim in shape if not isinstance(dim, int)]
    if not shape or 0 in shape or len(unknown) > 1:
        raise Declined("its result has no dimension, an empty one, or several that are not fixed")
    return tuple(dim if isinstance(dim, int) else -1 for dim in shape)


def transpose(match: Match, view: View) -> Sequence[Layer]:
    """Writes Transpose as transpose."""
    perm = match.attrs[0].integers("perm") or tuple(range(view.rank(match.inputs[0])))[::-1]
    return [match.layer("transpose", {"axes": perm})]


def concat(match: Match, view: View) -> Sequence[Layer]:
    """Writes Concat as Concat; stored parts become variables."""
    operands = match.nodes[0].inputs
    weights = {place: view.weight(item) for place, item in enumerate(operands) if view.is_constant(item)}
    return [match.layer("Concat", {"num_args": len(operands), "dim": match.attrs[0].integer("axis")}, weights)]


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
    attrs = {"begin": tuple(begin), "end": tuple(end)}
    return [match.layer("slice", attrs if set(steps) == {1} else {**attrs, "step": tuple(step)})]


def _inside(first: int, last: int, size: int, step: int) -> tuple[int, int]:
    """The bounds as Python's own slices have them."""
    start, stop, _ = slice(first if abs(first) < _FAR else None if (first < 0) == (step > 0) else first,
                           last if abs(last) < _FAR else None, step).indices(size)  # fmt: skip
    return start, stop


def pad(match: Match, view: View) -> Sequence[Layer]:
    """Writes Pad of the spatial axes of an image or a volume as Pad."""
    rank, attrs = view.rank(match.inputs[0]), match.attrs[0]
    pads = view.integers(match.operand(1), "pads")
    axes = view.integers(match.operand(3), "axes") or tuple(range(rank))
    half = len(pads) // 2
    widths = [0] * (2 * rank)
    for place, axis in enumerate(axes):
        widths[2 * (axis % rank)], widths[2 * (axis % rank) + 1] = pads[place], pads[half + place]
    mode = attrs.text("mode")
    fill = 0.0 if match.operand(2) is None else view.scalar(match.operand(2))
    if rank not in (4, 5) or any(widths[:4]) or min(widths) < 0 or mode == "wrap" or fill is None:
        raise Declined(
            f"pads {list(pads)} of {rank} dimensions in the mode {mode}; MXNet pads the spatial axes of 4 or 5"
        )
    return [match.layer("Pad", {"mode": mode, "pad_width": tuple(widths), "constant_value": repr(fill)})]


def tile(match: Match, view: View) -> Sequence[Layer]:
    """Writes Tile as tile."""
    return [match.layer("tile", {"reps": view.integers(match.operand(1), "repeats")})]


def expand(match: Match, view: View) -> Sequence[Layer]:
    """Writes Expand as broadcast_to, where the rank stays and the sizes are fixed."""
    view.integers(match.operand(1), "shape")
    before, after = view.shape(match.inputs[0]), view.shape(match.output)
    if len(before) != len(after):
        raise Declined("it adds dimensions")
    shape = tuple(0 if old == new else new for old, new in zip(before, after, strict=True))
    if not all(isinstance(dim, int) for dim in shape):
        raise Declined("it grows to a size that is not fixed", "--input NAME:1,3,224,224")
    return [match.layer("broadcast_to", {"shape": shape})]


def blocks(match: Match, view: View) -> Sequence[Layer]:
    """Writes DepthToSpace (DCR) and SpaceToDepth."""
    attrs = match.attrs[0]
    if match.nodes[0].op_type == "DepthToSpace" and attrs.text("mode") != "DCR":
        raise Declined("its mode CRD; MXNet's is DCR")
    kind = {"DepthToSpace": "depth_to_space", "SpaceToDepth": "space_to_depth"}[match.nodes[0].op_type]
    return [match.layer(kind, {"block_size": attrs.integer("blocksize")})]


def resize(match: Match, view: View) -> Sequence[Layer]:
    """Writes Resize: nearest by a whole factor as UpSampling, linear as BilinearResize2D."""
    attrs, data = match.attrs[0], match.inputs[0]
    axes = attrs.integers("axes") or tuple(range(view.rank(data)))
    factors_of = view.numbers(match.operand(2), "scales") if match.operand(2) is not None else None
    sizes = view.integers(match.operand(3), "sizes")
    shape = view.shape(data)
    kept = all(
        (factors_of[place] == 1 if factors_of is not None and len(factors_of) else sizes[place] == shape[axis])
        for place, axis in enumerate(axes)
        if axis % len(shape) < 2
    )
    if len(shape) != 4 or not kept:
        raise Declined("it resizes other axes than height and width of an image")
    before, after = view.sizes(data, 2), view.sizes(match.output, 2)
    where, mode = attrs.text("coordinate_transformation_mode"), attrs.text("mode")
    factors = {after[axis] / before[axis] for axis in (0, 1)}
    scale = int(max(factors))
    if mode == "nearest" and factors == {scale}:
        _demand_floor(where, attrs.text("nearest_mode"))
        return [match.layer("UpSampling", {"scale": scale, "sample_type": "nearest", "num_args": 1})]
    if mode != "linear" or where not in ("align_corners", "half_pixel") or attrs.flag("antialias"):
        raise Declined(f"its mode {mode} with {where}; MXNet has nearest by a whole factor and bilinear")
    size = {"height": after[0], "width": after[1], "align_corners": where == "align_corners"}
    return [match.layer("_contrib_BilinearResize2D", size)]


def _demand_floor(where: str, nearest: str) -> None:
    """Each value again and again: what floor gives for asymmetric places, and every rounding for half pixels."""
    if (where, nearest) != ("asymmetric", "floor") and where != "half_pixel":
        raise Declined(f"nearest by {where} and {nearest}; MXNet repeats each value")


_IMAGE = ((2, 4, 6, 5),)


def _ints(name: str, *numbers: int) -> str:
    return f"{name} = Constant<value_ints = [{', '.join(map(str, numbers))}]>()\n"


WRITE = (
    Write(flatten, ("Flatten",), samples=(Sample("image", "out0 = Flatten(in0)", _IMAGE),)),
    Write(
        reshape,
        ("Reshape",),
        samples=(
            Sample("keep and infer", f"{_ints('s', 0, -1, 5)}out0 = Reshape(in0, s)", _IMAGE),
            Sample("infer the batch", f"{_ints('s', -1, 20, 6)}out0 = Reshape(in0, s)", _IMAGE),
        ),
    ),
    Write(squeeze, ("Squeeze",), samples=(
        Sample("one axis", f"{_ints('a', 2)}out0 = Squeeze(in0, a)", ((2, 4, 1, 5),)),
    )),
    Write(squeeze, ("Unsqueeze",), samples=(
        Sample("two axes", f"{_ints('a', 1, 3)}out0 = Unsqueeze(in0, a)", ((2, 4),)),
    )),
    Write(transpose, ("Transpose",), samples=(Sample("NHWC", "out0 = Transpose<perm = [0, 2, 3, 1]>(in0)", _IMAGE),)),
    Write(concat, ("Concat",), samples=(
        Sample("channels", "out0 = Concat<axis = 1>(in0, in1)", ((2, 4, 6), (2, 3, 6))),
        Sample("with a stored one", "out0 = Concat<axis = 0>(in0, w0)", ((2, 4),), ((3, 4),)),
    )),
    Write(split, ("Split",), samples=(
        Sample("equal", "out0, out1 = Split<axis = 1, num_outputs = 2>(in0)", _IMAGE, outputs=2),
        Sample("unequal", f"{_ints('s', 1, 3)}out0, out1 = Split<axis = 1>(in0, s)", _IMAGE, outputs=2),
    )),
    Write(slice_, ("Slice",), samples=(
        Sample("two axes", f"{_ints('s', 1, -3)}{_ints('e', 9223372036854775807, 5)}{_ints('a', 1, 2)}"
               "out0 = Slice(in0, s, e, a)", _IMAGE),
        Sample("steps", f"{_ints('s', 0, 5)}{_ints('e', 4, -9223372036854775807)}{_ints('a', 1, 2)}{_ints('t', 2, -2)}"
               "out0 = Slice(in0, s, e, a, t)", _IMAGE),
    )),
    Write(pad, ("Pad",), samples=(
        Sample("constant", f"{_ints('p', 0, 0, 1, 0, 0, 0, 2, 3)}c = Constant<value_float = 1.5>()\n"
               "out0 = Pad(in0, p, c)", _IMAGE),
        Sample("edge", f"{_ints('p', 0, 0, 1, 0, 0, 0, 2, 3)}out0 = Pad<mode = \"edge\">(in0, p)", _IMAGE),
    )),
    Write(tile, ("Tile",), samples=(Sample("axes", f"{_ints('r', 1, 2, 3)}out0 = Tile(in0, r)", ((2, 3, 4),)),)),
    Write(expand, ("Expand",), samples=(
        Sample("one axis", f"{_ints('s', 1, 3, 4)}out0 = Expand(in0, s)", ((2, 1, 4),)),
    )),
    Write(blocks, ("DepthToSpace",), samples=(Sample("two", "out0 = DepthToSpace<blocksize = 2>(in0)", _IMAGE),)),
    Write(blocks, ("SpaceToDepth",), samples=(
        Sample("two", "out0 = SpaceToDepth<blocksize = 2>(in0)", ((2, 3, 4, 6),)),
    )),
    Write(resize, ("Resize",), neutral=("cubic_coeff_a", "nearest_mode", "keep_aspect_ratio_policy"), samples=(
        Sample("nearest", 's = Constant<value_floats = [1.0, 1.0, 2.0, 2.0]>()\nout0 = Resize<mode = "nearest", '
               'coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(in0, , s)', _IMAGE),
        Sample("linear", f"{_ints('s', 9, 7)}out0 = Resize<mode = \"linear\", axes = [2, 3], "
               'coordinate_transformation_mode = "align_corners">(in0, , , s)', _IMAGE),
    )),
)  # fmt: skip
