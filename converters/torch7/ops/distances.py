"""Distances and similarities: between two inputs, or between an input and learned points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    both,
    only,
    parameter,
    real,
    scalar,
    stored_shape,
)
from converters.weights import ComputedWeight


def dot_product(layer: Layer, emit: Emit) -> ir.Value:
    """Reads DotProduct: the sum of products, one a row; a pair of vectors gives one value."""
    first, second = _rows(emit)
    return _sum(emit, emit("Mul", first, second))


def cosine_distance(layer: Layer, emit: Emit) -> ir.Value:
    """Reads CosineDistance: x.y / sqrt((x.x + 1e-12) (y.y + 1e-12))."""
    first, second = _rows(emit)
    tiny = scalar(emit, 1e-12, "epsilon")
    norms = [emit("Add", _sum(emit, emit("Mul", value, value)), tiny) for value in (first, second)]
    inverse = [emit("Reciprocal", norm) for norm in norms]
    return emit("Mul", _sum(emit, emit("Mul", first, second)), emit("Sqrt", emit("Mul", *inverse)))


def pairwise_distance(layer: Layer, emit: Emit) -> ir.Value:
    """Reads PairwiseDistance: the p-norm of the difference, one a row."""
    first, second = _rows(emit)
    p = real(layer, emit, "norm", 2)
    difference = emit("Abs", emit("Sub", first, second))
    powered = emit("Pow", difference, scalar(emit, p, "p"))
    return emit("Pow", _sum(emit, powered), scalar(emit, 1 / p, "root"))


def euclidean(*, weighted: bool) -> Callable[[Layer, Emit], ir.Value]:
    """Reads Euclidean and WeightedEuclidean: |(x - w_j) * c_j| for the learned columns j; weight [in, out]."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        data = only(emit)
        shape = stored_shape(layer, emit, "weight", 2)
        column = emit("Unsqueeze", data, emit.constant([-1], "column"))
        difference = emit("Sub", column, parameter(layer, emit, "weight", shape))
        if weighted:
            difference = emit("Mul", difference, parameter(layer, emit, "diagCov", shape))
        return emit("ReduceL2", difference, emit.constant([-2], "axis"), keepdims=0)

    return read


def cosine(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Cosine: x.w_j / ((|x| + 1e-12) (|w_j| + 1e-12)); weight [out, in]."""
    data = only(emit)
    shape = stored_shape(layer, emit, "weight", 2)
    stored = emit.source("weight", shape)

    def compute() -> np.ndarray:
        values = stored.array().astype(np.float64)
        unit: np.ndarray = values / (np.sqrt((values**2).sum(1, keepdims=True)) + 1e-12)
        return unit.T

    weight = emit.derived(ComputedWeight(shape[::-1], np.dtype("<f4"), compute), "unit weight")
    norm = emit("ReduceL2", data, emit.constant([-1], "axis"), keepdims=1)
    return emit("Div", emit("MatMul", data, weight), emit("Add", norm, scalar(emit, 1e-12, "epsilon")))


def kmeans(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Kmeans: the 1-based number of the nearest centroid; weight [k, in]."""
    data = only(emit)
    k, width = stored_shape(layer, emit, "weight", 2)
    weight = parameter(layer, emit, "weight", (k, width))
    difference = emit("Sub", emit("Unsqueeze", data, emit.constant([1], "centroid")), weight)
    distance = emit("ReduceSumSquare", difference, emit.constant([2], "axis"), keepdims=0)
    nearest = emit("ArgMin", distance, axis=1, keepdims=0)
    return emit("Add", emit("Cast", nearest, to=1), scalar(emit, 1, "first"))


def mixture(layer: Layer, emit: Emit) -> ir.Value:
    """Reads MixtureTable: the experts' sum, each times its gate; experts in a table, or along `dim` of one tensor."""
    gate, *experts = emit.inputs
    batch = emit.rank(gate) == 2
    default = 2 if batch else 1
    dim = layer.attrs.get("dim") or default
    if not layer.attrs.get("table"):
        (stacked,) = experts
        axis = int(str(dim)) - 1
    else:
        axis = 1 if batch else 0
        stacked = emit("Concat", *(emit("Unsqueeze", x, emit.constant([axis], "expert")) for x in experts), axis=axis)
    after = emit.rank(stacked) - axis - 1
    if axis != (1 if batch else 0):
        emit.refuse(f"its experts lie along dimension {axis + 1}, its gates do not")
    last = emit.rank(gate)
    spread = emit("Unsqueeze", gate, emit.constant(list(range(last, last + after)), "axes")) if after else gate
    return emit("ReduceSum", emit("Mul", stacked, spread), emit.constant([axis], "axis"), keepdims=0)


def _rows(emit: Emit) -> tuple[ir.Value, ir.Value]:
    """Both inputs as matrices; vectors become one row."""
    first, second = both(emit)
    if emit.rank(first) == 2:
        return first, second
    if emit.rank(first) != 1:
        emit.refuse(f"its inputs have {emit.rank(first)} dimensions, expected one or two")
    axis = emit.constant([0], "row")
    return emit("Unsqueeze", first, axis), emit("Unsqueeze", second, axis)


def _sum(emit: Emit, value: ir.Value) -> ir.Value:
    return emit("ReduceSum", value, emit.constant([1], "axis"), keepdims=0)


READ = {
    "nn.DotProduct": Read(dot_product),
    "nn.CosineDistance": Read(cosine_distance),
    "nn.PairwiseDistance": Read(pairwise_distance),
    "nn.Euclidean": Read(euclidean(weighted=False)),
    "nn.WeightedEuclidean": Read(euclidean(weighted=True)),
    "nn.Cosine": Read(cosine),
    "nn.Kmeans": Read(kmeans),
    "nn.MixtureTable": Read(mixture),
}
