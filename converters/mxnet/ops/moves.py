"""Values that change their places or are repeated: transpose, pad, tile, repeat, reverse, broadcast."""

from __future__ import annotations

from typing import cast

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import number, value

FIRST, LAST = -(1 << 63), (1 << 63) - 1


def transpose(layer: Layer, emit: Emit) -> ir.Value:
    """Reads transpose as Transpose; without axes the order is reversed."""
    data = value(layer, emit, "data")
    axes = layer.attrs.integers("axes") or tuple(range(emit.rank(data)))[::-1]
    order = [emit.axis(data, axis) for axis in axes]
    if sorted(order) != list(range(emit.rank(data))):
        emit.refuse(f"axes {list(axes)} do not name every axis once; MXNet refuses it too")
    return emit("Transpose", data, perm=order)


def swap_axis(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SwapAxis as Transpose."""
    data = value(layer, emit, "data")
    order = list(range(emit.rank(data)))
    one, two = (emit.axis(data, layer.attrs.integer(name)) for name in ("dim1", "dim2"))
    order[one], order[two] = order[two], order[one]
    return emit("Transpose", data, perm=order)


def pad(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Pad as Pad: pad_width holds before and after for each axis in turn."""
    data = value(layer, emit, "data")
    widths, mode = layer.attrs.integers("pad_width"), layer.attrs.text("mode")
    if len(widths) != 2 * emit.rank(data) or mode not in ("constant", "edge", "reflect"):
        emit.refuse(f"pad_width {list(widths)} with mode {mode}; MXNet refuses it too")
    pads = emit.constant([*widths[::2], *widths[1::2]], "pads")
    fill = layer.attrs.number("constant_value")
    if mode != "constant":
        return emit("Pad", data, pads, mode=mode)
    return emit("Pad", data, pads, number(emit, data, fill, "fill"))


def tile(layer: Layer, emit: Emit) -> ir.Value:
    """Reads tile as Tile; the shorter of repeats and shape gets ones in front."""
    data = value(layer, emit, "data")
    reps = layer.attrs.integers("reps")
    if len(reps) > emit.rank(data):
        data = emit("Unsqueeze", data, emit.constant(list(range(len(reps) - emit.rank(data))), "axes"))
    full = [1] * (emit.rank(data) - len(reps)) + list(reps)
    return emit("Tile", data, emit.constant(full, "repeats"))


def repeat(layer: Layer, emit: Emit) -> ir.Value:
    """Reads repeat as Gather: each element several times in a row, along an axis or of all values."""
    data, axis = value(layer, emit, "data"), layer.attrs["axis"]
    if axis is None:
        data, axis = emit("Reshape", data, emit.constant([-1], "flat")), 0
    where = emit.axis(data, cast("int", axis))
    order = np.repeat(np.arange(emit.size(data, where)), layer.attrs.integer("repeats"))
    return emit("Gather", data, emit.constant(order, "order"), axis=where)


def reverse(layer: Layer, emit: Emit) -> ir.Value:
    """Reads reverse as Slice with steps of -1."""
    data = value(layer, emit, "data")
    return flipped(emit, data, [emit.axis(data, axis) for axis in layer.attrs.integers("axis")])


def flipped(emit: Emit, data: ir.Value, axes: list[int]) -> ir.Value:
    """The value with some axes turned round."""
    bounds = [
        emit.constant([number] * len(axes), role) for number, role in ((LAST, "starts"), (FIRST, "ends"), (-1, "steps"))
    ]
    return emit("Slice", data, bounds[0], bounds[1], emit.constant(axes, "axes"), bounds[2])


def depth_to_space(layer: Layer, emit: Emit) -> ir.Value:
    """Reads depth_to_space as DepthToSpace: the block's place varies slowest in the channels."""
    return emit("DepthToSpace", value(layer, emit, "data"), blocksize=layer.attrs.integer("block_size"), mode="DCR")


def space_to_depth(layer: Layer, emit: Emit) -> ir.Value:
    """Reads space_to_depth as SpaceToDepth."""
    return emit("SpaceToDepth", value(layer, emit, "data"), blocksize=layer.attrs.integer("block_size"))


def broadcast_to(layer: Layer, emit: Emit) -> ir.Value:
    """Reads broadcast_to as Expand; 0 keeps a dimension."""
    data = value(layer, emit, "data")
    shape = [dim or 1 for dim in layer.attrs.integers("shape")]
    return emit("Expand", data, emit.constant(shape, "shape"))


def broadcast_axis(layer: Layer, emit: Emit) -> ir.Value:
    """Reads broadcast_axis as Expand of the named axes."""
    data = value(layer, emit, "data")
    axes, sizes = layer.attrs.integers("axis"), layer.attrs.integers("size")
    if len(axes) != len(sizes):
        emit.refuse(f"{len(sizes)} sizes for {len(axes)} axes; MXNet refuses it too")
    shape = [1] * emit.rank(data)
    for axis, size in zip(axes, sizes, strict=True):
        shape[emit.axis(data, axis)] = size
    return emit("Expand", data, emit.constant(shape, "shape"))


def broadcast_like(layer: Layer, emit: Emit) -> ir.Value:
    """Reads broadcast_like as Expand to the other input's shape, or to some of its sizes."""
    data, like = value(layer, emit, "lhs"), value(layer, emit, "rhs")
    mine, theirs = (cast("tuple[int, ...] | None", layer.attrs[name]) for name in ("lhs_axes", "rhs_axes"))
    if mine is None or theirs is None:
        same = emit.shape(data) == emit.shape(like) and None not in emit.shape(data)
        return emit("Identity", data) if same else emit("Expand", data, emit("Shape", like))
    shape = [1] * emit.rank(data)
    for axis, other in zip(mine, theirs, strict=False):
        shape[emit.axis(data, axis)] = emit.size(like, emit.axis(like, other))
    return emit("Expand", data, emit.constant(shape, "shape"))


_IMAGE = ((2, 3, 4, 5),)

READ = {
    "transpose": Read(
        transpose,
        samples=(Sample("NHWC", '{"axes": "(0, 2, 3, 1)"}', _IMAGE), Sample("reversed", "{}", ((2, 3, 4),))),
    ),
    "SwapAxis": Read(swap_axis, samples=(Sample("two", '{"dim1": "1", "dim2": "3"}', _IMAGE),)),
    "Pad": Read(
        pad,
        neutral=("constant_value",),
        samples=(
            Sample(
                "constant", '{"mode": "constant", "pad_width": "(0,0,0,0,1,2,0,3)", "constant_value": "1.5"}', _IMAGE
            ),
            Sample("edge", '{"mode": "edge", "pad_width": "(0,0,0,0,1,2,0,3)"}', _IMAGE),
            Sample("reflect", '{"mode": "reflect", "pad_width": "(0,0,0,0,1,2,0,3)"}', _IMAGE),
        ),
    ),
    "tile": Read(
        tile,
        samples=(
            Sample("all axes", '{"reps": "(1, 2, 3)"}', ((2, 3, 2),)),
            Sample("fewer", '{"reps": "(2,)"}', ((2, 3),)),
            Sample("more", '{"reps": "(2, 1, 2)"}', ((2, 3),)),
        ),
    ),
    "repeat": Read(
        repeat,
        samples=(
            Sample("axis", '{"repeats": "2", "axis": "1"}', ((2, 3, 4),)),
            Sample("all", '{"repeats": "3"}', ((2, 3),)),
        ),
    ),
    "reverse": Read(reverse, samples=(Sample("two axes", '{"axis": "(1, 3)"}', _IMAGE),)),
    "depth_to_space": Read(depth_to_space, samples=(Sample("two", '{"block_size": "2"}', ((2, 8, 3, 2),)),)),
    "space_to_depth": Read(space_to_depth, samples=(Sample("two", '{"block_size": "2"}', ((2, 3, 4, 6),)),)),
    "broadcast_to": Read(broadcast_to, samples=(Sample("keep", '{"shape": "(0, 3, 4)"}', ((2, 1, 4),)),)),
    "broadcast_axis": Read(
        broadcast_axis, samples=(Sample("two", '{"axis": "(1, 2)", "size": "(3, 2)"}', ((2, 1, 1, 4),)),)
    ),
    "broadcast_like": Read(
        broadcast_like,
        samples=(
            Sample("whole", "{}", ((2, 1, 4), (2, 3, 4))),
            Sample("axes", '{"lhs_axes": "(1,)", "rhs_axes": "(-1,)"}', ((2, 1, 4), (2, 5))),
        ),
    ),
}
