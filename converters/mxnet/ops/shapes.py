"""Reshape and its kin: the numbers stay in order, their dimensions change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Dim, Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import value


def reshape(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Reshape as Reshape, its special codes resolved: 0 keeps, -1 infers, -2 keeps all, -3 merges, -4 splits.

    With `reverse` the codes are matched from the right. `target_shape` is the old form: 0 infers.
    """
    data = value(layer, emit, "data")
    before = emit.shape(data)
    codes = layer.attrs.integers("shape")
    if not codes:
        return emit.reshape(data, _target(layer, emit, before))
    if any(type(code) is not int or code < -4 for code in codes):
        emit.refuse(f"shape {list(codes)} holds a code that MXNet does not know")
    if layer.attrs.flag("reverse"):
        dims = _resolve(emit, before[::-1], _reversed(codes))[::-1]
    else:
        dims = _resolve(emit, before, codes)
    return emit.reshape(data, dims)


def _reversed(codes: Sequence[int]) -> list[int]:
    """The codes from the right; MXNet turns them round one by one, so a -4 would stand behind its two sizes."""
    return list(codes)[::-1]


def _target(layer: Layer, emit: Emit, before: Sequence[Dim]) -> list[Dim]:
    target = list(layer.attrs.integers("target_shape"))
    if not target:
        emit.refuse("sets neither shape nor target_shape; MXNet refuses it too")
    keep = layer.attrs.flag("keep_highest")
    dims: list[Dim] = [-1 if dim == 0 else dim for dim in target]
    if keep:
        dims[0] = before[0]
    return dims


def _resolve(emit: Emit, before: Sequence[Dim], codes: Sequence[int]) -> list[Dim]:
    """The dimensions that the codes mean for an input of shape `before` (matrix_op-inl.h, InferReshapeShape)."""
    after: list[Dim] = []
    source = position = 0
    while position < len(codes):
        code = codes[position]
        taken = {-2: len(before) - source, -3: 2}.get(code, 1)
        if source + taken > len(before) and code in (0, -3, -4):
            emit.refuse(f"shape {list(codes)} asks for more dimensions than its input has; MXNet refuses it too")
        if code == -4:
            after += _split(emit, before[source], codes[position + 1 : position + 3])
            position += 2
        else:
            after += _one(code, before[source : source + taken])
        source, position = source + max(taken, 0), position + 1
    return after


def _one(code: int, dims: Sequence[Dim]) -> list[Dim]:
    if code == -3:
        left, right = dims
        return [left * right if isinstance(left, int) and isinstance(right, int) else -1]
    return list(dims) if code in (0, -2) else [code]


