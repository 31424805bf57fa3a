"""Matrix products with a stored matrix: InnerProduct, the matrix as it is stored (`transpose` says how it lies)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.weights import ComputedWeight, Weight, reshaped


def gemm(match: Match, view: View) -> Sequence[Layer]:
    """Writes Gemm as InnerProduct; alpha and beta go into the numbers."""
    return [_gemm(match, view, 0, 1)]


def flatten_gemm(match: Match, view: View) -> Sequence[Layer]:
    """Writes Flatten or Reshape before Gemm as the InnerProduct's own flattening."""
    return [_gemm(match, view, 1, _flattened(match, view))]


def flatten_gemm_reshape(match: Match, view: View) -> Sequence[Layer]:
    """Writes Flatten, Gemm and Reshape as an InnerProduct from an axis on that keeps the dimensions before it."""
    data = match.inputs[0]
    axis = view.rank(match.output) - 1
    view.integers(match.operand(1, 2), "shape")
    leading = view.sizes(data)[:axis]
    if view.sizes(match.output)[:axis] != leading or _flatten_axis(match, view) != axis:
        raise Declined("the dimensions before the product are not those behind it")
    return [_gemm(match, view, 1, axis)]


def mat_mul(match: Match, view: View) -> Sequence[Layer]:
    """Writes MatMul with a stored matrix as InnerProduct over the last axis."""
    return [_mat_mul(match, view, 0, None, view.rank(match.nodes[0].outputs[0]) - 1)]


def mat_mul_add(match: Match, view: View) -> Sequence[Layer]:
    """Writes MatMul and the addition of a stored vector as InnerProduct."""
    return [_mat_mul(match, view, 0, _vector(match, view, 1), view.rank(match.output) - 1)]


def flatten_mat_mul_add(match: Match, view: View) -> Sequence[Layer]:
    """Writes Flatten or Reshape, MatMul and Add as InnerProduct."""
    return [_mat_mul(match, view, 1, _vector(match, view, 2), _flattened(match, view))]


def transpose_flatten_gemm(match: Match, view: View) -> Sequence[Layer]:
    """Writes Transpose, Flatten and Gemm as InnerProduct; the matrix takes the order of the channels, not the data."""
    layer = _gemm(match, view, 2, _flattened(match, view, 1))
    return [_reordered(match, view, layer)]


def transpose_flatten_mat_mul_add(match: Match, view: View) -> Sequence[Layer]:
    """Writes Transpose, Flatten, MatMul and Add as InnerProduct, the matrix reordered."""
    layer = _mat_mul(match, view, 2, _vector(match, view, 3), _flattened(match, view, 1))
    return [_reordered(match, view, layer)]


def _reordered(match: Match, view: View, layer: Layer) -> Layer:
    """The layer for data that is not transposed: the matrix's inputs in the data's own order."""
    sizes = view.sizes(match.inputs[0])
    order = match.attrs[0].integers("perm") or tuple(reversed(range(len(sizes))))
    if order[0] != 0:
        raise Declined(f"it moves the batch: {list(order)}")
    matrix, inner = layer.weights[0], [axis - 1 for axis in order[1:]]
    moved = [sizes[axis] for axis in order[1:]]
    transposed = layer.attrs.get("transpose") is True

    def compute() -> np.ndarray:
        rows = matrix.array().T if transposed else matrix.array()
        found = rows.reshape(-1, *moved).transpose(0, *(1 + np.argsort(inner))).reshape(rows.shape)
        return found.T if transposed else found

    return replace(layer, weights={**layer.weights, 0: ComputedWeight(matrix.shape, matrix.dtype, compute)})


def _flattened(match: Match, view: View, at: int = 0) -> int:
    """The axis from which node `at` flattens; InnerProduct can flatten from axis 1 on and keep the batch."""
    data, rows = match.operand(0, at), match.nodes[at].outputs[0]
    assert data is not None
    if match.nodes[at].op_type == "Flatten":
        axis = match.attrs[at].integer("axis") % (view.rank(data) + 1)
    else:
        _ = match.attrs[at].flag("allowzero"), view.integers(match.operand(1, at), "shape")
        axis = 1
    if axis != 1 or view.rank(data) < 2 or view.rank(rows) != 2 or view.sizes(data)[0] != view.sizes(rows)[0]:
        raise Declined("it does not flatten all dimensions behind the first")
    return 1


