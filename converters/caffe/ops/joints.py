"""Concat, Slice and Split: how values are joined and parted along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def concat(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Concat as Concat along `axis` (or `concat_dim`, its old name)."""
    axis = _axis(layer, emit, "concat_dim")
    if len(emit.inputs) == 1:
        return emit.dropped("concatenates a single bottom")
    return emit("Concat", *emit.inputs, axis=axis)


def slice_(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads Slice as Split along `axis` (or `slice_dim`): at `slice_point`s, or into equal parts."""
    (data,) = emit.inputs
    axis, count = _axis(layer, emit, "slice_dim"), len(layer.outputs)
    points = layer.attrs.integers("slice_point")
    size = emit.size(data, axis)
    if points and len(points) != count - 1:
        emit.refuse(f"{len(points)} slice points for {count} tops; Caffe refuses it too")
    if not points and size % count:
        emit.refuse(f"{size} cannot be cut into {count} equal parts; Caffe refuses it too")
    if count == 1:
        return [emit.dropped("slices into a single top")]
    bounds = (0, *points, size) if points else tuple(range(0, size + 1, size // count))
    parts = [end - start for start, end in pairwise(bounds)]
    if min(parts) < 1:
        emit.refuse(f"slice points {list(points)} do not rise within {size}; Caffe refuses it too")
    return emit.several(count, "Split", data, emit.constant(parts, "sizes"), axis=axis)


def split(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads Split as nothing: its tops are the same value."""
    return [emit.dropped("hands one value to several readers")] * len(layer.outputs)


def silence(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads Silence as nothing: it only keeps its bottoms from being outputs."""
    if emit.inputs:
        emit.dropped("keeps its bottoms from being outputs")
    return ()


def _axis(layer: Layer, emit: Emit, old_name: str) -> int:
    attrs = layer.attrs
    name = old_name if old_name in attrs.explicit else "axis"
    if {old_name, "axis"} <= attrs.explicit:
        emit.refuse(f"sets both axis and {old_name}; Caffe refuses it too")
    return emit.axis(emit.inputs[0], attrs.integer(name))


_CONCAT = (
    Sample("channels", "", ((2, 3, 4, 5), (2, 1, 4, 5)), formula=lambda x, _: np.concatenate(x, 1)),
    Sample("axis 2", "concat_param { axis: 2 }", ((2, 3, 4, 5), (2, 3, 1, 5), (2, 3, 2, 5))),
    Sample("last axis", "concat_param { axis: -1 }", ((2, 3, 4), (2, 3, 1))),
    Sample("old name", "concat_param { concat_dim: 1 }", ((2, 3, 4, 5), (2, 2, 4, 5))),
    Sample("one bottom", "", ((2, 3, 4, 5),)),
)

_SLICE = (
    Sample("points", "slice_param { slice_point: 1 slice_point: 4 }", ((2, 6, 4, 5),), outputs=3),
    Sample("equal", "slice_param { axis: 2 }", ((2, 3, 6, 5),), outputs=3),
    Sample("old name", "slice_param { slice_dim: 1 slice_point: 2 }", ((2, 5, 4, 5),), outputs=2),
)

READ = {
    "Concat": Read(concat, samples=_CONCAT),
    "Slice": Read(slice_, samples=_SLICE),
    "Split": Read(split, samples=(Sample("two tops", "", ((2, 3, 4, 5),), outputs=2),)),
    "Silence": Read(silence),
}
