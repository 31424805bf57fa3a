"""Products of matrices as FullyConnected, dot, batch_dot and linalg_gemm2."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import Assembly, Operand, codes, present
from converters.weights import ComputedWeight, Weight


def gemm(match: Match, view: View) -> Sequence[Layer]:
    """Writes Gemm with a stored matrix as FullyConnected, whose weights lie as outputs x inputs; else as dot."""
    attrs = match.attrs[0]
    if attrs.flag("transA") or len(match.inputs) > 1:
        return _product(match, view)
    weight = view.weight(match.operand(1))
    turned = weight if attrs.flag("transB") else _turned(weight)
    return [_connected(match, view, _times(turned, attrs.number("alpha")), match.operand(2), attrs.number("beta"))]


def _product(match: Match, view: View) -> Sequence[Layer]:
    """A product times alpha, plus beta times C, of any operands: alpha A B + beta C of any operands."""
    assembly, attrs = Assembly(match, view), match.attrs[0]
    left, right = (present(match.operand(slot), "matrix") for slot in (0, 1))
    alpha, beta, shift = attrs.number("alpha"), attrs.number("beta"), match.operand(2)
    ways: dict[str, Any] = {"transpose_a": attrs.flag("transA"), "transpose_b": attrs.flag("transB")}
    scaled = alpha != 1
    result = assembly.add("dot", left, right, role="product" if scaled or shift is not None else "", **ways)
    if scaled:
        result = assembly.add("_mul_scalar", result, role="scaled" if shift is not None else "", scalar=repr(alpha))
    if shift is not None:
        added: ir.Value | str = shift
        if beta != 1:
            added = assembly.add("_mul_scalar", shift, role="shift", scalar=repr(beta))
        assembly.add("broadcast_add", result, added)
    return assembly.layers


def matmul_add(match: Match, view: View) -> Sequence[Layer]:
    """Writes MatMul with a stored matrix and a stored bias as FullyConnected over the last axis."""
    weight = _matrix(match, view)
    bias = match.other_constant(1)
    if len(match.inputs) > 1 or view.rank(match.output) != view.rank(match.inputs[0]):
        raise Declined("its bias is computed by the network")
    return [_connected(match, view, _turned(weight), bias, 1.0, flatten=False)]


def matmul(match: Match, view: View) -> Sequence[Layer]:
    """Writes MatMul: by a stored matrix as FullyConnected, of two computed values as a product of their last axes."""
    left, right = match.operand(0), match.operand(1)
    assert left is not None
    assert right is not None
    if view.is_constant(right) and view.rank(right) == 2 and view.rank(left) >= 2:
        return [_connected(match, view, _turned(view.weight(right)), None, 1.0, flatten=False)]
    ranks = view.rank(left), view.rank(right)
    if ranks == (2, 2):
        return [match.layer("dot", {}, _stored(match, view))]
    if ranks[0] == ranks[1] > 2 and view.shape(left)[:-2] == view.shape(right)[:-2]:
        return [match.layer("batch_dot" if ranks[0] == 3 else "_linalg_gemm2", {}, _stored(match, view))]
    if view.is_constant(left) and ranks[0] == 2:
        return _from_the_left(match, view, view.weight(left), right)
    return _batches(match, view, left, right)


def _from_the_left(match: Match, view: View, matrix: Weight, right: ir.Value) -> Sequence[Layer]:
    """A stored matrix times each of a batch of any size: its last two axes turned, FullyConnected, turned back."""
    assembly, rank = Assembly(match, view), view.rank(right)
    turned = assembly.add("SwapAxis", right, role="turned", dim1=rank - 2, dim2=rank - 1)
    rows = matrix.shape[0]
    product = assembly.add(
        "FullyConnected", turned, matrix, role="product", num_hidden=rows, no_bias=True, flatten=False
    )
    assembly.add("SwapAxis", product, dim1=rank - 2, dim2=rank - 1)
    return assembly.layers


def _batches(match: Match, view: View, left: ir.Value, right: ir.Value) -> Sequence[Layer]:
    """Products whose batches must be repeated, and of vectors: all brought to one stack of matrices and back."""
    assembly = Assembly(match, view)
    shapes = [list(view.sizes(value)) for value in (left, right)]
    if len(shapes[0]) == 1:
        shapes[0].insert(0, 1)
    if len(shapes[1]) == 1:
        shapes[1].append(1)
    batch = np.broadcast_shapes(*(shape[:-2] for shape in shapes))
    operands: list[Operand] = []
    for value, shape, role in zip((left, right), shapes, ("left", "right"), strict=True):
        matrix: Operand = value
        if tuple(shape) != view.sizes(value):
            matrix = assembly.add("Reshape", value, role=f"{role}/matrix", shape=tuple(shape))
        matrix = assembly.spread(matrix, shape, (*batch, *shape[-2:]), f"{role}/spread")
        stack = (math.prod(batch), *shape[-2:])
        operands.append(assembly.add("Reshape", matrix, role=f"{role}/stack", shape=stack))
    product = assembly.add("batch_dot", *operands, role="product")
    assembly.add("Reshape", product, shape=codes(view, match.output))
    return assembly.layers


def _stored(match: Match, view: View) -> dict[int, Weight]:
    return {place: view.weight(item) for place, item in enumerate(match.nodes[0].inputs) if view.is_constant(item)}


def _matrix(match: Match, view: View) -> Weight:
    weight = view.weight(match.operand(1))
    if len(weight.shape) != 2 or view.rank(match.inputs[0]) < 2:
        raise Declined("its operand is no stored matrix")
    return weight


def _connected(
    match: Match, view: View, weight: Weight, bias: ir.Value | None, beta: float, *, flatten: bool = True
) -> Layer:
    attrs: dict[str, object] = {"num_hidden": weight.shape[0], "no_bias": bias is None}
    if not flatten:
        attrs["flatten"] = False
    weights = {1: weight}
    if bias is not None:
        weights[2] = _times(_vector(view.weight(bias, "bias"), weight.shape[0]), beta)
    return match.layer("FullyConnected", attrs, weights, inputs=match.inputs[:1])


def _vector(bias: Weight, size: int) -> Weight:
    """A bias as one number for each output; a lone number is handed to all."""
    if bias.shape == (size,):
        return bias
    if any(dim != 1 for dim in bias.shape[:-1]) or (bias.shape and bias.shape[-1] not in (1, size)):
        raise Declined(f"its bias {list(bias.shape)} is not one number an output")
    return ComputedWeight((size,), bias.dtype, lambda: np.broadcast_to(bias.array().reshape(-1), (size,)).copy())


def _turned(weight: Weight) -> Weight:
    rows, columns = weight.shape
    return ComputedWeight((columns, rows), weight.dtype, lambda: np.ascontiguousarray(weight.array().T))


def _times(weight: Weight, factor: float) -> Weight:
    if factor == 1:
        return weight
    return ComputedWeight(weight.shape, weight.dtype, lambda: weight.array() * weight.dtype.type(factor))


WRITE = (
    Write(
        gemm,
        ("Gemm",),
        samples=(
            Sample("outputs first", "out0 = Gemm<transB = 1>(in0, w0, w1)", ((2, 6),), ((4, 6), (4,))),
            Sample("inputs first, scaled", "out0 = Gemm<alpha = 0.5, beta = 2.0>(in0, w0, w1)", ((2, 6),),
                   ((6, 4), (1, 4))),
            Sample("two computed, turned", "out0 = Gemm<transA = 1, alpha = 0.5>(in0, in1)", ((2, 6), (2, 4))),
            Sample("all computed", "out0 = Gemm<beta = 0.5>(in0, in1, in2)", ((2, 6), (6, 4), (4,))),
            Sample("without bias", "out0 = Gemm(in0, w0)", ((2, 6),), ((6, 4),)),
        ),
    ),
    Write(
        matmul_add,
        ("MatMul", "Add"),
        samples=(Sample("last axis", "a = MatMul(in0, w0)\nout0 = Add(a, w1)", ((2, 3, 6),), ((6, 4), (4,))),),
    ),
    Write(
        matmul,
        ("MatMul",),
        samples=(
            Sample("read twice", "m = MatMul(in0, w0)\nt = Tanh(m)\nu = Tanh(m)\nout0 = Add(t, u)", ((2, 3, 6),),
                   ((6, 4),)),
            Sample("stored, from the left", "out0 = MatMul(w0, in0)", ((2, 3, 4),), ((5, 3),)),
            Sample("stored", "out0 = MatMul(in0, w0)", ((2, 3, 6),), ((6, 4),)),
            Sample("a stored stack", "out0 = MatMul(in0, w0)", ((2, 3, 6),), ((5, 1, 6, 4),)),
            Sample("a vector", "out0 = MatMul(in0, in1)", ((2, 5, 6), (6,))),
            Sample("batches", "out0 = MatMul(in0, in1)", ((2, 3, 6), (2, 6, 4))),
            Sample("more batches", "out0 = MatMul(in0, in1)", ((2, 5, 3, 6), (2, 5, 6, 4))),
        ),
    ),
)  # fmt: skip
