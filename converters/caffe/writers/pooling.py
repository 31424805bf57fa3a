"""Pooling: Caffe rounds sizes up and pads both ends alike; surplus windows are sliced off, divisors mended."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.caffe.planes import Pool, everything, pooled
from converters.caffe.windows import Padded, window
from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write


def max_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes MaxPool as Pooling MAX; what hangs over the input counts in neither."""
    padded, out = _window(match, view)
    return _pooling(match, view, "MAX", padded, out, [np.ones(count) for count in out])


def average_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes AveragePool as Pooling AVE, with a Scale where ONNX divides by another number than Caffe."""
    padded, out = _window(match, view)
    return _pooling(match, view, "AVE", padded, out, _mend(match, view, padded, out))


def average_pool_mul(match: Match, view: View) -> Sequence[Layer]:
    """Writes AveragePool times a stored factor a place (how zoo reads Caffe's overhanging windows) as one Pooling."""
    padded, out = _window(match, view)
    other = match.other(1)
    if len(match.inputs) > 1 or len(out) != 2 or view.weight(other).shape not in ((1, 1, *out), out):
        raise Declined("its factor is not one number a place")
    more = view.numbers(other).reshape(out)
    return _pooling(match, view, "AVE", padded, out, _mend(match, view, padded, out), more)


def _window(match: Match, view: View) -> tuple[Padded, tuple[int, ...]]:
    data, attrs = match.inputs[0], match.attrs[0]
    _demand_poolable(view.rank(data))
    if len(match.nodes[0].outputs) > 1 and match.nodes[0].outputs[1].uses():
        raise Declined("Caffe's mask counts places in another way than ONNX's indices")
    sizes = view.sizes(data, 2)
    padded = window(attrs, attrs.integers("kernel_shape"), sizes)
    if set(padded.dilation) != {1}:
        raise Declined(f"its window is dilated {list(padded.dilation)}; Caffe's is not")
    if any(pad >= size for pad, size in zip(padded.before, padded.kernel, strict=True)):
        raise Declined(f"its padding {list(padded.before)} is not smaller than its kernel {list(padded.kernel)}")
    out = _out(padded, sizes, ceil=attrs.flag("ceil_mode"))
    if out != view.sizes(match.nodes[0].outputs[0], 2):
        raise Declined("runtimes disagree on the size that ceil_mode gives here")
    return padded, out


def _demand_poolable(rank: int) -> None:
    if rank not in (3, 4, 5):
        raise Declined(f"its input has {rank} dimensions; Caffe pools over 4 (N, C, H, W), and twice over 5")


def _out(padded: Padded, sizes: Sequence[int], *, ceil: bool) -> tuple[int, ...]:
    """ONNX's sizes; with ceil_mode a window that begins behind the input is none (as all recent runtimes have it)."""
    out = []
    for size, kernel, stride, before, after in zip(
        sizes, padded.kernel, padded.stride, padded.before, padded.after, strict=True
    ):
        span = size + before + after - kernel
        count = (-(-span // stride) if ceil else span // stride) + 1
        starts_behind = ceil and (count - 1) * stride >= size + before
        out.append(count - 1 if starts_behind else count)
    return tuple(out)


def _mend(match: Match, view: View, padded: Padded, out: tuple[int, ...]) -> list[np.ndarray]:
    """Caffe's divisor over ONNX's along each axis: what an average of Caffe must be multiplied by."""
    attrs, sizes = match.attrs[0], view.sizes(match.inputs[0], 2)
    counted = attrs.flag("count_include_pad")
    factors = []
    for size, kernel, stride, before, after, count in zip(
        sizes, padded.kernel, padded.stride, padded.before, padded.after, out, strict=True
    ):
        start = np.arange(count) * stride - before
        overhang = start + kernel > size + after
        if counted and attrs.flag("ceil_mode") and overhang.any():
            raise Declined("runtimes disagree on what an average divides by where ceil_mode hangs over the padding")
        inside = np.minimum(start + kernel, size) - np.maximum(start, 0)
        ours = np.full(count, kernel) if counted else inside
        factors.append((np.minimum(start + kernel, size + before) - start) / ours)
    return factors


def _pooling(
    match: Match,
    view: View,
    method: str,
    padded: Padded,
    out: tuple[int, ...],
    factors: Sequence[np.ndarray],
    more: np.ndarray | None = None,
) -> Sequence[Layer]:
    batch, channels, *sizes = view.sizes(match.inputs[0])
    return pooled(match, Pool(method, padded, tuple(sizes), out, factors, more), batch, channels)


def global_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes GlobalAveragePool and GlobalMaxPool as Pooling over everything."""
    data = match.inputs[0]
    _demand_poolable(view.rank(data))
    method = {"GlobalAveragePool": "AVE", "GlobalMaxPool": "MAX"}[match.nodes[0].op_type]
    return everything(match, method, view.sizes(data) if view.rank(data) != 4 else (0,) * 4)


_IN = ((2, 3, 8, 11),)

MAX = (
    Sample("floor where Caffe has one more", "out0 = MaxPool<kernel_shape = [3, 2], strides = [2, 3]>(in0)", _IN),
    Sample("the same size", "out0 = MaxPool<kernel_shape = [2, 3], strides = [2, 2], pads = [0, 1, 0, 1]>(in0)", _IN),
    Sample(
        "of negative values",
        "out0 = MaxPool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]>(in0)",
        _IN,
        values=(-3, -1),
    ),
    Sample("ceil_mode", "out0 = MaxPool<kernel_shape = [3, 2], strides = [2, 3], ceil_mode = 1>(in0)", _IN),
    Sample(
        "padding behind alone",
        "out0 = MaxPool<kernel_shape = [2, 3], strides = [2, 2], pads = [0, 0, 1, 1]>(in0)",
        ((2, 3, 7, 8),),
    ),
    Sample(
        "SAME_UPPER",
        'out0 = MaxPool<auto_pad = "SAME_UPPER", kernel_shape = [3, 3], strides = [2, 2]>(in0)',
        ((1, 2, 8, 9),),
    ),
    Sample("one dimension", "out0 = MaxPool<kernel_shape = [3], strides = [2], pads = [1, 0]>(in0)", ((2, 3, 9),)),
    Sample(
        "three dimensions",
        "out0 = MaxPool<kernel_shape = [2, 3, 2], strides = [1, 2, 3], pads = [1, 1, 0, 0, 1, 0]>(in0)",
        ((2, 3, 4, 7, 6),),
        values=(-3, -1),
    ),
    Sample("stride beyond the kernel", "out0 = MaxPool<kernel_shape = [1, 2], strides = [3, 4]>(in0)", ((1, 2, 8, 9),)),
)

AVERAGE = (
    Sample("without padding", "out0 = AveragePool<kernel_shape = [3, 2], strides = [2, 3]>(in0)", _IN),
    Sample(
        "padding counts",
        "out0 = AveragePool<kernel_shape = [3, 5], strides = [1, 2], pads = [1, 2, 1, 2], count_include_pad = 1>(in0)",
        _IN,
    ),
    Sample(
        "padding does not count",
        "out0 = AveragePool<kernel_shape = [3, 4], strides = [2, 1], pads = [1, 2, 1, 2]>(in0)",
        _IN,
    ),
    Sample(
        "padding behind alone",
        "out0 = AveragePool<kernel_shape = [2, 3], strides = [2, 2], pads = [0, 0, 1, 1], count_include_pad = 1>(in0)",
        ((2, 3, 7, 8),),
    ),
    Sample(
        "SAME_UPPER",
        'out0 = AveragePool<auto_pad = "SAME_UPPER", kernel_shape = [3, 3], strides = [2, 2]>(in0)',
        ((1, 2, 8, 9),),
    ),
    Sample("one dimension", "out0 = AveragePool<kernel_shape = [3], strides = [2], pads = [1, 0]>(in0)", ((2, 3, 9),)),
    Sample(
        "three dimensions, padding does not count",
        "out0 = AveragePool<kernel_shape = [2, 3, 4], strides = [2, 2, 1], pads = [1, 1, 2, 0, 1, 2]>(in0)",
        ((2, 3, 5, 7, 6),),
    ),
    Sample(
        "three dimensions, padding counts",
        "out0 = AveragePool<kernel_shape = [3, 2, 3], strides = [1, 2, 2], pads = [1, 0, 1, 1, 0, 1], "
        "count_include_pad = 1>(in0)",
        ((2, 3, 4, 6, 7),),
    ),
    Sample("ceil_mode", "out0 = AveragePool<kernel_shape = [3, 2], strides = [2, 3], ceil_mode = 1>(in0)", _IN),
)

MENDED = (
    Sample(
        "overhang as zoo reads it",
        "a = AveragePool<kernel_shape = [2, 2], strides = [2, 2], pads = [0, 0, 0, 1], count_include_pad = 1>(in0)\n"
        "f = Constant<value = float[1, 1, 2, 3] {1, 1, 2, 1, 1, 2}>()\nout0 = Mul(a, f)",
        ((1, 2, 4, 5),),
    ),
)

GLOBAL = (
    Sample("plain", "out0 = GlobalAveragePool(in0)", ((2, 3, 5, 4),)),
    Sample("one dimension", "out0 = GlobalAveragePool(in0)", ((2, 3, 5),)),
    Sample("three dimensions", "out0 = GlobalAveragePool(in0)", ((2, 3, 2, 5, 4),)),
)
GLOBAL_MAX = (
    Sample("plain", "out0 = GlobalMaxPool(in0)", ((2, 3, 5, 4),)),
    Sample("three dimensions", "out0 = GlobalMaxPool(in0)", ((2, 3, 2, 5, 4),), values=(-3, -1)),
)

WRITE = (
    Write(max_pool, ("MaxPool",), neutral=("storage_order", "auto_pad"), samples=MAX),
    Write(average_pool, ("AveragePool",), neutral=("auto_pad",), samples=AVERAGE),
    Write(average_pool_mul, ("AveragePool", "Mul"), neutral=("auto_pad",), samples=MENDED),
    Write(global_pool, ("GlobalAveragePool",), samples=GLOBAL),
    Write(global_pool, ("GlobalMaxPool",), samples=GLOBAL_MAX),
)
