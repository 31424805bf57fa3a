"""InnerProduct: all dimensions from `axis` on, taken as one, times a matrix; weights [out, in] or transposed."""

from __future__ import annotations

import math

import onnx_ir as ir

from converters.caffe.fillers import fill
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def inner_product(layer: Layer, emit: Emit) -> ir.Value:
    """Reads InnerProduct as Flatten and Gemm, with a Reshape behind where `axis` is not 1."""
    (data,) = emit.inputs
    attrs = layer.attrs
    axis = emit.axis(data, attrs.integer("axis"))
    inner, out = math.prod(emit.sizes(data, axis)), attrs.integer("num_output")
    transpose = attrs.flag("transpose")
    shape = (inner, out) if transpose else (out, inner)
    weights = [emit.weight(0, shape, role="weight", fill=fill(attrs.record("weight_filler"), shape))]
    if attrs.flag("bias_term"):
        weights.append(emit.weight(1, (out,), role="bias", fill=fill(attrs.record("bias_filler"), (out,))))
    leading = emit.shape(data)[:axis]
    rows = data if emit.rank(data) == 2 and axis == 1 else emit("Flatten", data, axis=axis)
    result = emit("Gemm", rows, *weights, transB=0 if transpose else 1)
    return result if axis == 1 else emit.unflatten(result, (*leading, out))


SAMPLES = (
    Sample("image", "inner_product_param { num_output: 5 }", ((2, 3, 4, 2),), ((5, 24), (5,))),
    Sample(
        "old four dimensional weights", "inner_product_param { num_output: 5 }", ((2, 6),), ((1, 1, 5, 6), (1, 1, 1, 5))
    ),
    Sample("no bias", "inner_product_param { num_output: 4 bias_term: false }", ((3, 6),), ((4, 6),)),
    Sample("transposed", "inner_product_param { num_output: 4 transpose: true }", ((3, 6),), ((6, 4), (4,))),
    Sample("axis 2", "inner_product_param { num_output: 4 axis: 2 }", ((2, 3, 5, 2),), ((4, 10), (4,))),
    Sample("last axis", "inner_product_param { num_output: 4 axis: -1 }", ((2, 3, 5),), ((4, 5), (4,))),
)

READ = {"InnerProduct": Read(inner_product, neutral=("bias_filler",), samples=SAMPLES)}
