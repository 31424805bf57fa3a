"""Pooling over windows: maximum, average, and their dilated, adaptive, learned and fractional relatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    batched,
    demand_channels,
    flag,
    only,
    parameter,
    slices,
    stored_shape,
    unbatched,
    whole,
)
from converters.torch7.windows import Pooled, Window, overhang, pooled, window

LOWEST = float(np.finfo(np.float32).min)


def max_pooling(letters: str, *, ceil: bool | None = None) -> Callable[[Layer, Emit], ir.Value]:
    """Reads max pooling as MaxPool with explicit padding; a window wholly outside the input gives -FLT_MAX."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        value = only(emit)
        data, added = batched(emit, value, len(letters) + 2)
        shape = window(layer, emit, letters)
        size = pooled(layer, emit, shape, emit.sizes(data, 2), ceil=ceil)
        return unbatched(emit, maximum(emit, data, shape, size), added=added)

    return read


def maximum(emit: Emit, data: ir.Value, shape: Window, size: Pooled) -> ir.Value:
    """MaxPool; what ONNX's own padding cannot be (as large as the window) is padded with the lowest number first."""
    pads = [*shape.pad, *size.end]
    if any(end >= kernel for end, kernel in zip(size.end, shape.kernel, strict=True)):
        zeros = [0, 0]
        full = emit.constant([*zeros, *shape.pad, *zeros, *size.end], "pads")
        data = emit("Pad", data, full, emit.constant(np.float32(LOWEST), "lowest"))
        pads = [0] * len(pads)
    return emit("MaxPool", data, kernel_shape=shape.kernel, strides=shape.stride, pads=pads, dilations=shape.dilation)


def average_pooling(letters: str, *, ceil: bool | None = None) -> Callable[[Layer, Emit], ir.Value]:
    """Reads average pooling as AveragePool.

    nn without a true field `divide` gives the sum: the average times kW * kH, at the border too. cudnn always divides.
    The average counts padding unless count_include_pad is false, but never what hangs over the padding.
    """

    def read(layer: Layer, emit: Emit) -> ir.Value:
        value = only(emit)
        data, added = batched(emit, value, len(letters) + 2)
        shape = window(layer, emit, letters)
        size = pooled(layer, emit, shape, emit.sizes(data, 2), ceil=ceil)
        if size.outside:
            emit.refuse("its last window lies wholly outside the input; Torch divides zero by zero there")
        include = flag(layer, "count_include_pad", default=True)
        result = _average(emit, data, shape, size, include=include and layer.attrs.get("mode") != _EXCLUDING)
        if layer.kind.startswith("nn.Spatial") and not flag(layer, "divide"):
            result = emit("Mul", result, emit.constant(np.float32(np.prod(shape.kernel)), "window"))
        return unbatched(emit, result, added=added)

    return read


_EXCLUDING = "CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING"


def _average(emit: Emit, data: ir.Value, shape: Window, size: Pooled, *, include: bool) -> ir.Value:
    mean = emit(
        "AveragePool",
        data,
        kernel_shape=shape.kernel,
        strides=shape.stride,
        pads=[*shape.pad, *size.end],
        count_include_pad=int(include),
    )
    if not include or all(end <= pad for end, pad in zip(size.end, shape.pad, strict=True)):
        return mean
    sizes = emit.sizes(data, 2)
    factors = [
        overhang(*numbers) for numbers in zip(sizes, shape.kernel, shape.stride, shape.pad, size.sizes, strict=True)
    ]
    grid = reduce(np.multiply.outer, factors).astype(np.float32)
    return emit("Mul", mean, emit.constant(grid[None, None], "overhang"))


def temporal_max_pooling(layer: Layer, emit: Emit) -> ir.Value:
    """Reads TemporalMaxPooling over [batch, time, features]."""
    value = only(emit)
    data, added = batched(emit, value, 3)
    turned = emit("Transpose", data, perm=(0, 2, 1))
    shape = {"kernel_shape": [whole(layer, emit, "kW")], "strides": [whole(layer, emit, "dW", 1)]}
    return unbatched(emit, emit("Transpose", emit("MaxPool", turned, **shape), perm=(0, 2, 1)), added=added)


