"""Ranks that ONNX's inference loses at a computed shape are carried on, where they follow from the inputs' ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from converters.pytorch.node import Node

Rule = Callable[[Node], int | None]


def _first(node: Node) -> int | None:
    return node.rank(0)


def _largest(node: Node) -> int | None:
    ranks = [node.rank(at) for at in range(node.count) if node.has(at)]
    known = [rank for rank in ranks if rank is not None]
    return max(known) if known and len(known) == len(ranks) else None


def _axes(node: Node) -> int | None:
    """How many axes are named, in an attribute or an input."""
    if "axes" in node.attrs:
        return len(node.attrs.integers("axes"))
    named = node.integers(1) if node.has(1) else None
    return None if named is None else len(named)


def _squeezed(node: Node) -> int | None:
    rank, count = node.rank(0), _axes(node)
    return None if rank is None or not count else rank - count


def _unsqueezed(node: Node) -> int | None:
    rank, count = node.rank(0), _axes(node)
    return None if rank is None or count is None else rank + count


def _gathered(node: Node) -> int | None:
    data, places = node.rank(0), node.rank(1)
    return None if data is None or places is None else data + places - 1


def _product(node: Node) -> int | None:
    one, other = node.rank(0), node.rank(1)
    if one is None or other is None or min(one, other) < 2:
        return None
    return max(one, other)


def _reduced(node: Node) -> int | None:
    return node.rank(0) if node.attrs.flag("keepdims") else None


_FIRST = [
    "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Conv", "ConvTranspose", "Dropout", "Elu",
    "Erf", "Exp", "Gelu", "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "HardSwish", "Identity",
    "InstanceNormalization", "LRN", "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax", "MaxPool", "Neg",
    "PRelu", "Pad", "Reciprocal", "Relu", "Resize", "Sigmoid", "Slice", "Softmax", "Softplus", "Split", "Sqrt",
    "Tanh", "Tile", "Transpose", "Upsample",
]  # fmt: skip
_LARGEST = [
    "Add", "And", "Div", "Equal", "Greater", "Less", "Max", "Mean", "Min", "Mod", "Mul", "Or", "Pow", "Sub",
    "Sum", "Where", "Xor",
]  # fmt: skip
_RULES: Mapping[str, Rule] = MappingProxyType({
    **dict.fromkeys(_FIRST, _first),
    **dict.fromkeys(_LARGEST, _largest),
    **dict.fromkeys(("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceL2"), _reduced),
    "Flatten": lambda _node: 2,
    "Gather": _gathered,
    "MatMul": _product,
    "Squeeze": _squeezed,
    "Unsqueeze": _unsqueezed,
})  # fmt: skip


def settle(node: Node) -> None:
    """Note the rank of the node's outputs, if it is not known yet and follows from its inputs."""
    rule = _RULES.get(node.op)
    rank = rule(node) if rule is not None else None
    if rank is not None:
        node.settle_rank(rank)
