"""Pooling: nn pads both ends alike; more at the end is what its ceil_mode gives, or a padding module before it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.torch7.windows import overhang
from converters.torch7.writers.convolution import fields
from converters.torch7.writers.lines import as_images, is_line

_LETTERS = {2: "HW", 3: "THW"}


def max_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes MaxPool as SpatialMaxPooling or VolumetricMaxPooling."""
    attrs = match.attrs[0]
    if attrs.integer("storage_order") or len(match.outputs) > 1:
        raise Declined("nn hands out no indices")
    if is_line(view, match):
        return as_images(match, view, "nn.SpatialMaxPooling", _window(match, view, line=True))
    window = _window(match, view)
    kind = "nn.SpatialMaxPooling" if window.pop("dims") == 2 else "nn.VolumetricMaxPooling"
    return [match.layer(kind, window)]


def average_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes AveragePool as SpatialAveragePooling; with more padding at the end only where nobody counts it."""
    include = bool(match.attrs[0].integer("count_include_pad"))
    window = _window(match, view)
    if window.pop("dims") != 2:
        raise Declined("nn.VolumetricAveragePooling knows no padding")
    if include and window["ceil_mode"]:
        raise Declined("ONNX counts the padding at the end, nn's ceil_mode does not")
    return [match.layer("nn.SpatialAveragePooling", {**window, "count_include_pad": include, "divide": True})]


def overhanging(match: Match, view: View) -> Sequence[Layer]:
    """Writes AveragePool times the factor that takes out what hangs over the padding: nn's own ceil_mode."""
    if not match.attrs[0].integer("count_include_pad"):
        raise Declined("its padding does not count")
    window = _window(match, view)
    data = match.inputs[0]
    if len(match.inputs) != 1 or window.pop("dims") != 2 or not window["ceil_mode"]:
        raise Declined("only an image's average with ceil_mode overhangs")
    rows = [
        overhang(
            size,
            int(str(window[f"k{letter}"])),
            int(str(window[f"d{letter}"])),
            int(str(window[f"pad{letter}"])),
            count,
        )
        for letter, size, count in zip("HW", view.sizes(data, 2), view.sizes(match.output, 2), strict=True)
    ]
    factors = view.numbers(match.other(1), "factor")
    if factors.size != rows[0].size * rows[1].size or not np.allclose(factors.reshape(-1), np.outer(*rows).reshape(-1)):
        raise Declined("its factor is not that of windows over the border")
    return [match.layer("nn.SpatialAveragePooling", {**window, "count_include_pad": True, "divide": True})]


def _window(match: Match, view: View, *, line: bool = False) -> dict[str, object]:
    """The window's fields, ceil_mode and `dims`; a `line` is pooled as an image of height 1."""
    attrs, data = match.attrs[0], match.inputs[0]
    kernel = attrs.integers("kernel_shape")
    dims = len(kernel)
    letters = "W" if line else _LETTERS.get(dims)
    if letters is None or (attrs.get("dilations") and set(attrs.integers("dilations")) != {1}):
        raise Declined("nn pools over two or three dimensions, without dilation")
    stride, pads = attrs.integers("strides") or (1,) * dims, attrs.integers("pads") or (0,) * 2 * dims
    begin, end = pads[:dims], pads[dims:]
    if any(2 * before > size for before, size in zip(begin, kernel, strict=True)):
        raise Declined(f"nn pads at most half of the window {kernel}")
    sizes, made = view.sizes(data, 2), view.sizes(match.output, 2)
    attrs.integer("ceil_mode")
    for up in (False, True):
        rows = zip(sizes, kernel, stride, begin, strict=True)
        if tuple(_count(*row, any(begin), up=up) for row in rows) == made:
            break
    else:
        raise Declined(f"its padding {[*begin, *end]} gives {list(made)} windows; nn has no ceil_mode for that")
    if line:
        return {**fields("HW", (1, *kernel), (1, *stride), (0, *begin)), "ceil_mode": up}
    return {**fields(letters, kernel, stride, begin), "ceil_mode": up, "dims": dims}


