"""Pooling and Pooling_v1: max, avg, sum and lp over windows; conventions valid, full and same."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample
from converters.mxnet.geometry import Window, window
from converters.mxnet.operands import number, value

_LAST = {"NWC": 1, "NHWC": 2, "NDHWC": 3}


def pooling(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Pooling; channels last are brought to the front and back."""
    data = value(layer, emit, "data")
    layout = layer.attrs["layout"]
    spatial = emit.rank(data) - 2
    if layout not in _LAST:
        return _pool(layer, emit, data, spatial)
    if _LAST[str(layout)] != spatial:
        emit.refuse(f"layout {layout} for an input of {spatial + 2} dimensions; MXNet refuses it too")
    first = emit("Transpose", data, perm=(0, spatial + 1, *range(1, spatial + 1)))
    return emit("Transpose", _pool(layer, emit, first, spatial), perm=(0, *range(2, spatial + 2), 1))


def _pool(layer: Layer, emit: Emit, data: ir.Value, spatial: int) -> ir.Value:
    attrs = layer.attrs
    kind = attrs.text("pool_type")
    if attrs.flag("global_pool"):
        return _global(layer, emit, data, kind)
    where = window(layer, emit, spatial)
    if attrs.text("pooling_convention") == "same" and any(where.pad):
        emit.refuse("the convention same with a padding; MXNet refuses it too")
    over = _overhang(layer, emit, data, where)
    if kind == "avg":
        counted = attrs["count_include_pad"]
        return _average(emit, data, where, over, padded=counted is None or bool(counted))
    pads = (*where.pad, *(pad + more for pad, more in zip(where.pad, over, strict=True)))
    spec = {"kernel_shape": where.kernel, "strides": where.stride, "pads": pads}
    if kind == "max":
        return emit("MaxPool", data, **spec)
    if kind == "sum":
        return _sum(emit, data, where, over)
    return _lp(layer, emit, data, where, over)


def _global(layer: Layer, emit: Emit, data: ir.Value, kind: str) -> ir.Value:
    if kind in ("max", "avg"):
        return emit("GlobalMaxPool" if kind == "max" else "GlobalAveragePool", data)
    axes = emit.constant(list(range(2, emit.rank(data))), "axes")
    if kind == "sum":
        return emit("ReduceSum", data, axes, keepdims=1)
    order = _order(layer, emit)
    if order == 3:
        cubes = emit("Mul", emit("Mul", data, data), data)
        return _cube_root(emit, emit("ReduceSum", cubes, axes, keepdims=1))
    return emit("ReduceSum" if order == 1 else "ReduceL2", data, axes, keepdims=1)


def _sum(emit: Emit, data: ir.Value, where: Window, over: tuple[int, ...]) -> ir.Value:
    """The average over the whole kernel, padding included, times the kernel's size."""
    pads = (*where.pad, *(pad + more for pad, more in zip(where.pad, over, strict=True)))
    mean = emit("AveragePool", data, kernel_shape=where.kernel, strides=where.stride, pads=pads, count_include_pad=1)
    return emit("Mul", mean, number(emit, data, math.prod(where.kernel), "kernel_size"))


def _lp(layer: Layer, emit: Emit, data: ir.Value, where: Window, over: tuple[int, ...]) -> ir.Value:
    """Order 1 sums the values, signs and all (pool.h, a_pow_p); 2 and 3 take the root of the sum of powers."""
    order = _order(layer, emit)
    if order == 1:
        return _sum(emit, data, where, over)
    square = emit("Mul", data, data)
    if order == 2:
        return emit("Sqrt", _sum(emit, square, where, over))
    return _cube_root(emit, _sum(emit, emit("Mul", square, data), where, over))


def _cube_root(emit: Emit, data: ir.Value) -> ir.Value:
    root = emit("Pow", emit("Abs", data), number(emit, data, 1 / 3, "third"))
    return emit("Mul", emit("Sign", data), root)


def _order(layer: Layer, emit: Emit) -> int:
    order = layer.attrs.integer("p_value")
    if order not in (1, 2, 3):
        emit.refuse(f"lp pooling with p_value {order}; MXNet refuses it too")
    return order


