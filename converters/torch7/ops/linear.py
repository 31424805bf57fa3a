"""Matrices: Linear and its variants, products of two inputs, biases and factors a value."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    array,
    both,
    flag,
    numbers,
    only,
    optional,
    parameter,
    real,
    stored_shape,
)
from converters.weights import ComputedWeight


def linear(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Linear as Gemm; weight [out, in]; a vector in gives a vector out."""
    out, width = stored_shape(layer, emit, "weight", 2)
    return _linear(emit, parameter(layer, emit, "weight", (out, width)), optional(layer, emit, "bias", (out,)), width)


def _linear(emit: Emit, weight: ir.Value, bias: ir.Value | None, width: int) -> ir.Value:
    data = only(emit)
    rank = emit.rank(data)
    if rank not in (1, 2) or emit.size(data, rank - 1) != width:
        emit.refuse(f"its input has the dimensions {_show(emit, data)}, its weight wants {width} values")
    rows = data if rank == 2 else emit("Unsqueeze", data, emit.constant([0], "row"))
    result = emit("Gemm", rows, weight, *([] if bias is None else [bias]), transB=1)
    return result if rank == 2 else emit("Squeeze", result, emit.constant([0], "row"))


def linear_weight_norm(layer: Layer, emit: Emit) -> ir.Value:
    """Reads LinearWeightNorm: the weight is g * v / max(|v|, eps)."""
    out, width = stored_shape(layer, emit, "v", 2)
    v, g = emit.source("v", (out, width)), numbers(layer, emit, "g", (out, 1))
    if "weight" in layer.weights:
        emit.source("weight", (out, width))  # derived from v and g; what the file keeps may be out of date
    eps = real(layer, emit, "eps", 1e-16)

    def compute() -> np.ndarray:
        values = v.array()
        norm = np.sqrt((values.astype(np.float64) ** 2).sum(1, keepdims=True))
        product: np.ndarray = values * (g.array() / np.maximum(norm, eps))
        return product

    weight = emit.derived(ComputedWeight((out, width), np.dtype("<f4"), compute), "weight")
    return _linear(emit, weight, optional(layer, emit, "bias", (out,)), width)


def partial_linear(layer: Layer, emit: Emit) -> ir.Value:
    """Reads PartialLinear: the rows of its table that `partition` (1-based) names."""
    data = only(emit)
    chosen = array(layer, emit, "partition").astype(np.int64).reshape(-1) - 1
    table = parameter(layer, emit, "weight", stored_shape(layer, emit, "weight", 2))
    places = emit.constant(chosen, "partition")
    product = emit("Gemm", data, emit("Gather", table, places, axis=0), transB=1)
    if "bias" not in layer.weights:
        return product
    bias = parameter(layer, emit, "bias", (1, math.prod(stored_shape(layer, emit, "bias"))))
    return emit("Add", product, emit("Gather", bias, places, axis=1))


