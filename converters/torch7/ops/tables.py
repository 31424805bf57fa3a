"""Several values into one: joined along a dimension, or combined value by value."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    axis,
    only,
    sample_dims,
    whole,
)


def join(layer: Layer, emit: Emit) -> ir.Value:
    """Reads JoinTable as Concat."""
    at = axis(emit, emit.inputs[0], whole(layer, emit, "dimension"), sample_dims(layer, emit))
    return _concat(emit, emit.inputs, at)


def concat(layer: Layer, emit: Emit) -> ir.Value:
    """Reads the end of a Concat: its branches' outputs joined."""
    return _concat(emit, emit.inputs, axis(emit, emit.inputs[0], whole(layer, emit, "dimension")))


def parallel(layer: Layer, emit: Emit) -> ir.Value:
    """Reads the end of a Parallel: its branches' outputs joined along outputDimension."""
    return _concat(emit, emit.inputs, axis(emit, emit.inputs[0], whole(layer, emit, "outputDimension")))


def depth_concat(layer: Layer, emit: Emit) -> ir.Value:
    """Reads the end of a DepthConcat: smaller outputs are padded with zeros around them, the odd one at the end."""
    at = axis(emit, emit.inputs[0], whole(layer, emit, "dimension"))
    shapes = [emit.shape(value) for value in emit.inputs]
    rank = len(shapes[0])
    others = [dim for dim in range(rank) if dim != at and len({str(shape[dim]) for shape in shapes}) > 1]
    largest = {dim: max(emit.size(value, dim) for value in emit.inputs) for dim in others}
    padded = []
    for value in emit.inputs:
        missing = {dim: largest[dim] - emit.size(value, dim) for dim in others}
        before = [missing.get(dim, 0) // 2 for dim in range(rank)]
        after = [missing.get(dim, 0) - before[dim] for dim in range(rank)]
        grows = any(missing.values())
        padded.append(emit("Pad", value, emit.constant([*before, *after], "pads")) if grows else value)
    return _concat(emit, padded, at)


def _concat(emit: Emit, values: Sequence[ir.Value], at: int) -> ir.Value:
    if len({emit.rank(value) for value in values}) > 1:
        emit.refuse("joins values of different numbers of dimensions")
    return emit.dropped("joins a single value") if len(values) == 1 else emit("Concat", *values, axis=at)


def combined(op: str) -> Callable[[Layer, Emit], ir.Value]:
    """Reads CAddTable, CMulTable, CMaxTable...: from left to right.

    nn only wants the same number of values; an entry of another shape is read in the shape of the first.
    """

    def read(layer: Layer, emit: Emit) -> ir.Value:
        first, *rest = emit.inputs
        if not rest:
            return emit.dropped("combines a single value")
        result = first
        for value in rest:
            result = emit(op, result, _like(emit, value, first))
        return result

    return read


def _like(emit: Emit, value: ir.Value, first: ir.Value) -> ir.Value:
    shape, wanted = emit.shape(value), emit.shape(first)
    if shape == wanted:
        return value
    fixed = [dim for dim in (*shape, *wanted) if isinstance(dim, int)]
    if len(fixed) < len(shape) + len(wanted) or math.prod(fixed[: len(shape)]) != math.prod(fixed[len(shape) :]):
        emit.refuse(f"combines values of the shapes {list(wanted)} and {list(shape)}")
    return emit.reshape(value, wanted)


def split(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads SplitTable: all slices along a dimension, without it."""
    data = only(emit)
    at = axis(emit, data, whole(layer, emit, "dimension", 1), sample_dims(layer, emit))
    count = len(layer.outputs)
    if emit.size(data, at) != count:
        emit.refuse(f"has {emit.size(data, at)} slices, {count} were expected")
    squeeze = emit.constant([at], "axis")
    if count == 1:
        return [emit("Squeeze", data, squeeze)]
    parts = emit.several(count, "Split", data, emit.constant([1] * count, "sizes"), axis=at)
    return [emit("Squeeze", part, squeeze) for part in parts]


READ = {
    "nn.JoinTable": Read(join),
    "nn.Concat": Read(concat),
    "nn.Parallel": Read(parallel),
    "nn.DepthConcat": Read(depth_concat),
    "nn.CAddTable": Read(combined("Add")),
    "nn.CSubTable": Read(combined("Sub")),
    "nn.CMulTable": Read(combined("Mul")),
    "nn.CDivTable": Read(combined("Div")),
    "nn.CMaxTable": Read(combined("Max")),
    "nn.CMinTable": Read(combined("Min")),
    "nn.SplitTable": Read(split),
}
