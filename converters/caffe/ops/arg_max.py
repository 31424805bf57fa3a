"""ArgMax: the places (and values) of the largest numbers, as floats; of equal numbers the later one comes first."""

from __future__ import annotations

import math

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def arg_max(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ArgMax as TopK of the reversed input, because Caffe prefers the later of equal values and ONNX the earlier.

    Without `axis` the top is [N, 1, top_k] with ones behind up to the input's rank, or [N, 2, top_k] with the values
    behind the places (argmax_layer.cpp).
    """
    (data,) = emit.inputs
    attrs = layer.attrs
    ones = (1,) * (emit.rank(data) - 3)
    with_axis = "axis" in attrs.explicit
    if not with_axis:
        data = emit.reshape(data, (emit.shape(data)[0], 1, math.prod(emit.sizes(data, 1))))
    axis = emit.axis(data, attrs.integer("axis")) if with_axis else 2
    size, count = emit.size(data, axis), attrs.integer("top_k")
    if not 1 <= count <= size:
        emit.refuse(f"top_k {count} of {size} values; Caffe refuses it too")
    values, places = emit.several(2, "TopK", _reversed(emit, data, axis), emit.constant([count], "top_k"), axis=axis)
    if with_axis and attrs.flag("out_max_val"):
        return values
    places = emit("Sub", emit.constant([size - 1], "last"), places)
    places = emit("Cast", places, to=1)
    both = emit("Concat", places, values, axis=1) if attrs.flag("out_max_val") else places
    return both if with_axis or not ones else emit.unflatten(both, (*emit.shape(both), *ones))


def _reversed(emit: Emit, data: ir.Value, axis: int) -> ir.Value:
    ends = [[-1], [-(2**63) + 1], [axis], [-1]]
    names = ("starts", "ends", "axes", "steps")
    return emit("Slice", data, *(emit.constant(end, name) for end, name in zip(ends, names, strict=True)))


SAMPLES = (
    Sample("whole item", "", ((2, 3, 4, 5),)),
    Sample("three largest and their values", "argmax_param { top_k: 3 out_max_val: true }", ((2, 3, 4, 5),)),
    Sample("channels", "argmax_param { axis: 1 }", ((2, 6, 4, 5),)),
    Sample("values along the last axis", "argmax_param { axis: -1 top_k: 2 out_max_val: true }", ((2, 3, 4, 5),)),
    Sample("equal values", "argmax_param { axis: 1 top_k: 2 }", ((2, 6, 4, 5),), values=(0.0, 0.0)),
)

READ = {"ArgMax": Read(arg_max, samples=SAMPLES)}
