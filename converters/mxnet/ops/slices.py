"""slice, slice_axis, slice_like, Crop, SliceChannel, split_v2: parts of a value."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import every, value
from converters.mxnet.ops.moves import FIRST, LAST

Bound = int | None


def slice_(layer: Layer, emit: Emit) -> ir.Value:
    """Reads slice as Slice: begin, end and step for each axis, None for all."""
    data = value(layer, emit, "data")
    begins, ends = (cast("tuple[Bound, ...]", layer.attrs[name]) for name in ("begin", "end"))
    steps = cast("tuple[Bound, ...]", layer.attrs["step"]) or (None,) * len(begins)
    if not len(begins) == len(ends) == len(steps) <= emit.rank(data) or 0 in steps:
        emit.refuse(f"begin {begins}, end {ends} and step {steps} do not fit; MXNet refuses it too")
    forward = [(step or 1) > 0 for step in steps]
    starts = [_bound(begin, 0 if ahead else LAST) for begin, ahead in zip(begins, forward, strict=True)]
    stops = [_bound(end, LAST if ahead else FIRST) for end, ahead in zip(ends, forward, strict=True)]
    stops = [FIRST if end == -1 and not ahead else end for end, ahead in zip(stops, forward, strict=True)]
    return _cut(emit, data, starts, stops, list(range(len(begins))), [step or 1 for step in steps])


def slice_axis(layer: Layer, emit: Emit) -> ir.Value:
    """Reads slice_axis as Slice of one axis."""
    data = value(layer, emit, "data")
    axis = emit.axis(data, layer.attrs.integer("axis"))
    end = _bound(cast("Bound", layer.attrs["end"]), LAST)
    return _cut(emit, data, [layer.attrs.integer("begin")], [end], [axis])


def slice_like(layer: Layer, emit: Emit) -> ir.Value:
    """Reads slice_like as Slice: the front part of the other input's size, on some axes or all."""
    data, like = value(layer, emit, "data"), value(layer, emit, "shape_like")
    axes = layer.attrs.integers("axes") or tuple(range(emit.rank(data)))
    axes = tuple(emit.axis(data, axis) for axis in axes)
    differing = [axis for axis in axes if emit.shape(data)[axis] != emit.shape(like)[axis]]
    if not differing:
        return emit("Identity", data)
    sizes = [emit.size(like, axis) for axis in differing]
    return _cut(emit, data, [0] * len(sizes), sizes, differing)


