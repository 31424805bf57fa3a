"""Pooling: Caffe rounds sizes up and pads both ends alike; surplus windows are sliced off, divisors mended."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.caffe.cropping import crop
from converters.caffe.windows import Padded, spelled, window
from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.weights import ArrayWeight

_EXACT = 1e-6  # relative; divisors are ratios of small integers, so they are equal or far apart


def max_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes MaxPool as Pooling MAX; what hangs over the input counts in neither."""
    padded, out = _window(match, view)
    return _pooling(match, view, "MAX", padded, out, np.ones(out))


def average_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes AveragePool as Pooling AVE, with a Scale where ONNX divides by another number than Caffe."""
    padded, out = _window(match, view)
    return _pooling(match, view, "AVE", padded, out, _mend(match, view, padded, out))


def average_pool_mul(match: Match, view: View) -> Sequence[Layer]:
    """Writes AveragePool times a stored factor a place (how zoo reads Caffe's overhanging windows) as one Pooling."""
    padded, out = _window(match, view)
    other = match.other(1)
    if len(match.inputs) > 1 or view.weight(other).shape not in ((1, 1, *out), out):
        raise Declined("its factor is not one number a place")
    return _pooling(match, view, "AVE", padded, out, _mend(match, view, padded, out) * view.numbers(other).reshape(out))


def _window(match: Match, view: View) -> tuple[Padded, tuple[int, int]]:
    data, attrs = match.inputs[0], match.attrs[0]
    if view.rank(data) != 4:
        raise Declined(f"its input has {view.rank(data)} dimensions; Caffe pools over 4 (N, C, H, W)")
    if len(match.nodes[0].outputs) > 1 and match.nodes[0].outputs[1].uses():
        raise Declined("Caffe's mask counts places in another way than ONNX's indices")
    sizes = view.sizes(data, 2)
    padded = window(attrs, attrs.integers("kernel_shape"), sizes)
    if set(padded.dilation) != {1}:
        raise Declined(f"its window is dilated {list(padded.dilation)}; Caffe's is not")
    if any(pad >= size for pad, size in zip(padded.before, padded.kernel, strict=True)):
        raise Declined(f"its padding {list(padded.before)} is not smaller than its kernel {list(padded.kernel)}")
    height, width = _out(padded, sizes, ceil=attrs.flag("ceil_mode"))
    if (height, width) != view.sizes(match.nodes[0].outputs[0], 2):
        raise Declined("runtimes disagree on the size that ceil_mode gives here")
    return padded, (height, width)


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


def _caffe_out(padded: Padded, sizes: Sequence[int]) -> tuple[int, ...]:
    """Caffe's sizes (pooling_layer.cpp:91-117): rounded up; a last window that starts in the padding is none."""
    out = []
    for size, kernel, stride, pad in zip(sizes, padded.kernel, padded.stride, padded.before, strict=True):
        count = -(-(size + 2 * pad - kernel) // stride) + 1
        out.append(count - 1 if any(padded.before) and (count - 1) * stride >= size + pad else count)
    return tuple(out)


def _mend(match: Match, view: View, padded: Padded, out: tuple[int, int]) -> np.ndarray:
    """Caffe's divisor over ONNX's for each place: what an average of Caffe must be multiplied by."""
    attrs, sizes = match.attrs[0], view.sizes(match.inputs[0], 2)
    counted = attrs.flag("count_include_pad")
    theirs, ours = [], []
    for size, kernel, stride, before, after, count in zip(
        sizes, padded.kernel, padded.stride, padded.before, padded.after, out, strict=True
    ):
        start = np.arange(count) * stride - before
        overhang = start + kernel > size + after
        if counted and attrs.flag("ceil_mode") and overhang.any():
            raise Declined("runtimes disagree on what an average divides by where ceil_mode hangs over the padding")
        inside = np.minimum(start + kernel, size) - np.maximum(start, 0)
        ours.append(np.full(count, kernel) if counted else inside)
        theirs.append(np.minimum(start + kernel, size + before) - start)
    factors: np.ndarray = np.outer(*theirs) / np.outer(*ours)
    return factors


def _pooling(
    match: Match, view: View, method: str, padded: Padded, out: tuple[int, int], factors: np.ndarray
) -> Sequence[Layer]:
    data = match.inputs[0]
    batch, channels, *sizes = view.sizes(data)
    made = _caffe_out(padded, sizes)
    if any(have < want for have, want in zip(made, out, strict=True)):
        raise Declined(f"Caffe computes {list(made)} windows here, ONNX {list(out)}")
    mended = bool(np.any(np.abs(factors - 1) > _EXACT))
    cropped = f"{match.name}/cropped" if mended else match.output
    pooled = f"{match.name}/pooled" if made != out else cropped
    fields = {
        "pool": method,
        **spelled("kernel_size", padded.kernel, None, ("kernel_h", "kernel_w")),
        **spelled("stride", padded.stride, 1, ("stride_h", "stride_w")),
        **spelled("pad", padded.before, 0, ("pad_h", "pad_w")),
    }
    layers = [match.layer("Pooling", fields, inputs=[data], outputs=[pooled])]
    if made != out:
        layers += crop(match, pooled, (batch, channels, *made), {2: (0, out[0]), 3: (0, out[1])}, cropped)
    if mended:
        weight = ArrayWeight(factors.astype(np.float32))
        layers.append(match.layer("Scale", {"axis": 2, "num_axes": 2}, {0: weight}, inputs=[cropped], role="divisor"))
    return layers


def global_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes GlobalAveragePool and GlobalMaxPool as Pooling over everything."""
    if view.rank(match.inputs[0]) != 4:
        raise Declined(f"its input has {view.rank(match.inputs[0])} dimensions; Caffe pools over 4 (N, C, H, W)")
    method = {"GlobalAveragePool": "AVE", "GlobalMaxPool": "MAX"}[match.nodes[0].op_type]
    return [match.layer("Pooling", {"pool": method, "global_pooling": True})]


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

GLOBAL = (Sample("plain", "out0 = GlobalAveragePool(in0)", ((2, 3, 5, 4),)),)

WRITE = (
    Write(max_pool, ("MaxPool",), neutral=("storage_order", "auto_pad"), samples=MAX),
    Write(average_pool, ("AveragePool",), neutral=("auto_pad",), samples=AVERAGE),
    Write(average_pool_mul, ("AveragePool", "Mul"), neutral=("auto_pad",), samples=MENDED),
    Write(global_pool, ("GlobalAveragePool",), samples=GLOBAL),
    Write(global_pool, ("GlobalMaxPool",), samples=(Sample("plain", "out0 = GlobalMaxPool(in0)", ((2, 3, 5, 4),)),)),
)
