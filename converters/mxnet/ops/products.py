"""Products of matrices: dot, batch_dot, linalg_gemm and its kin."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import number, value


def dot(layer: Layer, emit: Emit) -> ir.Value:
    """Reads dot as MatMul: the last axis of the left with the first of the right, or the other ones if transposed."""
    left, right = value(layer, emit, "lhs"), value(layer, emit, "rhs")
    flip_left, flip_right = layer.attrs.flag("transpose_a"), layer.attrs.flag("transpose_b")
    if emit.rank(left) == emit.rank(right) == 1:
        return emit("Reshape", emit("MatMul", left, right), emit.constant([1], "one_element"))
    rows, outer = _rows(emit, left, turned=flip_left)
    columns, inner = _columns(emit, right, turned=flip_right)
    product = emit("MatMul", rows, columns)
    shape = [*outer, *inner]
    return product if len(shape) == emit.rank(product) else emit.unflatten(product, shape)


def _rows(emit: Emit, data: ir.Value, *, turned: bool) -> tuple[ir.Value, tuple[int | str | None, ...]]:
    """A matrix whose last axis is contracted, and the dimensions that its first axis stands for."""
    dims = emit.shape(data)
    if len(dims) == 1:
        return data, ()
    if turned:
        flat = data if len(dims) == 2 else emit.unflatten(data, (dims[0], math.prod(emit.sizes(data, 1))))
        return emit("Transpose", flat, perm=(1, 0)), dims[1:]
    return (data if len(dims) == 2 else emit.unflatten(data, (-1, emit.size(data, len(dims) - 1)))), dims[:-1]


def _columns(emit: Emit, data: ir.Value, *, turned: bool) -> tuple[ir.Value, tuple[int | str | None, ...]]:
    """A matrix whose first axis is contracted, and the dimensions that its last axis stands for."""
    dims = emit.shape(data)
    if len(dims) == 1:
        return data, ()
    if turned:
        flat = data if len(dims) == 2 else emit.unflatten(data, (-1, emit.size(data, len(dims) - 1)))
        return emit("Transpose", flat, perm=(1, 0)), dims[:-1]
    return (data if len(dims) == 2 else emit.unflatten(data, (dims[0], math.prod(emit.sizes(data, 1))))), dims[1:]


def batch_dot(layer: Layer, emit: Emit) -> ir.Value:
    """Reads batch_dot as MatMul of the last two axes."""
    return _product(layer, emit, value(layer, emit, "lhs"), value(layer, emit, "rhs"))


def gemm2(layer: Layer, emit: Emit) -> ir.Value:
    """Reads linalg_gemm2 as alpha * A B."""
    _demand_last_axes(layer, emit)
    product = _product(layer, emit, value(layer, emit, "A"), value(layer, emit, "B"))
    return _scaled(emit, product, layer.attrs.number("alpha"), "alpha")


def gemm(layer: Layer, emit: Emit) -> ir.Value:
    """Reads linalg_gemm as alpha * A B + beta * C."""
    other = _scaled(emit, value(layer, emit, "C"), layer.attrs.number("beta"), "beta")
    return emit("Add", gemm2(layer, emit), other)


def syrk(layer: Layer, emit: Emit) -> ir.Value:
    """Reads linalg_syrk as alpha * A A^T, or A^T A."""
    data = value(layer, emit, "A")
    turned = _turned(emit, data)
    pair = (turned, data) if layer.attrs.flag("transpose") else (data, turned)
    return _scaled(emit, emit("MatMul", *pair), layer.attrs.number("alpha"), "alpha")


def div_sqrt_dim(layer: Layer, emit: Emit) -> ir.Value:
    """Reads div_sqrt_dim: the data over the root of its last dimension."""
    data = value(layer, emit, "data")
    root = math.sqrt(emit.size(data, emit.rank(data) - 1))
    return emit("Div", data, number(emit, data, root, "sqrt_dim"))


def quadratic(layer: Layer, emit: Emit) -> ir.Value:
    """Reads quadratic: a x^2 + b x + c."""
    data, attrs = value(layer, emit, "data"), layer.attrs
    a, b, c = (number(emit, data, attrs.number(name), name) for name in ("a", "b", "c"))
    return emit("Add", emit("Mul", emit("Add", emit("Mul", data, a), b), data), c)


def _product(layer: Layer, emit: Emit, left: ir.Value, right: ir.Value) -> ir.Value:
    left = _turned(emit, left) if layer.attrs.flag("transpose_a") else left
    right = _turned(emit, right) if layer.attrs.flag("transpose_b") else right
    return emit("MatMul", left, right)


def _turned(emit: Emit, data: ir.Value) -> ir.Value:
    order = list(range(emit.rank(data)))
    order[-2:] = order[:-3:-1]
    return emit("Transpose", data, perm=order)


def _scaled(emit: Emit, data: ir.Value, factor: float, role: str) -> ir.Value:
    return data if factor == 1 else emit("Mul", data, number(emit, data, factor, role))


def _demand_last_axes(layer: Layer, emit: Emit) -> None:
    if layer.attrs.integer("axis") != -2:
        emit.refuse(f"matrices along axis {layer.attrs.integer('axis')}; zoo reads those in the last two axes")


_STORAGE = ("forward_stype",)

READ = {
    "dot": Read(
        dot,
        neutral=_STORAGE,
        samples=(
            Sample("matrices", "{}", ((2, 4), (4, 5)), formula=lambda x, _: x[0] @ x[1]),
            Sample("transposed", '{"transpose_b": "True"}', ((2, 4), (5, 4)), formula=lambda x, _: x[0] @ x[1].T),
            Sample("tensors", "{}", ((2, 3, 4), (4, 5, 6)), formula=lambda x, _: np.tensordot(x[0], x[1], 1)),
            Sample("stored", "{}", ((2, 4),), ((4, 5),)),
            Sample("both transposed", '{"transpose_a": "1", "transpose_b": "1"}', (),
                   draw=lambda rng, _: [rng.uniform(-2, 2, (7, 3)), rng.uniform(-2, 2, (5, 7))]),
        ),
    ),
    "batch_dot": Read(
        batch_dot,
        neutral=_STORAGE,
        samples=(
            Sample("plain", "{}", ((2, 3, 4), (2, 4, 5))),
            Sample("transposed", '{"transpose_a": "True", "transpose_b": "1"}', ((2, 4, 3), (2, 5, 4))),
        ),
    ),
    "_linalg_gemm2": Read(
        gemm2, samples=(Sample("scaled", '{"transpose_b": "1", "alpha": "0.5"}', ((2, 3, 4), (2, 5, 4))),)
    ),
    "_linalg_gemm": Read(
        gemm,
        samples=(Sample("scaled", '{"alpha": "0.5", "beta": "2"}', ((2, 3, 4), (2, 4, 5), (2, 3, 5))),),
    ),
    "_linalg_syrk": Read(
        syrk,
        samples=(
            Sample("rows", '{"alpha": "2"}', ((2, 3, 4),)),
            Sample("columns", '{"transpose": "1"}', ((2, 3, 4),)),
        ),
    ),
    "_contrib_div_sqrt_dim": Read(div_sqrt_dim, samples=(Sample("plain", "{}", ((2, 3, 5),)),)),
    "_contrib_quadratic": Read(quadratic, samples=(Sample("all", '{"a": "2", "b": "-1", "c": "0.5"}', ((2, 3),)),)),
}  # fmt: skip
