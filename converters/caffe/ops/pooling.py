"""Pooling: the size rounds up, and an average counts padding but not what hangs over it (pooling_layer.cpp)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.caffe.geometry import Window, pooled_size, pooling_window
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample


def pooling(layer: Layer, emit: Emit) -> ir.Value | Sequence[ir.Value]:
    """Reads Pooling as MaxPool or AveragePool with explicit padding at the end instead of ONNX's ceil_mode.

    ONNX and its runtimes disagree on ceil_mode at borders; padding that is written out leaves no choice. A second top
    is the mask of a max pooling: where in its channel each maximum lies, as a float.
    """
    (data,) = emit.inputs
    if emit.rank(data) != 4:
        emit.refuse(f"its input has {emit.rank(data)} dimensions; Caffe pools over 4 (N, C, H, W)")
    method = layer.attrs.text("pool")
    with_mask = len(layer.outputs) > 1
    if with_mask and (method != "MAX" or layer.attrs.flag("global_pooling")):
        emit.refuse("a second top goes with a max pooling over windows only")
    if layer.attrs.flag("global_pooling"):
        return _global(layer, emit, data, method)
    window = pooling_window(layer, emit)
    ceil = layer.attrs.text("round_mode") == "CEIL"
    if layer.attrs.integer("pad_type"):
        ceil = False  # the padding is such that every window fits
    elif "ceil_mode" in layer.attrs.explicit and "round_mode" not in layer.attrs.explicit:
        ceil = layer.attrs.flag("ceil_mode")
    return _masked(emit, data, window, ceil=ceil) if with_mask else pool(emit, data, method, window, ceil=ceil)


def pool(emit: Emit, data: ir.Value, method: str, window: Window, *, ceil: bool) -> ir.Value:
    """Pool `data` as Caffe does with this window."""
    return _POOL[method](emit, data, window, _overhang(emit, data, window, ceil=ceil))


def _overhang(emit: Emit, data: ir.Value, window: Window, *, ceil: bool) -> list[int]:
    """How far the last windows reach over the input's end in height and width."""
    sizes = emit.size(data, 2), emit.size(data, 3)
    padded = any((*window.pad, *window.end))
    out = tuple(
        pooled_size(size, kernel, stride, pad, end, ceil=ceil, padded=padded)
        for size, kernel, stride, pad, end in zip(
            sizes, window.kernel, window.stride, window.pad, window.end, strict=True
        )
    )
    if min(out) < 1:
        emit.refuse(f"the window {window.kernel} does not fit into the input {sizes}")
    starts = [(count - 1) * stride for count, stride in zip(out, window.stride, strict=True)]
    if any(start - pad >= size for start, pad, size in zip(starts, window.pad, sizes, strict=True)):
        emit.refuse("its last window lies wholly outside the input; Caffe itself computes no value there")
    return [
        max(0, start + kernel - pad - size)
        for start, kernel, pad, size in zip(starts, window.kernel, window.pad, sizes, strict=True)
    ]


def _maximum(emit: Emit, data: ir.Value, window: Window, over: list[int]) -> ir.Value:
    return emit("MaxPool", data, kernel_shape=window.kernel, strides=window.stride, pads=[*window.pad, *over])


def _masked(emit: Emit, data: ir.Value, window: Window, *, ceil: bool) -> list[ir.Value]:
    """The maxima and their places; ONNX counts places through the whole tensor, Caffe anew in each channel."""
    over = _overhang(emit, data, window, ceil=ceil)
    plane = emit.size(data, 2) * emit.size(data, 3)
    values, places = emit.several(
        2, "MaxPool", data, kernel_shape=window.kernel, strides=window.stride, pads=[*window.pad, *over]
    )
    return [values, emit("Cast", emit("Mod", places, emit.constant([plane], "plane")), to=1)]


def _plain_average(emit: Emit, data: ir.Value, window: Window, over: list[int], *, padding: int) -> ir.Value:
    return emit(
        "AveragePool",
        data,
        kernel_shape=window.kernel,
        strides=window.stride,
        pads=[*window.pad, *over],
        count_include_pad=padding,
    )


def _average(emit: Emit, data: ir.Value, window: Window, over: list[int]) -> ir.Value:
    """ONNX divides by the whole kernel, Caffe by less where a window hangs over the padding: a factor mends it."""
    mean = _plain_average(emit, data, window, over, padding=1)
    if all(after <= end for after, end in zip(over, window.end, strict=True)):
        return mean
    factors = [
        _factors(size, kernel, stride, pad, end, count)
        for size, kernel, stride, pad, end, count in zip(
            emit.sizes(data, 2), window.kernel, window.stride, window.pad, window.end, emit.sizes(mean, 2), strict=True
        )
    ]
    return emit("Mul", mean, emit.constant(np.outer(*factors).astype(np.float32)[None, None], "overhang"))


def _factors(size: int, kernel: int, stride: int, pad: int, end: int, count: int) -> np.ndarray:
    """Kernel size over the size of each window clipped at the end of the padding."""
    start = np.arange(count) * stride - pad
    return kernel / (np.minimum(start + kernel, size + end) - start)


