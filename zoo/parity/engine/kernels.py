"""Fast numpy kernels for the operators that networks spend their time in; everything else is ONNX's own reference.

A kernel takes the attributes, the operator-set version and the inputs, and returns the outputs; or `None` for a form of
the operator that it leaves to the reference. They compute in the type of their inputs. A stored input may come as a
`Constant` where the kernel takes it in blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from zoo.parity.engine.arrays import Array
from zoo.parity.engine.constants import Constant, Input, whole
from zoo.parity.engine.convolution import conv, conv_transpose
from zoo.parity.engine.reductions import global_average_pool, reduce_mean, reduce_sum
from zoo.parity.engine.windows import Attrs, Windows, windows

Kernel = Callable[[Attrs, int, Sequence[Input]], "Sequence[Array] | None"]


def matmul(_attrs: Attrs, _version: int, inputs: Sequence[Input]) -> Sequence[Array]:
    """The matrix product; a large stored matrix is summed over blocks of its rows."""
    a, b = whole(inputs[0]), inputs[1]
    if isinstance(b, Constant) and b.large and len(b.shape) == 2 and a.ndim > 1:
        total: Array | None = None
        for start, stop in b.blocks():
            part = np.matmul(a[..., start:stop], b.rows(start, stop))
            total = part if total is None else np.add(total, part, out=total)
        assert total is not None
        return [total]
    return [np.asarray(np.matmul(a, whole(b)))]


def gemm(attrs: Attrs, version: int, inputs: Sequence[Input]) -> Sequence[Array] | None:
    """Returns alpha A' B' + beta C; a large stored B in blocks of rows."""
    if version < 7:
        return None
    a, b, c = whole(inputs[0]), inputs[1], inputs[2] if len(inputs) > 2 else None
    a = a.T if attrs.get("transA", 0) else a
    if attrs.get("transB", 0):
        if isinstance(b, Constant) and b.large:
            y = np.concatenate([a @ b.rows(*block).T for block in b.blocks()], axis=1)
        else:
            y = a @ whole(b).T
    else:
        y = matmul({}, version, [a, b])[0]
    alpha, beta = (float(str(attrs.get(name, 1.0))) for name in ("alpha", "beta"))
    y = y if alpha == 1.0 else np.multiply(y, alpha, dtype=y.dtype)
    if c is not None and beta != 0.0:
        extra = whole(c)
        y = y + (extra if beta == 1.0 else np.multiply(extra, beta, dtype=y.dtype))
    return [y]


def max_pool(attrs: Attrs, _version: int, inputs: Sequence[Input]) -> Sequence[Array] | None:
    """The largest value of each window; what lies outside the input is smaller than everything."""
    x = whole(inputs[0])
    kernel = attrs.get("kernel_shape")
    if x.dtype.kind != "f" or not isinstance(kernel, Sequence) or attrs.get("storage_order", 0):
        return None
    over = windows(attrs, kernel, x.shape[2:])
    y: Array | None = None
    for _at, seen in over.taps(over.padded(x, -np.inf)):
        y = seen.copy() if y is None else np.maximum(y, seen, out=y)
    return None if y is None else [y]


def average_pool(attrs: Attrs, _version: int, inputs: Sequence[Input]) -> Sequence[Array] | None:
    """The mean of each window, over what lies in the input or, with count_include_pad, in the input and its pads."""
    x = whole(inputs[0])
    kernel = attrs.get("kernel_shape")
    if x.dtype.kind != "f" or not isinstance(kernel, Sequence):
        return None
    over = windows(attrs, kernel, x.shape[2:])
    counted = np.ones((1, 1, *x.shape[2:]), x.dtype)
    if attrs.get("count_include_pad", 0):
        counted = np.ones(
            (1, 1, *(n + b + e for n, b, e in zip(x.shape[2:], over.begin, over.end, strict=True))), x.dtype
        )
        counts = _sum(windows({**attrs, "pads": (), "auto_pad": "NOTSET"}, kernel, counted.shape[2:]), counted)
    else:
        counts = _sum(over, counted)
    total = _sum(over, x)
    if counts.shape[2:] != total.shape[2:]:
        return None
    return [np.divide(total, counts, out=total)]


def _sum(over: Windows, x: Array) -> Array:
    total: Array | None = None
    for _at, seen in over.taps(over.padded(x, 0.0)):
        total = seen.copy() if total is None else np.add(total, seen, out=total)
    assert total is not None
    return total


def lrn(attrs: Attrs, _version: int, inputs: Sequence[Input]) -> Sequence[Array]:
    """Returns x / (bias + alpha / size * sum of squares over `size` channels) ^ beta."""
    x = whole(inputs[0])
    size = int(str(attrs["size"]))
    alpha, beta, bias = (float(str(attrs.get(n, d))) for n, d in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)))
    squares = np.pad(x * x, [(0, 0), ((size - 1) // 2, size // 2), *[(0, 0)] * (x.ndim - 2)])
    total = squares[:, : x.shape[1]].copy()
    for at in range(1, size):
        total += squares[:, at : at + x.shape[1]]
    return [x / (x.dtype.type(bias) + x.dtype.type(alpha / size) * total) ** x.dtype.type(beta)]


def softmax(attrs: Attrs, version: int, inputs: Sequence[Input]) -> Sequence[Array]:
    """exp(x - max) over its sum: along one axis, and before opset 13 over all axes from `axis` on."""
    x, rows = _rows(attrs, version, inputs)
    shifted = np.exp(rows - rows.max(axis=-1, keepdims=True))
    return [_back(shifted / shifted.sum(axis=-1, keepdims=True), x, attrs, version)]


def log_softmax(attrs: Attrs, version: int, inputs: Sequence[Input]) -> Sequence[Array]:
    """The logarithm of softmax, computed without dividing."""
    x, rows = _rows(attrs, version, inputs)
    shifted = rows - rows.max(axis=-1, keepdims=True)
    return [_back(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), x, attrs, version)]


def _rows(attrs: Attrs, version: int, inputs: Sequence[Input]) -> tuple[Array, Array]:
    x = whole(inputs[0])
    axis = int(str(attrs.get("axis", -1 if version >= 13 else 1)))
    if version >= 13:
        return x, np.moveaxis(x, axis, -1)
    lead = int(np.prod(x.shape[: axis + x.ndim if axis < 0 else axis], dtype=np.int64))
    return x, x.reshape(lead, -1)


def _back(rows: Array, x: Array, attrs: Attrs, version: int) -> Array:
    if version < 13:
        return rows.reshape(x.shape)
    return np.ascontiguousarray(np.moveaxis(rows, -1, int(str(attrs.get("axis", -1)))))


def gather_elements(attrs: Attrs, _version: int, inputs: Sequence[Input]) -> Sequence[Array]:
    """Each element from its own place along one axis; ONNX's reference fails where that has more than 64 places."""
    x, at = whole(inputs[0]), whole(inputs[1])
    axis = int(str(attrs.get("axis", 0))) % x.ndim
    within = tuple(slice(None) if place == axis else slice(size) for place, size in enumerate(at.shape))
    return [np.take_along_axis(x[within], at, axis)]


KERNELS: Mapping[str, Kernel] = {
    "AveragePool": average_pool,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "GatherElements": gather_elements,
    "Gemm": gemm,
    "GlobalAveragePool": global_average_pool,
    "LRN": lrn,
    "LogSoftmax": log_softmax,
    "MatMul": matmul,
    "MaxPool": max_pool,
    "ReduceMean": reduce_mean,
    "ReduceSum": reduce_sum,
    "Softmax": softmax,
}