def _average(emit: Emit, data: ir.Value, where: Window, over: tuple[int, ...], *, padded: bool) -> ir.Value:
    """Divides by the window clipped to the image and (`padded`) its padding, never by what hangs over (pool.h)."""
    spec = {"kernel_shape": where.kernel, "strides": where.stride}
    if padded and not any(over):
        return emit("AveragePool", data, **spec, pads=where.pad * 2, count_include_pad=1)
    pads = (*where.pad, *(pad + more for pad, more in zip(where.pad, over, strict=True)))
    mean = emit("AveragePool", data, **spec, pads=pads, count_include_pad=0)
    if not padded or not any(where.pad):
        return mean
    ratios = [_ratio(where, axis, size, over[axis]) for axis, size in enumerate(emit.sizes(data, 2))]
    grid = math.prod(np.ix_(*ratios), start=np.ones(()))
    return emit("Mul", mean, number(emit, data, np.asarray(grid), "counted"))


def _ratio(where: Window, axis: int, size: int, over: int) -> np.ndarray:
    """Values inside the image over values counted, for each window along an axis."""
    total = (size + 2 * where.pad[axis] + over - where.kernel[axis]) // where.stride[axis] + 1
    starts = np.arange(total) * where.stride[axis] - where.pad[axis]
    ends = np.minimum(starts + where.kernel[axis], size + where.pad[axis])
    inside = np.minimum(ends, size) - np.maximum(starts, 0)
    ratio: np.ndarray = inside / (ends - starts)
    return ratio


