"""Pooling: the size rounds up, and an average counts padding but not what hangs over it (pooling_layer.cpp)."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.caffe.geometry import Window, pooled_size, pooling_window
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def pooling(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Pooling as MaxPool or AveragePool with explicit padding at the end instead of ONNX's ceil_mode.

    ONNX and its runtimes disagree on ceil_mode at borders; padding that is written out leaves no choice.
    """
    (data,) = emit.inputs
    if emit.rank(data) != 4:
        emit.refuse(f"its input has {emit.rank(data)} dimensions; Caffe pools over 4 (N, C, H, W)")
    method = layer.attrs.text("pool")
    if method not in _POOL:
        emit.refuse(f"pool: {method} draws random numbers or has no exact ONNX form")
    if len(layer.outputs) > 1:
        emit.refuse("a second top (the mask of a max pooling) has no exact ONNX form")
    if layer.attrs.flag("global_pooling"):
        return _global(layer, emit, data, method)
    window = pooling_window(layer, emit)
    sizes = emit.size(data, 2), emit.size(data, 3)
    ceil = layer.attrs.text("round_mode") == "CEIL"
    out = tuple(
        pooled_size(size, kernel, stride, pad, ceil=ceil)
        for size, kernel, stride, pad in zip(sizes, window.kernel, window.stride, window.pad, strict=True)
    )
    if min(out) < 1:
        emit.refuse(f"the window {window.kernel} does not fit into the input {sizes}")
    starts = [(count - 1) * stride for count, stride in zip(out, window.stride, strict=True)]
    if any(start - pad >= size for start, pad, size in zip(starts, window.pad, sizes, strict=True)):
        emit.refuse("its last window lies wholly outside the input; Caffe itself computes no value there")
    end = [
        max(0, start + kernel - pad - size)
        for start, kernel, pad, size in zip(starts, window.kernel, window.pad, sizes, strict=True)
    ]
    return _POOL[method](emit, data, window, sizes, end)


def _maximum(emit: Emit, data: ir.Value, window: Window, sizes: tuple[int, ...], end: list[int]) -> ir.Value:
    return emit("MaxPool", data, kernel_shape=window.kernel, strides=window.stride, pads=[*window.pad, *end])


def _average(emit: Emit, data: ir.Value, window: Window, sizes: tuple[int, ...], end: list[int]) -> ir.Value:
    """ONNX divides by the whole kernel, Caffe by less where a window hangs over the padding: a factor mends it."""
    mean = emit(
        "AveragePool",
        data,
        kernel_shape=window.kernel,
        strides=window.stride,
        pads=[*window.pad, *end],
        count_include_pad=1,
    )
    if all(after <= pad for after, pad in zip(end, window.pad, strict=True)):
        return mean
    factors = [
        _factors(size, kernel, stride, pad, count)
        for size, kernel, stride, pad, count in zip(
            sizes, window.kernel, window.stride, window.pad, emit.sizes(mean, 2), strict=True
        )
    ]
    return emit("Mul", mean, emit.constant(np.outer(*factors).astype(np.float32)[None, None], "overhang"))


def _factors(size: int, kernel: int, stride: int, pad: int, count: int) -> np.ndarray:
    """Kernel size over the size of each window clipped at the end of the padding."""
    start = np.arange(count) * stride - pad
    return kernel / (np.minimum(start + kernel, size + pad) - start)


def _global(layer: Layer, emit: Emit, data: ir.Value, method: str) -> ir.Value:
    explicit = layer.attrs.explicit & {"kernel_size", "kernel_h", "kernel_w"}
    if explicit:
        emit.refuse(f"global_pooling does not go with {', '.join(sorted(explicit))}; Caffe refuses it too")
    if any(layer.attrs.integer(name) for name in ("pad", "pad_h", "pad_w")) or layer.attrs.integer("stride") != 1:
        emit.refuse("global_pooling goes with pad 0 and stride 1 only; Caffe refuses it too")
    return emit("GlobalMaxPool" if method == "MAX" else "GlobalAveragePool", data)


_POOL = {"MAX": _maximum, "AVE": _average}

SAMPLES = (
    Sample(
        "max rounds up",
        "pooling_param { pool: MAX kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 3 }",
        ((2, 3, 8, 10),),
    ),
    Sample(
        "max drops a window that begins in the padding",
        "pooling_param { pool: MAX kernel_h: 2 kernel_w: 3 stride_h: 2 stride_w: 2 pad_h: 1 pad_w: 1 }",
        ((1, 2, 7, 8),),
    ),
    Sample(
        "max of negative values", "pooling_param { kernel_size: 3 stride: 2 pad: 1 }", ((1, 2, 6, 7),), values=(-3, -1)
    ),
    Sample(
        "average counts the padding",
        "pooling_param { pool: AVE kernel_h: 3 kernel_w: 5 stride_h: 1 stride_w: 2 pad_h: 1 pad_w: 2 }",
        ((2, 2, 6, 9),),
    ),
    Sample(
        "average does not count the overhang",
        "pooling_param { pool: AVE kernel_h: 3 kernel_w: 4 stride_h: 2 stride_w: 3 pad_h: 0 pad_w: 1 }",
        ((2, 2, 8, 11),),
    ),
    Sample("global average", "pooling_param { pool: AVE global_pooling: true }", ((2, 3, 5, 4),)),
    Sample("global max", "pooling_param { pool: MAX global_pooling: true }", ((2, 3, 5, 4),)),
    Sample(
        "floor",
        "pooling_param { pool: MAX kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 3 round_mode: FLOOR }",
        ((1, 2, 8, 9),),
    ),
)

READ = {"Pooling": Read(pooling, neutral=("engine",), samples=SAMPLES)}
