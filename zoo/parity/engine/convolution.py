"""Convolution as matrix products over pieces of the unrolled input, and its transpose; any rank, groups, dilation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.parity.engine.arrays import Array
from zoo.parity.engine.constants import Constant, Input
from zoo.parity.engine.windows import Attrs, Index, Windows, windows

_UNROLLED = 1 << 20  # elements of the unrolled input in memory at a time: 8 MB in float64
_NARROW = 128  # columns of a matrix product below which OpenBLAS is a third slower (measured with 49 and 147)


def conv(attrs: Attrs, _version: int, inputs: Sequence[Input]) -> Sequence[Array]:
    """Cross-correlation: y[n, m] = b[m] + sum over channels and taps of w[m, c, tap] x[n, c, at + tap]."""
    x, w, b = _three(inputs)
    groups = int(str(attrs.get("group", 1)))
    over = windows(attrs, w.shape[2:], x.shape[2:])
    padded = over.padded(x, 0.0)
    y = np.empty((x.shape[0], w.shape[0], *over.size), x.dtype)
    if groups == x.shape[1] and w.shape[1] == 1:
        _depthwise(padded, w, over, y)
    elif groups == 1:
        _dense(padded, w, over, y)
    else:
        each, out = x.shape[1] // groups, w.shape[0] // groups
        for group in range(groups):
            rows = slice(group * out, (group + 1) * out)
            _dense(padded[:, group * each : (group + 1) * each], w[rows], over, y[:, rows])
    if b is not None:
        np.add(y, b.reshape(-1, *(1,) * len(over.size)), out=y)
    return [y]


def _dense(padded: Array, w: Array, over: Windows, y: Array) -> None:
    """One group as matrix products; those of few columns are slow, so that small samples share one."""
    flat = w.reshape(w.shape[0], -1)
    small = padded.shape[0] > 1 and int(np.prod(over.size, dtype=np.int64)) < _NARROW
    if not small and all(size == 1 for size in (*over.kernel, *over.stride)):
        columns = padded.reshape(*padded.shape[:2], -1)
        if y.flags.c_contiguous:
            np.matmul(flat, columns, out=y.reshape(*y.shape[:2], -1))
        else:
            y[...] = np.matmul(flat, columns).reshape(y.shape)
        return
    _unrolled(padded, flat, over, y)


def _unrolled(padded: Array, flat: Array, over: Windows, y: Array) -> None:
    """Samples, or rows of one, are unrolled until `_UNROLLED` elements lie in memory."""
    seen = [view for _at, view in over.taps(padded)]
    depth, row = padded.shape[1] * len(seen), int(np.prod(over.size[1:], dtype=np.int64))
    step = max(1, min(over.size[0], _UNROLLED // max(1, depth * row)))
    several = min(len(y), max(1, _UNROLLED // max(1, depth * row * over.size[0])))
    room = np.empty(depth * several * step * row, padded.dtype)  # one for all: memory that is new has to be cleared
    for first in range(0, len(y), several):
        count = min(several, len(y) - first)
        for start in range(0, over.size[0], step):
            size = (min(step, over.size[0] - start), *over.size[1:])
            piece = (slice(first, first + count), slice(None), slice(start, start + size[0]))
            unrolled = room[: depth * count * size[0] * row].reshape(depth, -1)
            columns = unrolled.reshape(padded.shape[1], len(seen), count, *size)
            for index, view in enumerate(seen):
                columns[:, index] = view[piece].swapaxes(0, 1)
            if count == 1 and size == over.size:
                np.matmul(flat, unrolled, out=y[first].reshape(flat.shape[0], -1))
            else:
                y[piece] = np.matmul(flat, unrolled).reshape(flat.shape[0], count, *size).swapaxes(0, 1)


def _depthwise(padded: Array, w: Array, over: Windows, y: Array) -> None:
    times = w.shape[0] // padded.shape[1]
    shape = (padded.shape[0], padded.shape[1], times, *over.size)
    total = np.zeros(shape, y.dtype)
    for at, seen in over.taps(padded):
        index: Index = (slice(None), 0, *at)
        factor = w[index].reshape(1, padded.shape[1], times, *(1,) * len(over.size))
        total += seen[:, :, None] * factor
    y[...] = total.reshape(y.shape)


def conv_transpose(attrs: Attrs, _version: int, inputs: Sequence[Input]) -> Sequence[Array] | None:
    """Every input value spreads its kernel over the output, which the pads then cut."""
    x, w, b = _three(inputs)
    rank = w.ndim - 2
    if "output_shape" in attrs or attrs.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        return None
    groups = int(str(attrs.get("group", 1)))
    stride, dilation = _ints(attrs, "strides", rank, 1), _ints(attrs, "dilations", rank, 1)
    pads, extra = _ints(attrs, "pads", 2 * rank, 0), _ints(attrs, "output_padding", rank, 0)
    full = tuple(
        (n - 1) * s + (k - 1) * d + 1 + e
        for n, s, k, d, e in zip(x.shape[2:], stride, w.shape[2:], dilation, extra, strict=True)
    )
    out = w.shape[1]
    y = np.zeros((x.shape[0], groups * out, *full), x.dtype)
    over = Windows(w.shape[2:], stride, dilation, (0,) * rank, (0,) * rank, x.shape[2:])
    each = x.shape[1] // groups
    for group in range(groups):
        columns = x[:, group * each : (group + 1) * each].reshape(x.shape[0], each, -1)
        weights = w[group * each : (group + 1) * each]
        for at, target in over.taps(y[:, group * out : (group + 1) * out]):
            index: Index = (slice(None), slice(None), *at)
            spread = np.matmul(np.ascontiguousarray(weights[index].T), columns)
            np.add(target, spread.reshape(target.shape), out=target)
    cut = tuple(slice(pads[axis], full[axis] - pads[rank + axis]) for axis in range(rank))
    inside: Index = (slice(None), slice(None), *cut)
    y = np.ascontiguousarray(y[inside])
    return [y if b is None else y + b.reshape(-1, *(1,) * rank)]


def _three(inputs: Sequence[Input]) -> tuple[Array, Array, Array | None]:
    arrays = [value.whole() if isinstance(value, Constant) else value for value in inputs]
    x, w = arrays[:2]
    assert x is not None
    assert w is not None
    return x, w, arrays[2] if len(arrays) > 2 else None


def _ints(attrs: Attrs, name: str, count: int, default: int) -> tuple[int, ...]:
    value = attrs.get(name)
    return tuple(value) if isinstance(value, Sequence) and value else (default,) * count
