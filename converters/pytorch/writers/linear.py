"""Matrix products."""

from __future__ import annotations

import re

import numpy as np

from converters.pytorch.code import Code, layer_name
from converters.pytorch.held import short
from converters.pytorch.node import Node
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Row
from converters.weights import ComputedWeight, Weight, reshaped


def transposed(weight: Weight) -> Weight:
    """A matrix with rows and columns exchanged, when somebody asks for its numbers."""
    shape = (weight.shape[1], weight.shape[0])
    return ComputedWeight(shape, weight.dtype, lambda: np.ascontiguousarray(weight.array().T))


def _gemm(node: Node, code: Code) -> str:
    alpha, beta = node.attrs.number("alpha"), node.attrs.number("beta")
    flip_a, flip_b = node.attrs.flag("transA"), node.attrs.flag("transB")
    weight = owned(node, 1)
    if weight is not None and not flip_a and alpha == 1 and (beta == 1 or not node.has(2)) and weight.dtype.kind == "f":
        matrix = weight if flip_b else transposed(weight)
        bias = owned(node, 2) if node.has(2) else None
        rows = matrix.shape[0]
        if not node.has(2) or (bias is not None and bias.shape in ((rows,), (1, rows))):
            return f"{linear(node, code, matrix, None if bias is None else reshaped(bias, (rows,)))}({node.inline()})"
    a, b = (f"{node.arg(at)}.t()" if flip else node.arg(at) for at, flip in ((0, flip_a), (1, flip_b)))
    scale = "" if alpha == 1 else f"{_factor(node, alpha)} * "
    text = f"{scale}({a} @ {b})" if scale else f"{a} @ {b}"
    if node.has(2):
        text += f" + {node.arg(2)}" if beta == 1 else f" + {_factor(node, beta)} * {node.arg(2)}"
    return text


def _factor(node: Node, value: float) -> str:
    return str(int(value)) if node.is_integer(0) else short(value)


def linear(node: Node, code: Code, matrix: Weight, bias: Weight | None) -> str:
    """An nn.Linear with these weights; returns `self.<name>`."""
    rows, columns = matrix.shape
    arguments = [columns, rows, *(["bias=False"] if bias is None else [])]
    weights = {"weight": matrix, **({} if bias is None else {"bias": bias})}
    value = node.value(1)
    name = layer_name(node.name, str(value.name if value is not None else ""))
    return code.module(name, "Linear", arguments, weights)


def owned(node: Node, at: int) -> Weight | None:
    """The constant that this node alone reads: it may become part of a submodule."""
    value = node.value(at)
    if value is None or len(value.uses()) != 1 or value.is_graph_output():
        return None
    return node.weight(at)


def _mat_mul(node: Node, code: Code) -> str:
    weight = owned(node, 1)
    if weight is not None and len(weight.shape) == 2 and (node.rank(0) or 0) >= 2 and weight.dtype.kind == "f":
        return f"{linear(node, code, transposed(weight), None)}({node.inline()})"
    return f"torch.matmul({node.arg(0)}, {node.arg(1)})"


def _einsum(node: Node, code: Code) -> str:
    equation = node.attrs.text("equation").replace(" ", "")
    if not re.fullmatch(r"[A-Za-z.,>-]*", equation):
        raise Refused("its equation holds other characters than letters, commas, dots and an arrow")
    return f'torch.einsum("{equation}", {", ".join(node.args())})'


WRITE = {
    "Gemm": Row(_gemm, since=7),
    "MatMul": Row(_mat_mul),
    "Einsum": Row(_einsum),
}