def _flatten_axis(match: Match, view: View) -> int:
    return match.attrs[0].integer("axis") % (view.rank(match.inputs[0]) + 1)


def _gemm(match: Match, view: View, at: int, axis: int) -> Layer:
    attrs = match.attrs[at]
    if attrs.flag("transA"):
        raise Declined("it transposes its input; Caffe multiplies rows")
    if at == 0 and match.operand(0) is not match.inputs[0]:
        raise Declined("its first factor is stored and its second is computed")
    matrix = _scaled(view.weight(match.operand(1, at), "matrix"), attrs.number("alpha"))
    out = matrix.shape[0] if attrs.flag("transB") else matrix.shape[1]
    bias = _bias(match, view, match.operand(2, at), out, attrs.number("beta"))
    return _layer(match, matrix, bias, axis, transposed=not attrs.flag("transB"))


def _bias(match: Match, view: View, value: ir.Value | None, out: int, beta: float) -> Weight | None:
    if value is None:
        return None
    bias = view.weight(value, "third operand")
    if bias.shape in ((out,), (1, out)):
        return _scaled(reshaped(bias, (out,)), beta)
    if bias.shape in ((), (1,), (1, 1)):
        return ComputedWeight((out,), bias.dtype, lambda: np.full(out, bias.array().reshape(-1)[0] * np.float32(beta)))
    raise Declined(f"its third operand {list(bias.shape)} is no vector of {out} numbers")


def _mat_mul(match: Match, view: View, at: int, bias: Weight | None, axis: int) -> Layer:
    left, right = match.operand(0, at), match.operand(1, at)
    if not view.is_constant(right) or view.is_constant(left):
        raise Declined("Caffe multiplies by a stored matrix from the right only")
    matrix = view.weight(right, "matrix")
    if len(matrix.shape) != 2 or (at == 0 and view.rank(match.inputs[0]) < 2):
        raise Declined(f"its matrix has {len(matrix.shape)} dimensions; Caffe's has 2")
    return _layer(match, matrix, bias, axis, transposed=True)


def _vector(match: Match, view: View, at: int) -> Weight:
    if len(match.inputs) > 1:
        raise Declined("what it adds is computed by the network")
    vector = view.channels(match.output, match.other(at), view.rank(match.output) - 1)
    if vector is None:
        raise Declined("what it adds is no vector along the last axis")
    return vector


def _layer(match: Match, matrix: Weight, bias: Weight | None, axis: int, *, transposed: bool) -> Layer:
    fields: dict[str, object] = {"num_output": matrix.shape[1] if transposed else matrix.shape[0]}
    fields |= {} if bias is not None else {"bias_term": False}
    fields |= {} if axis == 1 else {"axis": axis}
    fields |= {"transpose": True} if transposed else {}
    weights = {0: matrix} | ({} if bias is None else {1: bias})
    return match.layer("InnerProduct", fields, weights, inputs=match.inputs[:1])


def _scaled(weight: Weight, factor: float) -> Weight:
    if factor == 1:
        return weight
    return ComputedWeight(weight.shape, weight.dtype, lambda: weight.array() * np.float32(factor))


GEMM = (
    Sample("as Caffe stores it", "out0 = Gemm<transB = 1>(in0, w0, w1)", ((2, 6),), ((5, 6), (5,))),
    Sample("transposed, without bias", "out0 = Gemm(in0, w0)", ((2, 6),), ((6, 5),)),
    Sample(
        "alpha and beta", "out0 = Gemm<transB = 1, alpha = 0.5, beta = 2.0>(in0, w0, w1)", ((2, 6),), ((5, 6), (1, 5))
    ),
    Sample("one number for all", "out0 = Gemm<transB = 1>(in0, w0, w1)", ((2, 6),), ((5, 6), (1,))),
)
_MATRIX = ((24, 5), (5,))
_PRODUCT = "b = MatMul(a, w0)\nout0 = Add(b, w1)"
_NHWC = "Transpose<perm = [0, 2, 3, 1]>(in0)"
_RESHAPE_T = "s = Constant<value_ints = [0, -1]>()\na = Reshape(t, s)\n"
_RESHAPE = "s = Constant<value_ints = [0, -1]>()\na = Reshape(in0, s)\n"