def crop(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Crop as Slice of height and width, to h_w or to the second input's size, at an offset or centred."""
    data, *like = every(layer, emit)
    size = emit.sizes(like[0], 2) if like else layer.attrs.integers("h_w")
    whole = emit.sizes(data, 2)
    offset = layer.attrs.integers("offset")
    if layer.attrs.flag("center_crop"):
        offset = tuple((full - part) // 2 for full, part in zip(whole, size, strict=True))
    ends = [start + part for start, part in zip(offset, size, strict=True)]
    if len(ends) != 2 or any(end > full for end, full in zip(ends, whole, strict=True)):
        emit.refuse(f"the crop {list(offset)} to {ends} reaches outside {list(whole)}; MXNet refuses it too")
    return _cut(emit, data, offset, ends, [2, 3])


def slice_channel(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads SliceChannel as Split into equal parts; squeeze_axis drops the axis of size 1."""
    data, count = value(layer, emit, "data"), layer.attrs.integer("num_outputs")
    axis = emit.axis(data, layer.attrs.integer("axis"))
    size = emit.size(data, axis)
    if count < 1 or size % count:
        emit.refuse(f"{size} cannot be cut into {count} equal parts; MXNet refuses it too")
    return _split(emit, data, axis, [size // count] * count, squeeze=layer.attrs.flag("squeeze_axis"))


def split_v2(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads split_v2 as Split: into equal sections, or at indices, the first of which is 0."""
    data, sections = value(layer, emit, "data"), layer.attrs.integer("sections")
    axis = emit.axis(data, layer.attrs.integer("axis"))
    size = emit.size(data, axis)
    indices = layer.attrs.integers("indices")
    bounds = [*indices, size] if not sections else list(range(0, size + 1, max(size // sections, 1)))
    parts = [end - start for start, end in pairwise(bounds)]
    if not parts or min(parts) < 1 or bounds[0] != 0 or (sections and size % sections):
        emit.refuse(f"indices {list(indices)} and sections {sections} do not cut {size}; zoo reads rising indices")
    return _split(emit, data, axis, parts, squeeze=layer.attrs.flag("squeeze_axis"))


def _split(emit: Emit, data: ir.Value, axis: int, parts: Sequence[int], *, squeeze: bool) -> Sequence[ir.Value]:
    if squeeze and any(part != 1 for part in parts):
        emit.refuse("squeeze_axis, though the parts have more than one element; MXNet refuses it too")
    if len(parts) == 1:
        pieces: Sequence[ir.Value] = (data,)
    else:
        pieces = emit.several(len(parts), "Split", data, emit.constant(list(parts), "sizes"), axis=axis)
    if squeeze:
        axes = emit.constant([axis], "axes")
        return [emit("Squeeze", piece, axes) for piece in pieces]
    return [emit("Identity", data)] if len(parts) == 1 else pieces


def _cut(
    emit: Emit, data: ir.Value, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int],
    steps: Sequence[int] | None = None,
) -> ir.Value:  # fmt: skip
    bounds = [
        emit.constant(list(numbers), role) for numbers, role in ((starts, "starts"), (ends, "ends"), (axes, "axes"))
    ]
    more = [emit.constant(list(steps), "steps")] if steps and any(step != 1 for step in steps) else []
    return emit("Slice", data, *bounds, *more)


def _bound(number: Bound, otherwise: int) -> int:
    return otherwise if number is None else number


_IMAGE = ((2, 6, 7, 8),)

READ = {
    "slice": Read(
        slice_,
        samples=(
            Sample("some axes", '{"begin": "(None, 1, 2)", "end": "(None, 5, -1)"}', _IMAGE),
            Sample("steps", '{"begin": "(0, 5, None)", "end": "(None, 1, None)", "step": "(1, -2, 2)"}', _IMAGE),
        ),
    ),
    "slice_axis": Read(
        slice_axis,
        samples=(
            Sample("middle", '{"axis": "1", "begin": "1", "end": "4"}', _IMAGE),
            Sample("from the end", '{"axis": "-1", "begin": "-3", "end": "None"}', _IMAGE),
        ),
    ),
    "slice_like": Read(
        slice_like,
        samples=(
            Sample("all", "{}", ((2, 6, 7), (2, 4, 3))),
            Sample("one axis", '{"axes": "(2,)"}', ((2, 6, 7), (2, 4, 3))),
        ),
    ),
    "Crop": Read(
        crop,
        neutral=("h_w", "offset"),
        samples=(
            Sample("size", '{"num_args": "1", "h_w": "(3, 4)", "offset": "(1, 2)"}', _IMAGE),
            Sample("like another", '{"num_args": "2", "offset": "(2, 1)"}', ((2, 6, 7, 8), (2, 3, 4, 5))),
            Sample("centred", '{"num_args": "2", "center_crop": "True"}', ((2, 6, 7, 8), (2, 6, 4, 3))),
        ),
    ),
    "SliceChannel": Read(
        slice_channel,
        samples=(
            Sample("channels", '{"num_outputs": "3"}', _IMAGE, outputs=3),
            Sample("squeezed", '{"num_outputs": "7", "axis": "2", "squeeze_axis": "True"}', _IMAGE, outputs=7),
            Sample("one part", '{"num_outputs": "1"}', _IMAGE),
        ),
    ),
    "_split_v2": Read(
        split_v2,
        samples=(
            Sample("indices", '{"indices": "(0, 1, 4)", "axis": "1"}', _IMAGE, outputs=3),
            Sample("sections", '{"indices": "()", "sections": "2", "axis": "1"}', _IMAGE, outputs=2),
        ),
    ),
}
