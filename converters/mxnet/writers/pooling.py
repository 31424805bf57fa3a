"""Poolings: what MXNet's own conventions do not say is said by a Pad before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import Assembly, Operand
from converters.mxnet.windows import Window, padded, window
from converters.weights import ArrayWeight

_LOWEST = float(np.finfo(np.float32).min)


def max_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes MaxPool as Pooling; a padding that differs at both ends, or ceil_mode, as a Pad of the lowest number."""
    where, kernel, end = _window(match, view)
    fields = {"pool_type": "max", "kernel": kernel, "stride": where.stride}
    if end == where.before:
        return [match.layer("Pooling", {**fields, "pad": where.before})]
    return match.series(padded(where.before, end, _LOWEST), Part("Pooling", fields), inputs=match.inputs)


def average_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes AveragePool as Pooling; where ONNX divides by another number, as a sum times a stored factor a place."""
    where, kernel, end = _window(match, view)
    counted = match.attrs[0].flag("count_include_pad")
    fields = {"kernel": kernel, "stride": where.stride}
    if end == where.before:
        more = {"pad": where.before, "pool_type": "avg", "count_include_pad": counted}
        return [match.layer("Pooling", {**fields, **more})]
    if counted and end == where.after:
        average = Part("Pooling", {**fields, "pool_type": "avg"})
        return match.series(padded(where.before, end, 0.0), average, inputs=match.inputs)
    if counted:
        raise Declined("runtimes disagree on what an average divides by where ceil_mode hangs over the padding")
    factor = ArrayWeight(_shares(view, match, where, kernel, end))
    total = Part("Pooling", {**fields, "pool_type": "sum"}, role="sum")
    share = Part("broadcast_mul", {}, {1: factor})
    return match.series(padded(where.before, end, 0.0), total, share, inputs=match.inputs)


def _shares(view: View, match: Match, where: Window, kernel: Sequence[int], end: Sequence[int]) -> np.ndarray:
    """One over the number of values inside the image, for each place."""
    counts = []
    for axis, size in enumerate(view.sizes(match.inputs[0], 2)):
        total = (size + where.before[axis] + end[axis] - kernel[axis]) // where.stride[axis] + 1
        starts = np.arange(total) * where.stride[axis] - where.before[axis]
        counts.append(np.minimum(starts + kernel[axis], size) - np.maximum(starts, 0))
    grid = counts[0]
    for other in counts[1:]:
        grid = np.multiply.outer(grid, other)
    return (1 / grid).astype(np.float32)[None, None]


def _window(match: Match, view: View) -> tuple[Window, tuple[int, ...], tuple[int, ...]]:
    """The window, the kernel, and the padding behind with what ceil_mode hangs over."""
    attrs = match.attrs[0]
    kernel = attrs.integers("kernel_shape")
    where = window(view, match.inputs[0], attrs, kernel)
    if set(where.dilation) != {1} or len(kernel) > 3:
        raise Declined(f"a window over {len(kernel)} axes dilated {list(where.dilation)}; MXNet's is not")
    if len(match.nodes[0].outputs) > 1 and match.nodes[0].outputs[1].uses():
        raise Declined("MXNet hands out no indices")
    if not attrs.flag("ceil_mode"):
        return where, kernel, where.after
    end = []
    sizes, made = view.sizes(match.inputs[0], 2), view.sizes(match.nodes[0].outputs[0], 2)
    for axis, (size, count) in enumerate(zip(sizes, made, strict=True)):
        last = (count - 1) * where.stride[axis] + kernel[axis] - where.before[axis] - size
        if (count - 1) * where.stride[axis] - where.before[axis] >= size:
            raise Declined("its last window begins behind the image; runtimes disagree about it")
        end.append(max(last, where.after[axis]))
    return where, kernel, tuple(end)


_ROOTS = {1: "", 2: "sqrt", 3: "cbrt"}


def lp_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes LpPool of the orders 1, 2 and 3: the root of the sum of powers; MXNet's lp leaves signs in."""
    where, kernel, end = _window(match, view)
    order = match.attrs[0].integer("p")
    if order not in _ROOTS:
        raise Declined(f"its order {order}; zoo writes 1, 2 and 3")
    assembly, root = Assembly(match, view), _ROOTS[order]
    data: Operand = assembly.add("square" if order == 2 else "abs", match.inputs[0], role="powers")
    if order == 3:
        data = assembly.add("_power_scalar", data, role="cubes", scalar="3.0")
    fields: dict[str, Any] = {"pool_type": "sum", "kernel": kernel, "stride": where.stride}
    if end == where.before:
        fields["pad"] = where.before
    else:
        pad = padded(where.before, end, 0.0)
        data = assembly.add(pad.kind, data, role=pad.role, **pad.attrs)
    total = assembly.add("Pooling", data, role="sum" if root else "", **fields)
    if root:
        assembly.add(root, total)
    return assembly.layers