def sub_sampling(letters: str) -> Callable[[Layer, Emit], ir.Value]:
    """Reads SubSampling: the sum of each window times a weight a channel, plus a bias: a depthwise Conv."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        value = only(emit)
        temporal = letters == "W"
        data, added = batched(emit, value, len(letters) + 2)
        (channels,) = stored_shape(layer, emit, "weight", 1)
        if temporal:
            data = emit("Transpose", data, perm=(0, 2, 1))
        demand_channels(emit, data, channels)
        shape = window(layer, emit, letters)
        ones = [1] * len(letters)
        kernel = emit(
            "Expand",
            parameter(layer, emit, "weight", (channels, 1, *ones)),
            emit.constant([channels, 1, *shape.kernel], "kernel"),
        )
        bias = parameter(layer, emit, "bias", (channels,))
        result = emit("Conv", data, kernel, bias, kernel_shape=shape.kernel, strides=shape.stride, group=channels)
        return unbatched(emit, emit("Transpose", result, perm=(0, 2, 1)) if temporal else result, added=added)

    return read


def adaptive_pooling(op: str) -> Callable[[Layer, Emit], ir.Value]:
    """Reads adaptive pooling to W x H: window i spans floor(i * size / out) to ceil((i + 1) * size / out).

    Windows of one size and stride make one pooling; others are pooled one by one and joined.
    """

    def read(layer: Layer, emit: Emit) -> ir.Value:
        value = only(emit)
        data, added = batched(emit, value, 4)
        for axis, letter in ((2, "H"), (3, "W")):
            size, count = emit.size(data, axis), whole(layer, emit, letter)
            if not 0 < count <= max(size, 1) * 64:
                emit.refuse(f"cannot make {count} of {size}")
            spans = [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
            data = _pool_spans(emit, data, axis, spans, op)
        return unbatched(emit, data, added=added)

    return read


def _pool_spans(emit: Emit, data: ir.Value, axis: int, spans: Sequence[tuple[int, int]], op: str) -> ir.Value:
    """The maximum or mean of each span of one axis."""
    widths = {end - start for start, end in spans}
    steps = {after[0] - before[0] for before, after in pairwise(spans)} or {1}
    if len(widths) == len(steps) == 1 and spans[0][0] == 0 and steps != {0}:
        kernel = [1, 1]
        strides = [1, 1]
        kernel[axis - 2], strides[axis - 2] = widths.pop(), steps.pop()
        pooling = "MaxPool" if op == "ReduceMax" else "AveragePool"
        result = emit(pooling, data, kernel_shape=kernel, strides=strides)
        return result if emit.size(result, axis) == len(spans) else slices(emit, result, axis, 0, len(spans))
    axes = emit.constant([axis], "axis")
    parts = []
    for start, end in spans:
        part = slices(emit, data, axis, start, end)
        parts.append(_reduce(emit, op, part, axis, axes))
    return parts[0] if len(parts) == 1 else emit("Concat", *parts, axis=axis)


def _reduce(emit: Emit, op: str, part: ir.Value, axis: int, axes: ir.Value) -> ir.Value:
    """Opset 18 has axes as an input for all reductions."""
    return emit(op, part, axes, keepdims=1)


def fractional_max_pooling(letters: str) -> Callable[[Layer, Emit], ir.Value]:
    """Reads fractional max pooling with stored random samples, which fix the windows; refuses drawn ones.

    The windows of a channel (and image) follow from its own samples (THNN generateIntervals): only samples that are
    the same for all, or one image with its own per channel, can be read.
    """

    def read(layer: Layer, emit: Emit) -> ir.Value:
        from converters.torch7.fractional import pool

        return pool(layer, emit, letters)

    return read


READ = {
    **dict.fromkeys(
        ("nn.SpatialMaxPooling", "nn.SpatialDilatedMaxPooling", "cudnn.SpatialMaxPooling"),
        Read(max_pooling("HW")),
    ),
    "inn.SpatialMaxPooling": Read(max_pooling("HW", ceil=True)),
    **dict.fromkeys(("nn.SpatialAveragePooling", "cudnn.SpatialAveragePooling"), Read(average_pooling("HW"))),
    "inn.SpatialAveragePooling": Read(average_pooling("HW", ceil=True)),
    **dict.fromkeys(
        ("nn.VolumetricMaxPooling", "nn.VolumetricDilatedMaxPooling", "cudnn.VolumetricMaxPooling"),
        Read(max_pooling("THW")),
    ),
    **dict.fromkeys(
        ("nn.VolumetricAveragePooling", "cudnn.VolumetricAveragePooling"), Read(average_pooling("THW"))
    ),
    "nn.TemporalMaxPooling": Read(temporal_max_pooling),
    "nn.SpatialSubSampling": Read(sub_sampling("HW")),
    "nn.TemporalSubSampling": Read(sub_sampling("W")),
    "nn.SpatialAdaptiveMaxPooling": Read(adaptive_pooling("ReduceMax")),
    "nn.SpatialAdaptiveAveragePooling": Read(adaptive_pooling("ReduceMean")),
    "nn.SpatialFractionalMaxPooling": Read(fractional_max_pooling("HW")),
    "nn.VolumetricFractionalMaxPooling": Read(fractional_max_pooling("HWT")),
}  # fmt: skip