def sparse_linear(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SparseLinear: each input row is a 1-based column and its value, [values, 2] or [batch, values, 2]."""
    data = only(emit)
    out, width = stored_shape(layer, emit, "weight", 2)
    weight = emit("Transpose", parameter(layer, emit, "weight", (out, width)), perm=(1, 0))
    axis = emit.rank(data) - 1
    places, values = emit.several(2, "Split", data, emit.constant([1, 1], "columns"), axis=axis)
    index = emit("Squeeze", _zero_based(emit, places), emit.constant([-1], "last"))
    rows = emit("Mul", emit("Gather", weight, index, axis=0), values)
    total = emit("ReduceSum", rows, emit.constant([axis - 1], "axis"), keepdims=0)
    return emit("Add", total, parameter(layer, emit, "bias", (out,)))


def _zero_based(emit: Emit, value: ir.Value) -> ir.Value:
    return emit("Sub", emit("Cast", value, to=7), emit.constant(np.int64(1), "first"))


def bilinear(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Bilinear: y_k = x1' W_k x2 + b_k; weight [out, in1, in2]."""
    first, second = both(emit)
    out, left, right = stored_shape(layer, emit, "weight", 3)
    weight = emit("Transpose", parameter(layer, emit, "weight", (out, left, right)), perm=(1, 0, 2))
    flat = emit.reshape(weight, (left, out * right))
    rows = emit.unflatten(emit("MatMul", first, flat), (emit.shape(first)[0], out, right))
    result = emit(
        "ReduceSum",
        emit("Mul", rows, emit("Unsqueeze", second, emit.constant([1], "out"))),
        emit.constant([2], "axis"),
        keepdims=0,
    )
    bias = optional(layer, emit, "bias", (out,))
    return result if bias is None else emit("Add", result, bias)


def matrix_product(layer: Layer, emit: Emit) -> ir.Value:
    """Reads MM as MatMul, with its operands transposed as it says."""
    first, second = (
        _transposed(emit, value, turn=flag(layer, name))
        for value, name in zip(both(emit), ("transA", "transB"), strict=True)
    )
    return emit("MatMul", first, second)


def matrix_vector(layer: Layer, emit: Emit) -> ir.Value:
    """Reads MV: a matrix times a vector, or a batch of both."""
    matrix, vector = both(emit)
    axis = emit.constant([-1], "column")
    product = emit("MatMul", _transposed(emit, matrix, turn=flag(layer, "trans")), emit("Unsqueeze", vector, axis))
    return emit("Squeeze", product, axis)


def _transposed(emit: Emit, value: ir.Value, *, turn: bool) -> ir.Value:
    rank = emit.rank(value)
    return emit("Transpose", value, perm=(*range(rank - 2), rank - 1, rank - 2)) if turn else value


def add(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Add: one learned number a value of a sample, or one for all (`scalar`)."""
    if flag(layer, "scalar"):
        return emit("Add", emit.inputs[0], parameter(layer, emit, "bias", (1,)))
    return _per_value(layer, emit, "Add", "bias", spreads=False)


def per_value(op: str, key: str) -> Callable[[Layer, Emit], ir.Value]:
    """Reads CMul and CAdd: a learned tensor, spread over the input as nn spreads it."""
    return lambda layer, emit: _per_value(layer, emit, op, key, spreads=True)


def _per_value(layer: Layer, emit: Emit, op: str, key: str, *, spreads: bool) -> ir.Value:
    """With as many values as the input: value by value. Else with as many dimensions: broadcast. Else a sample each."""
    data = only(emit)
    shape, stored = emit.shape(data), stored_shape(layer, emit, key)
    count = math.prod(stored)
    sizes = [dim for dim in shape if isinstance(dim, int)]
    if len(sizes) == len(shape) and math.prod(sizes) == count:
        return emit(op, data, emit.weight(key, stored, view=tuple(sizes)))
    if spreads and len(stored) == len(shape):
        return emit(op, data, parameter(layer, emit, key, stored))
    sample = emit.sizes(data, 1)
    if math.prod(sample) != count:
        emit.refuse(f"its {key} has {count} values for samples of {math.prod(sample)}")
    return emit(op, data, emit.weight(key, stored, view=(1, *sample)))


def _show(emit: Emit, value: ir.Value) -> str:
    return "x".join(str(dim) for dim in emit.shape(value))


READ = {
    **dict.fromkeys(("nn.Linear", "nn.LinearNB", "nn.LinearNoBackprop"), Read(linear)),
    "nn.LinearWeightNorm": Read(linear_weight_norm),
    "nn.PartialLinear": Read(partial_linear),
    "nn.SparseLinear": Read(sparse_linear),
    "nn.Bilinear": Read(bilinear),
    "nn.MM": Read(matrix_product),
    "nn.MV": Read(matrix_vector),
    "nn.Add": Read(add),
    "nn.CMul": Read(per_value("Mul", "weight")),
    "nn.CAdd": Read(per_value("Add", "bias")),
}