WRITE = (
    Write(gemm, ("Gemm",), samples=GEMM),
    Write(flatten_gemm, ("Flatten", "Gemm"), samples=(
        Sample("image", "a = Flatten(in0)\nout0 = Gemm(a, w0, w1)", ((2, 3, 4, 2),), _MATRIX),
    )),
    Write(flatten_gemm, ("Reshape", "Gemm"), samples=(
        Sample("image", f"{_RESHAPE}out0 = Gemm(a, w0, w1)", ((2, 3, 4, 2),), _MATRIX),
    )),
    Write(transpose_flatten_gemm, ("Transpose", "Flatten", "Gemm"), samples=(
        Sample("image", f"t = {_NHWC}\na = Flatten(t)\nout0 = Gemm(a, w0, w1)", ((2, 3, 4, 2),), _MATRIX),
    )),
    Write(transpose_flatten_gemm, ("Transpose", "Reshape", "Gemm"), samples=(
        Sample(
            "image", f"t = {_NHWC}\n{_RESHAPE_T}out0 = Gemm<transB = 1>(a, w0, w1)", ((2, 3, 4, 2),), ((5, 24), (5,))
        ),
    )),
    Write(transpose_flatten_mat_mul_add, ("Transpose", "Flatten", "MatMul", "Add"), samples=(
        Sample("image", f"t = {_NHWC}\na = Flatten(t)\n{_PRODUCT}", ((2, 3, 4, 2),), _MATRIX),
    )),
    Write(transpose_flatten_mat_mul_add, ("Transpose", "Reshape", "MatMul", "Add"), samples=(
        Sample("image", f"t = {_NHWC}\n{_RESHAPE_T}{_PRODUCT}", ((2, 3, 4, 2),), _MATRIX),
    )),
    Write(flatten_gemm_reshape, ("Flatten", "Gemm", "Reshape"), neutral=("allowzero",), samples=(
        Sample(
            "axis 2",
            "a = Flatten<axis = 2>(in0)\nb = Gemm<transB = 1>(a, w0, w1)\n"
            "s = Constant<value_ints = [-1, 3, 4]>()\nout0 = Reshape(b, s)",
            ((2, 3, 5, 2),), ((4, 10), (4,)),
        ),
    )),
    Write(mat_mul, ("MatMul",), samples=(
        Sample("vectors", "out0 = MatMul(in0, w0)", ((2, 6),), ((6, 5),)),
        Sample("last axis", "out0 = MatMul(in0, w0)", ((2, 3, 6),), ((6, 5),)),
    )),
    Write(mat_mul_add, ("MatMul", "Add"), samples=(
        Sample("vectors", "a = MatMul(in0, w0)\nout0 = Add(a, w1)", ((2, 6),), ((6, 5), (5,))),
        Sample("last axis, added in front", "a = MatMul(in0, w0)\nout0 = Add(w1, a)", ((2, 3, 6),), ((6, 5), (1, 5))),
    )),
    Write(flatten_mat_mul_add, ("Flatten", "MatMul", "Add"), samples=(
        Sample("image", "a = Flatten(in0)\nb = MatMul(a, w0)\nout0 = Add(b, w1)", ((2, 3, 4, 2),), _MATRIX),
    )),
    Write(flatten_mat_mul_add, ("Reshape", "MatMul", "Add"), samples=(
        Sample("image", f"{_RESHAPE}b = MatMul(a, w0)\nout0 = Add(b, w1)", ((2, 3, 4, 2),), _MATRIX),
    )),
)  # fmt: skip