def global_pool(match: Match, view: View) -> Sequence[Layer]:
    """Writes GlobalAveragePool and GlobalMaxPool as Pooling over everything."""
    spatial = view.rank(match.inputs[0]) - 2
    if not 1 <= spatial <= 3:
        raise Declined(f"MXNet pools over one to three axes, not {spatial}")
    kind = {"GlobalAveragePool": "avg", "GlobalMaxPool": "max"}[match.nodes[0].op_type]
    return [match.layer("Pooling", {"pool_type": kind, "global_pool": True, "kernel": (1,) * spatial})]


_IN = ((2, 3, 8, 11),)
_K = "kernel_shape = [3, 2], strides = [2, 3]"

WRITE = (
    Write(
        max_pool,
        ("MaxPool",),
        neutral=("storage_order",),
        samples=(
            Sample("plain", f"out0 = MaxPool<{_K}, pads = [1, 0, 1, 0]>(in0)", _IN),
            Sample("padding behind alone", f"out0 = MaxPool<{_K}, pads = [0, 0, 1, 1]>(in0)", _IN, values=(-3, -1)),
            Sample("ceil_mode", f"out0 = MaxPool<{_K}, ceil_mode = 1>(in0)", _IN, values=(-3, -1)),
            Sample("one axis", "out0 = MaxPool<kernel_shape = [3], strides = [2]>(in0)", ((2, 3, 8),)),
        ),
    ),
    Write(
        average_pool,
        ("AveragePool",),
        samples=(
            Sample("padding counts", f"out0 = AveragePool<{_K}, pads = [1, 1, 1, 1], count_include_pad = 1>(in0)", _IN),
            Sample("the image alone", f"out0 = AveragePool<{_K}, pads = [1, 1, 1, 1]>(in0)", _IN),
            Sample("the image alone, more behind", f"out0 = AveragePool<{_K}, pads = [0, 1, 1, 0]>(in0)", _IN),
            Sample("more counts behind", f"out0 = AveragePool<{_K}, pads = [0, 0, 1, 1], count_include_pad = 1>(in0)",
                   _IN),
            Sample("ceil_mode", f"out0 = AveragePool<{_K}, ceil_mode = 1>(in0)", _IN),
        ),
    ),
    Write(
        lp_pool,
        ("LpPool",),
        samples=(
            Sample("of order 2", f"out0 = LpPool<{_K}, pads = [1, 0, 1, 0]>(in0)", _IN),
            Sample("of order 1, more behind", f"out0 = LpPool<{_K}, p = 1, pads = [0, 0, 1, 1]>(in0)", _IN),
        ),
    ),
    Write(global_pool, ("GlobalAveragePool",), samples=(Sample("plain", "out0 = GlobalAveragePool(in0)", _IN),)),
    Write(global_pool, ("GlobalMaxPool",), samples=(Sample("plain", "out0 = GlobalMaxPool(in0)", _IN),)),
)  # fmt: skip
