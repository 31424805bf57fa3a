"""Sums, means, maxima and minima along one dimension."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    axis,
    flag,
    only,
    sample_dims,
    whole,
)


def total(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Sum and Mean; the dimension goes unless `squeeze` is false or it is the only one."""
    data = only(emit)
    at = axis(emit, data, whole(layer, emit, "dimension", 1), sample_dims(layer, emit))
    op = "ReduceMean" if flag(layer, "sizeAverage") else "ReduceSum"
    keep = not flag(layer, "squeeze", default=True) or emit.rank(data) == 1
    return emit(op, data, emit.constant([at], "axis"), keepdims=int(keep))


def extreme(op: str) -> Callable[[Layer, Emit], ir.Value]:
    """Reads Max and Min; of a vector they leave one value in one dimension."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        data = only(emit)
        at = axis(emit, data, whole(layer, emit, "dimension", 1), sample_dims(layer, emit))
        return emit(op, data, emit.constant([at], "axis"), keepdims=int(emit.rank(data) == 1))

    return read


def dynamic_k_max(layer: Layer, emit: Emit) -> ir.Value:
    """Reads TemporalDynamicKMaxPooling: the k largest over time, in their order of time."""
    import math

    from converters.torch7.reading import real

    data = only(emit)
    at = emit.rank(data) - 2
    if at not in (0, 1):
        emit.refuse(f"its input has {emit.rank(data)} dimensions, expected two or three")
    size = emit.size(data, at)
    k = max(whole(layer, emit, "minK"), math.ceil(real(layer, emit, "factor", 0) * size))
    if not 0 < k <= size:
        emit.refuse(f"takes the {k} largest of {size}")
    count = emit.constant([k], "k")
    _, places = emit.several(2, "TopK", data, count, axis=at, largest=1, sorted=1)
    ordered, _ = emit.several(2, "TopK", places, count, axis=at, largest=0, sorted=1)
    return emit("GatherElements", data, ordered, axis=at)


READ = {
    **dict.fromkeys(("nn.Sum", "nn.Mean"), Read(total)),
    "nn.Max": Read(extreme("ReduceMax")),
    "nn.Min": Read(extreme("ReduceMin")),
    "nn.TemporalDynamicKMaxPooling": Read(dynamic_k_max),
}