def _average_inside(emit: Emit, data: ir.Value, window: Window, over: list[int]) -> ir.Value:
    """AVE_EXC_PAD and AVE_TF of some forks: the mean of what lies inside the input."""
    return _plain_average(emit, data, window, over, padding=0)


def _stochastic(emit: Emit, data: ir.Value, window: Window, over: list[int]) -> ir.Value:
    """At inference the mean weighted by the values themselves: sum of x^2 over (sum of x, begun at FLT_MIN)."""
    if any((*window.pad, *window.end)):
        emit.refuse("pool: STOCHASTIC goes without padding; Caffe refuses it too")
    area = emit.constant(np.float32(math.prod(window.kernel)), "area")
    squares, total = (
        emit("Mul", _plain_average(emit, value, window, over, padding=1), area)
        for value in (emit("Mul", data, data), data)
    )
    return emit("Div", squares, emit("Add", total, emit.constant(np.finfo(np.float32).tiny, "flt_min")))


def _global(layer: Layer, emit: Emit, data: ir.Value, method: str) -> ir.Value:
    explicit = layer.attrs.explicit & {"kernel_size", "kernel_h", "kernel_w"}
    if explicit:
        emit.refuse(f"global_pooling does not go with {', '.join(sorted(explicit))}; Caffe refuses it too")
    if any(layer.attrs.integer(name) for name in ("pad", "pad_h", "pad_w")) or layer.attrs.integer("stride") != 1:
        emit.refuse("global_pooling goes with pad 0 and stride 1 only; Caffe refuses it too")
    if method == "STOCHASTIC":
        whole = Window(emit.sizes(data, 2), (1, 1), (0, 0), (0, 0), (1, 1))
        return pool(emit, data, method, whole, ceil=True)
    return emit("GlobalMaxPool" if method == "MAX" else "GlobalAveragePool", data)


_POOL = {
    "MAX": _maximum,
    "AVE": _average,
    "STOCHASTIC": _stochastic,
    "AVE_EXC_PAD": _average_inside,
    "AVE_TF": _average_inside,
}


def _window_means(x: np.ndarray, top: int, left: int, out: tuple[int, int]) -> np.ndarray:
    """The mean over what a window of 3 by 2 with stride 2, 1 covers of the input, place by place."""
    result = np.zeros((*x.shape[:2], *out))
    for row, column in np.ndindex(*out):
        rows = slice(max(row * 2 - top, 0), row * 2 - top + 3)
        columns = slice(max(column - left, 0), column - left + 2)
        result[:, :, row, column] = x[:, :, rows, columns].mean((2, 3))
    return result


def _weighted(x: np.ndarray) -> np.ndarray:
    """The sum of squares over the sum in windows of 3 by 2 with stride 2, 3 over 6 by 8."""
    blocks = [[x[:, :, row : row + 3, column : column + 2] for column in (0, 3, 6)] for row in (0, 2, 4)]
    return np.stack([np.stack([(b**2).sum((2, 3)) / b.sum((2, 3)) for b in line], -1) for line in blocks], -2)


def _same_maxima(data: np.ndarray) -> np.ndarray:
    """Windows of 2 by 3, steps of 1 and 2, over 5 by 8: nothing in front, one row and one column behind."""
    wide = np.pad(data, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=-np.inf)
    rows = np.maximum(wide[:, :, :-1], wide[:, :, 1:])
    found: np.ndarray = np.max([rows[..., start : start + 7 : 2] for start in range(3)], axis=0)
    return found


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
    Sample(
        "floor by a fork's name",
        "pooling_param { pool: AVE kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 3 pad_h: 0 pad_w: 1 "
        "ceil_mode: false }",
        ((1, 2, 8, 9),),
        judge="caffe-ssd",
    ),
    Sample("mask", "pooling_param { kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 }", ((2, 3, 6, 5),), outputs=2),
    Sample(
        "padding in one direction clips in both",
        "pooling_param { kernel_h: 1 kernel_w: 2 stride_h: 3 stride_w: 2 pad_h: 0 pad_w: 1 }",
        ((1, 2, 6, 5),),
    ),
    Sample(
        "stochastic",
        "pooling_param { pool: STOCHASTIC kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 3 }",
        ((2, 2, 6, 8),),
        values=(0.1, 2),
        formula=lambda x, _: _weighted(x[0]),
        judge=FORMULA,
    ),
    Sample(
        "the same size, as TensorFlow pads",
        "pooling_param { pool: MAX kernel_h: 2 kernel_w: 3 stride_h: 1 stride_w: 2 pad_type: 1 }",
        ((2, 2, 5, 8),),
        formula=lambda x, _: _same_maxima(x[0]),
        judge=FORMULA,
    ),
    Sample(
        "four pads, average inside",
        "pooling_param { pool: AVE_EXC_PAD kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 pad_t: 1 pad_b: 0 pad_l: 0 "
        "pad_r: 1 ceil_mode: false }",
        ((2, 2, 6, 8),),
        formula=lambda x, _: _window_means(x[0], 1, 0, (3, 8)),
        judge=FORMULA,
    ),
)

READ = {"Pooling": Read(pooling, neutral=("engine",), samples=SAMPLES)}
