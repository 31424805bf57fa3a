"""Pooling: floor or ceil as PyTorch rounds; adaptive pooling with windows of unequal size where they must be."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def max_pool2d(layer: Layer, emit: Emit) -> ir.Value:
    """Reads MaxPool2d as MaxPool; padding at the end that ceil_mode implies is written out where sizes are known.

    PyTorch drops a last window that would begin in the padding behind the input (pooling_shape, Pool.h).
    """
    (data,) = emit.inputs
    attrs = layer.attrs
    kernel, stride, padding = (attrs.integers(name) for name in ("kernel_size", "stride", "padding"))
    if not attrs.flag("ceil_mode"):
        return emit("MaxPool", data, kernel_shape=kernel, strides=stride, pads=padding * 2)
    sizes = emit.shape(data)[2:]
    if not all(isinstance(size, int) for size in sizes):
        if any(padding) or any(step > width for step, width in zip(stride, kernel, strict=True)):
            emit.sizes(data, 2)  # refuses: with padding the last window depends on the size
        return emit("MaxPool", data, kernel_shape=kernel, strides=stride, ceil_mode=1)
    end = [
        _overhang(size, width, step, pad)
        for size, width, step, pad in zip(emit.sizes(data, 2), kernel, stride, padding, strict=True)
    ]
    return emit("MaxPool", data, kernel_shape=kernel, strides=stride, pads=[*padding, *end])


def _overhang(size: int, kernel: int, stride: int, pad: int) -> int:
    """The padding behind the input with which rounding down gives PyTorch's number of windows."""
    count = -(-(size + 2 * pad - kernel) // stride) + 1
    if (count - 1) * stride >= size + pad:
        count -= 1
    return max(0, (count - 1) * stride + kernel - size - pad)


def avg_pool2d(layer: Layer, emit: Emit) -> ir.Value:
    """Reads AvgPool2d as AveragePool; the padding counts, as PyTorch's default has it."""
    attrs = layer.attrs
    return emit(
        "AveragePool",
        *emit.inputs,
        kernel_shape=attrs.integers("kernel_size"),
        strides=attrs.integers("stride"),
        pads=attrs.integers("padding") * 2,
        count_include_pad=1,
    )


def adaptive_avg_pool2d(layer: Layer, emit: Emit) -> ir.Value:
    """Reads AdaptiveAvgPool2d as GlobalAveragePool, AveragePool, or two matrix products.

    Window i covers [floor(i * size / out), ceil((i + 1) * size / out)); where all are equal it is an AveragePool,
    else the mean over rows and then columns is a product with a constant matrix each.
    """
    (data,) = emit.inputs
    out = layer.attrs.integers("output_size")
    if out == (1, 1):
        return emit("GlobalAveragePool", data)
    sizes = emit.sizes(data, 2)
    if sizes == out:
        return emit.dropped("the input has the wanted size already")
    if all(size % count == 0 for size, count in zip(sizes, out, strict=True)):
        window = [size // count for size, count in zip(sizes, out, strict=True)]
        return emit("AveragePool", data, kernel_shape=window, strides=window)
    rows, columns = (_means(size, count) for size, count in zip(sizes, out, strict=True))
    return emit("MatMul", emit("MatMul", emit.constant(rows, "rows"), data), emit.constant(columns.T, "columns"))


def _means(size: int, out: int) -> np.ndarray:
    """The matrix [out, size] whose rows average a window each."""
    matrix = np.zeros((out, size), np.float32)
    for window in range(out):
        start, end = window * size // out, -(-(window + 1) * size // out)
        matrix[window, start:end] = 1 / (end - start)
    return matrix


_MAX = "kernel_size=(3, 2), stride=(2, 3), padding=(1, 0), ceil_mode="

READ = {
    "MaxPool2d": Read(
        max_pool2d,
        samples=(
            Sample("floor", _MAX + "False", ((2, 3, 8, 10),)),
            Sample("ceil", _MAX + "True", ((2, 3, 8, 9),)),
            Sample(
                "ceil drops a window in the padding",
                "kernel_size=(2, 3), stride=(2, 2), padding=(1, 1), ceil_mode=True",
                ((1, 2, 7, 8),),
            ),
        ),
    ),
    "AvgPool2d": Read(
        avg_pool2d,
        samples=(Sample("counts the padding", "kernel_size=(3, 5), stride=(1, 2), padding=(1, 2)", ((2, 2, 6, 9),)),),
    ),
    "AdaptiveAvgPool2d": Read(
        adaptive_avg_pool2d,
        samples=(
            Sample("global", "output_size=(1, 1)", ((2, 3, 5, 4),)),
            Sample("as it is", "output_size=(5, 4)", ((2, 3, 5, 4),)),
            Sample("equal windows", "output_size=(3, 2)", ((2, 3, 6, 8),)),
            Sample("unequal windows", "output_size=(7, 3)", ((2, 3, 11, 4),)),
            Sample("larger than the input", "output_size=(7, 6)", ((2, 3, 5, 4),)),
        ),
    ),
}