def _split(emit: Emit, dim: Dim, parts: Sequence[int]) -> list[Dim]:
    if len(parts) != 2 or all(part < 1 for part in parts):
        emit.refuse(f"-4 is followed by {list(parts)}, which do not say how to split a dimension; MXNet refuses it too")
    if not isinstance(dim, int):
        return list(parts)
    known = max(parts)
    whole = [dim // known if part == -1 else part for part in parts]
    if whole[0] * whole[1] != dim:
        emit.refuse(f"-4 cannot split {dim} into {list(parts)}; MXNet refuses it too")
    return list(whole)


def flatten(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Flatten as Flatten: all but the batch become one dimension."""
    return emit("Flatten", value(layer, emit, "data"), axis=1)


def expand_dims(layer: Layer, emit: Emit) -> ir.Value:
    """Reads expand_dims as Unsqueeze."""
    data, axis = value(layer, emit, "data"), layer.attrs.integer("axis")
    if not -emit.rank(data) - 1 <= axis <= emit.rank(data):
        emit.refuse(f"axis {axis} for an input of {emit.rank(data)} dimensions; MXNet refuses it too")
    return emit("Unsqueeze", data, emit.constant([axis], "axes"))


def squeeze(layer: Layer, emit: Emit) -> ir.Value:
    """Reads squeeze as Squeeze: the named axes, or all of size 1; one dimension is always left."""
    data = value(layer, emit, "data")
    named = cast("tuple[int, ...] | None", layer.attrs["axis"])
    if named is None:
        axes = [axis for axis, size in enumerate(emit.sizes(data)) if size == 1]
    else:
        axes = [emit.axis(data, axis) for axis in named]
    if len(axes) == emit.rank(data):
        return emit("Reshape", data, emit.constant([1], "shape"))
    return emit("Squeeze", data, emit.constant(axes, "axes")) if axes else emit("Identity", data)


def reshape_like(layer: Layer, emit: Emit) -> ir.Value:
    """Reads reshape_like as Reshape: dimensions lhs_begin to lhs_end become those of the other input."""
    data, like = value(layer, emit, "lhs"), value(layer, emit, "rhs")
    before, other = emit.shape(data), emit.shape(like)
    start, end = _range(layer, "lhs", len(before))
    other_start, other_end = _range(layer, "rhs", len(other))
    return emit.reshape(data, (*before[:start], *other[other_start:other_end], *before[end:]))


def _range(layer: Layer, side: str, rank: int) -> tuple[int, int]:
    begin, end = layer.attrs[f"{side}_begin"], layer.attrs[f"{side}_end"]
    start = begin if isinstance(begin, int) else 0
    stop = end if isinstance(end, int) else rank
    return (start + rank if start < 0 else start), (stop + rank if stop < 0 else stop)


def shape_array(layer: Layer, emit: Emit) -> ir.Value:
    """Reads shape_array as Shape."""
    return emit("Shape", value(layer, emit, "data"))


def size_array(layer: Layer, emit: Emit) -> ir.Value:
    """Reads size_array as Size, as one element."""
    return emit("Reshape", emit("Size", value(layer, emit, "data")), emit.constant([1], "one_element"))


_IMAGE = ((2, 6, 4, 5),)

_RESHAPE = (
    Sample("keep and infer", '{"shape": "(0, -1, 5)"}', _IMAGE),
    Sample("infer in front", '{"shape": "(-1, 20)"}', _IMAGE),
    Sample("keep the rest", '{"shape": "(0, -2)"}', _IMAGE),
    Sample("merge", '{"shape": "(0, -3, 0)"}', _IMAGE),
    Sample("merge the batch", '{"shape": "(-3, -2)"}', _IMAGE),
    Sample("split", '{"shape": "(0, -4, 3, -1, -2)"}', _IMAGE),
    Sample("split the other way", '{"shape": "(0, -4, -1, 2, 0, 0)"}', _IMAGE),
    Sample("from the right", '{"shape": "(-1, 0)", "reverse": "True"}', ((2, 6, 4),)),
    Sample("old form", '{"target_shape": "(0, 30)"}', ((2, 6, 5),)),
    Sample("old form that keeps the batch", '{"target_shape": "(0, 0, 10)", "keep_highest": "True"}', ((2, 6, 5),)),
)

READ = {
    "Reshape": Read(reshape, neutral=("target_shape", "keep_highest"), samples=_RESHAPE),
    "Flatten": Read(flatten, samples=(Sample("image", "{}", _IMAGE), Sample("rows", "{}", ((2, 3),)))),
    "expand_dims": Read(
        expand_dims,
        samples=(Sample("front", '{"axis": "0"}', ((2, 3),)), Sample("end", '{"axis": "-1"}', ((2, 3),))),
    ),
    "squeeze": Read(
        squeeze,
        samples=(
            Sample("all", "{}", ((2, 1, 3, 1),)),
            Sample("one", '{"axis": "(-1,)"}', ((2, 1, 3, 1),)),
        ),
    ),
    "reshape_like": Read(
        reshape_like,
        samples=(
            Sample("whole", "{}", ((2, 6, 4), (2, 4, 6))),
            Sample(
                "part",
                '{"lhs_begin": "1", "lhs_end": "2", "rhs_begin": "1", "rhs_end": "3"}',
                ((2, 6, 4), (2, 3, 2)),
            ),
        ),
    ),
    "shape_array": Read(shape_array, samples=(Sample("image", "{}", _IMAGE),)),
    "size_array": Read(size_array, samples=(Sample("image", "{}", _IMAGE),)),
}
