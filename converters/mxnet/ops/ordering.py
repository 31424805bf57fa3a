"""argmax, argmin, topk, sort, argsort."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.casts import DTYPES
from converters.mxnet.operands import number, value


def _extreme(operator: str) -> Callable[[Layer, Emit], ir.Value]:
    def read(layer: Layer, emit: Emit) -> ir.Value:
        data, axis = value(layer, emit, "data"), layer.attrs["axis"]
        keep = layer.attrs.flag("keepdims")
        if axis is None:
            found = emit(operator, emit("Reshape", data, emit.constant([-1], "flat")), axis=0, keepdims=1)
            if keep:
                found = emit("Reshape", found, emit.constant([1] * emit.rank(data), "ones"))
            return emit("CastLike", found, data)
        where = emit.axis(data, layer.attrs.integer("axis"))
        found = emit(operator, data, axis=where, keepdims=int(keep or emit.rank(data) == 1))
        return emit("CastLike", found, data)

    read.__doc__ = f"Reads it as {operator}, its result as floats."
    return read


def argmax_channel(layer: Layer, emit: Emit) -> ir.Value:
    """Reads argmax_channel as ArgMax along axis 1."""
    data = value(layer, emit, "data")
    return emit("CastLike", emit("ArgMax", data, axis=1, keepdims=0), data)


def topk(layer: Layer, emit: Emit) -> Sequence[ir.Value] | ir.Value:
    """Reads topk as TopK: values, indices, both, or a mask of ones at their places."""
    data, attrs = value(layer, emit, "data"), layer.attrs
    data, axis = _flat(layer, emit, data)
    size, wanted = emit.size(data, axis), attrs.integer("k")
    count = size if wanted < 1 else min(wanted, size)
    values, places = _sorted(emit, data, axis, count, ascending=attrs.flag("is_ascend"))
    kind = attrs.text("ret_typ")
    if kind == "mask":
        return _mask(layer, emit, data, places, axis)
    indices = emit("Cast", places, to=DTYPES[attrs.text("dtype")].value)
    return {"value": values, "indices": indices}.get(kind) or [values, indices]


def _mask(layer: Layer, emit: Emit, data: ir.Value, places: ir.Value, axis: int) -> ir.Value:
    if layer.attrs["axis"] is None:
        emit.refuse("a mask over all values; zoo reads one along an axis")
    zeros = emit("Mul", data, number(emit, data, 0, "zero"))
    ones = emit("Expand", number(emit, data, 1, "one"), emit("Shape", places))
    return emit("ScatterElements", zeros, places, ones, axis=axis)


def sort(layer: Layer, emit: Emit) -> ir.Value:
    """Reads sort as TopK of all."""
    data, axis = _flat(layer, emit, value(layer, emit, "data"))
    return _sorted(emit, data, axis, emit.size(data, axis), ascending=layer.attrs.flag("is_ascend"))[0]


def argsort(layer: Layer, emit: Emit) -> ir.Value:
    """Reads argsort as the indices of TopK of all."""
    data, axis = _flat(layer, emit, value(layer, emit, "data"))
    order = _sorted(emit, data, axis, emit.size(data, axis), ascending=layer.attrs.flag("is_ascend"))[1]
    return emit("Cast", order, to=DTYPES[layer.attrs.text("dtype")].value)


def _flat(layer: Layer, emit: Emit, data: ir.Value) -> tuple[ir.Value, int]:
    """The data and the axis; without one all values in a row."""
    if layer.attrs["axis"] is None:
        return emit("Reshape", data, emit.constant([-1], "flat")), 0
    return data, emit.axis(data, layer.attrs.integer("axis"))


def _sorted(emit: Emit, data: ir.Value, axis: int, count: int, *, ascending: bool) -> tuple[ir.Value, ir.Value]:
    values, places = emit.several(
        2, "TopK", data, emit.constant([count], "k"), axis=axis, largest=int(not ascending), sorted=1
    )
    return values, places


_IMAGE = ((2, 3, 4, 5),)


def _axis(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda x, _: function(x[0], axis=1).astype(np.float64)


READ = {
    **{
        kind: Read(
            _extreme(operator),
            samples=(
                Sample("axis", '{"axis": "1"}', _IMAGE, formula=_axis(function)),
                Sample("kept", '{"axis": "-1", "keepdims": "True"}', _IMAGE),
                Sample("all", "{}", _IMAGE),
            ),
        )
        for kind, operator, function in (("argmax", "ArgMax", np.argmax), ("argmin", "ArgMin", np.argmin))
    },
    "argmax_channel": Read(argmax_channel, samples=(Sample("rows", "{}", ((2, 5),), formula=_axis(np.argmax)),)),
    "topk": Read(
        topk,
        neutral=("dtype",),
        samples=(
            Sample("indices", '{"k": "2"}', _IMAGE),
            Sample("values", '{"k": "2", "axis": "1", "ret_typ": "value"}', _IMAGE),
            Sample("both, smallest", '{"k": "3", "ret_typ": "both", "is_ascend": "True"}', _IMAGE, outputs=2),
            Sample("mask", '{"k": "2", "ret_typ": "mask"}', _IMAGE),
            Sample("of all", '{"k": "4", "axis": "None", "ret_typ": "value"}', _IMAGE),
        ),
    ),
    "sort": Read(
        sort,
        samples=(
            Sample("rising", "{}", _IMAGE, formula=lambda x, _: np.sort(x[0])),
            Sample("falling", '{"axis": "1", "is_ascend": "0"}', _IMAGE),
        ),
    ),
    "argsort": Read(
        argsort,
        samples=(
            Sample("rising", "{}", _IMAGE),
            Sample("integers", '{"axis": "1", "is_ascend": "0", "dtype": "int32"}', _IMAGE),
        ),
    ),
}