def _count(size: int, kernel: int, stride: int, pad: int, padded: bool, *, up: bool) -> int:  # noqa: FBT001 - a row
    span = size + 2 * pad - kernel
    count = (-(-span // stride) if up else span // stride) + 1
    return count - 1 if padded and (count - 1) * stride >= size + pad else count


def global_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes GlobalAveragePool and GlobalMaxPool as a pooling whose window is the whole image."""
    sizes = view.sizes(match.inputs[0], 2)
    if len(sizes) != 2:
        raise Declined("nn's pooling over a whole input is written for images only")
    window = {**fields("HW", sizes, (1, 1), (0, 0)), "ceil_mode": False}
    if match.nodes[0].op_type == "GlobalMaxPool":
        return [match.layer("nn.SpatialMaxPooling", window)]
    return [match.layer("nn.SpatialAveragePooling", {**window, "count_include_pad": True, "divide": True})]


def mean(match: Match, view: View) -> Sequence[Layer]:
    """Writes ReduceMean over height and width as a pooling, and a View where the dimensions go."""
    data = match.inputs[0]
    axes = {view.axis(data, axis) for axis in view.integers(match.operand(1), "axes")}
    keep = match.attrs[0].integer("keepdims")
    if view.rank(data) != 4 or axes != {2, 3}:
        return _single_axis(match, view, sorted(axes), "nn.Mean", keep=bool(keep))
    sizes = view.sizes(data, 2)
    window = {**fields("HW", sizes, (1, 1), (0, 0)), "ceil_mode": False, "count_include_pad": True, "divide": True}
    channels = view.size(data, 1)
    after = [] if keep else [Part("nn.View", {"size": (channels,), "numElements": channels, "numInputDims": 3})]
    return match.series(Part("nn.SpatialAveragePooling", window, role="pool" if after else ""), *after)


def reduce(match: Match, view: View) -> Sequence[Layer]:
    """Writes ReduceSum, ReduceMax and ReduceMin over one dimension as Sum, Max and Min."""
    data = match.inputs[0]
    axes = [view.axis(data, axis) for axis in view.integers(match.operand(1), "axes")]
    kind = {"ReduceSum": "nn.Sum", "ReduceMax": "nn.Max", "ReduceMin": "nn.Min"}[match.nodes[0].op_type]
    return _single_axis(match, view, axes, kind, keep=bool(match.attrs[0].integer("keepdims")))


def _single_axis(match: Match, view: View, axes: Sequence[int], kind: str, *, keep: bool) -> Sequence[Layer]:
    if len(axes) != 1 or view.rank(match.inputs[0]) < 2:
        raise Declined("nn reduces one dimension of several")
    attrs: dict[str, object] = {"dimension": axes[0] + 1}
    if keep and kind in ("nn.Max", "nn.Min"):
        if axes[0] == 0:
            raise Declined(f"{kind} drops the batch")
        size = view.sizes(match.output, 1)
        again = {"size": size, "numElements": math.prod(size), "numInputDims": max(1, len(size) - 1)}
        if len(size) == 1:
            again = {"size": (-1, 1), "numElements": 1}
        return match.series(Part(kind, attrs, role="reduced"), Part("nn.View", again))
    if kind in ("nn.Sum", "nn.Mean"):
        attrs |= {"sizeAverage": kind == "nn.Mean", "squeeze": not keep}
    return [match.layer(kind, attrs)]


_AXES = "axes = Constant<value_ints = [{}]>()\nout0 = {}(in0, axes)"
_NEUTRAL = ("auto_pad", "noop_with_empty_axes")

WRITE = (
    Write(
        max_pool,
        ("MaxPool",),
        neutral=_NEUTRAL,
        samples=(
            Sample("floor", "out0 = MaxPool<kernel_shape = [3, 2], strides = [2, 3]>(in0)", ((2, 3, 8, 10),)),
            Sample("line", "out0 = MaxPool<kernel_shape = [3], strides = [2], pads = [1, 1]>(in0)", ((2, 3, 9),)),
            Sample(
                "ceil",
                "out0 = MaxPool<kernel_shape = [3, 2], strides = [2, 3], pads = [0, 0, 1, 1]>(in0)",
                ((2, 3, 8, 10),),
            ),
        ),
    ),
    Write(overhanging, ("AveragePool", "Mul")),
    Write(
        average_pool,
        ("AveragePool",),
        neutral=_NEUTRAL,
        samples=(
            Sample(
                "padding counts",
                "out0 = AveragePool<kernel_shape = [3, 4], pads = [1, 2, 1, 2], count_include_pad = 1>(in0)",
                ((2, 2, 6, 9),),
            ),
            Sample(
                "padding does not count",
                "out0 = AveragePool<kernel_shape = [3, 4], strides = [1, 2], pads = [1, 2, 1, 2]>(in0)",
                ((2, 2, 6, 9),),
            ),
        ),
    ),
    *(
        Write(global_pool, (op,), samples=(Sample("image", f"out0 = {op}(in0)", ((2, 3, 5, 4),)),))
        for op in ("GlobalAveragePool", "GlobalMaxPool")
    ),
    Write(
        mean,
        ("ReduceMean",),
        neutral=_NEUTRAL,
        samples=(
            Sample("image", _AXES.format("2, 3", "ReduceMean<keepdims = 0>"), ((2, 3, 5, 4),)),
            Sample("one dimension", _AXES.format("2", "ReduceMean"), ((2, 3, 5),)),
        ),
    ),
    *(
        Write(
            reduce,
            (op,),
            neutral=_NEUTRAL,
            samples=(
                Sample("one dimension", _AXES.format("1", f"{op}<keepdims = 0>"), ((2, 3, 5),)),
                Sample("kept", _AXES.format("2", op), ((2, 3, 5),)),
                Sample("kept of vectors", _AXES.format("1", op), ((2, 5),)),
            ),
        )
        for op in ("ReduceSum", "ReduceMax", "ReduceMin")
    ),
)