def _overhang(layer: Layer, emit: Emit, data: ir.Value, where: Window) -> tuple[int, ...]:
    """By how much the last window of each axis passes the padding's end."""
    convention = layer.attrs.text("pooling_convention")
    if convention == "valid":
        return (0,) * len(where.kernel)
    if convention == "same" and len(where.kernel) > 1:
        emit.refuse("the convention same over more than one axis; MXNet refuses it too")
    over = []
    for axis, size in enumerate(emit.sizes(data, 2)):
        kernel, stride, pad = where.kernel[axis], where.stride[axis], where.pad[axis]
        count = -(-(size + 2 * pad) // stride) if convention == "same" else where.output(axis, size, up=True)
        last = (count - 1) * stride - pad
        if last >= size:
            emit.refuse(
                f"its last window lies outside the {size} values of an axis: MXNet's result there is arbitrary",
                "another input size, or pooling_convention valid",
            )
        over.append(max(last + kernel - size - pad, 0))
    return tuple(over)


def pooling_v1(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Pooling_v1, whose padding is zeros: they take part in a maximum and always count in an average."""
    data = value(layer, emit, "data")
    kind = layer.attrs.text("pool_type")
    if layer.attrs.flag("global_pool"):
        return _global(layer, emit, data, kind)
    where = window(layer, emit, 2)
    over = _overhang(layer, emit, data, where)
    if kind == "sum":
        return _sum(emit, data, where, over)
    if kind == "avg":
        pads = (*where.pad, *(pad + more for pad, more in zip(where.pad, over, strict=True)))
        spec = {"kernel_shape": where.kernel, "strides": where.stride, "pads": pads}
        return emit("AveragePool", data, **spec, count_include_pad=1)
    pads = (*where.pad, *(pad + more for pad, more in zip(where.pad, over, strict=True)))
    most = emit("MaxPool", data, kernel_shape=where.kernel, strides=where.stride, pads=pads)
    if not any(where.pad):
        return most
    touches = [_touching(where, axis, size, over[axis]) for axis, size in enumerate(emit.sizes(data, 2))]
    floor = np.where(np.logical_or.outer(*touches), 0, np.finfo(np.float32).min)
    return emit("Max", most, number(emit, data, floor, "padding"))  # a Pad before MaxPool: onnxruntime fuses it away


def _touching(where: Window, axis: int, size: int, over: int) -> np.ndarray:
    """Which windows along an axis reach into the padding."""
    total = (size + 2 * where.pad[axis] + over - where.kernel[axis]) // where.stride[axis] + 1
    starts = np.arange(total) * where.stride[axis] - where.pad[axis]
    touching: np.ndarray = (starts < 0) | ((starts + where.kernel[axis] > size) & (where.pad[axis] > 0))
    return touching


_BASE = '"kernel": "(3, 2)", "stride": "(2, 3)"'
_IMAGE = ((2, 3, 8, 7),)
NEUTRAL = ("cudnn_off", "kernel", "stride", "pad", "p_value", "count_include_pad", "pooling_convention")

_SAMPLES = (
    Sample("max", f'{{{_BASE}, "pad": "(1, 0)"}}', _IMAGE),
    Sample("max, full", f'{{{_BASE}, "pad": "(1, 0)", "pooling_convention": "full"}}', _IMAGE),
    Sample("avg", f'{{{_BASE}, "pool_type": "avg", "pad": "(1, 1)"}}', _IMAGE),
    Sample("avg, full", f'{{{_BASE}, "pool_type": "avg", "pad": "(1, 0)", "pooling_convention": "full"}}', _IMAGE),
    Sample("avg, full, without padding", f'{{{_BASE}, "pool_type": "avg", "pooling_convention": "full"}}', _IMAGE),
    Sample(
        "avg of the image alone",
        f'{{{_BASE}, "pool_type": "avg", "pad": "(1, 1)", "count_include_pad": "False"}}',
        _IMAGE,
    ),
    Sample(
        "avg of the image alone, full",
        f'{{{_BASE}, "pool_type": "avg", "pad": "(1, 1)", "count_include_pad": "0", "pooling_convention": "full"}}',
        ((2, 3, 6, 9),),
    ),
    Sample("sum", f'{{{_BASE}, "pool_type": "sum", "pad": "(1, 0)"}}', _IMAGE),
    Sample("lp of order 1", f'{{{_BASE}, "pool_type": "lp", "p_value": "1"}}', _IMAGE),
    Sample("lp of order 3", f'{{{_BASE}, "pool_type": "lp", "p_value": "3", "pad": "(1, 0)"}}', _IMAGE),
    Sample(
        "global lp of order 3", '{"global_pool": "True", "pool_type": "lp", "p_value": "3", "kernel": "(2, 2)"}', _IMAGE
    ),
    Sample("lp of order 2", f'{{{_BASE}, "pool_type": "lp", "p_value": "2", "pad": "(1, 0)"}}', _IMAGE),
    Sample("global max", '{"global_pool": "True", "kernel": "(2, 2)", "pad": "(1, 1)"}', _IMAGE),
    Sample("global avg", '{"global_pool": "True", "pool_type": "avg"}', _IMAGE),
    Sample("global sum", '{"global_pool": "True", "pool_type": "sum"}', _IMAGE),
    Sample("one axis", '{"kernel": "(3,)", "stride": "(2,)", "pad": "(1,)", "pool_type": "avg"}', ((2, 3, 8),)),
    Sample(
        "same, one axis",
        '{"kernel": "(3,)", "stride": "(2,)", "pooling_convention": "same", "pad": "(0, 0, 0)"}',
        ((2, 3, 8),),
        formula=lambda x, _: np.stack([x[0][:, :, at : at + 3].max(2) for at in (0, 2, 4, 6)], 2),
        judge=FORMULA,  # oneDNN makes no descriptor for it
    ),
    Sample("three axes", '{"kernel": "(3, 2, 2)", "stride": "(2, 1, 3)", "pad": "(1, 0, 1)"}', ((2, 3, 5, 4, 6),)),
    Sample("channels last", f'{{{_BASE}, "layout": "NHWC"}}', ((2, 8, 7, 3),)),
)

_SAMPLES_V1 = (
    Sample("max", f'{{{_BASE}, "pad": "(1, 0)"}}', _IMAGE),
    Sample("max of negative values", f'{{{_BASE}, "pad": "(1, 1)"}}', _IMAGE, values=(-3, -1)),
    Sample("max, full", f'{{{_BASE}, "pooling_convention": "full"}}', _IMAGE),
    Sample("avg", f'{{{_BASE}, "pool_type": "avg", "pad": "(1, 1)"}}', _IMAGE),
    Sample("avg, full", f'{{{_BASE}, "pool_type": "avg", "pad": "(1, 0)", "pooling_convention": "full"}}', _IMAGE),
    Sample("global avg", '{"global_pool": "True", "pool_type": "avg", "kernel": "(2, 2)"}', _IMAGE),
)

READ = {
    "Pooling": Read(pooling, neutral=NEUTRAL, samples=_SAMPLES),
    "Pooling_v1": Read(pooling_v1, neutral=NEUTRAL, samples=_SAMPLES_V1),
}
