"""Operators that reduce along axes."""

from __future__ import annotations

from collections.abc import Callable

from converters.pytorch.code import Code
from converters.pytorch.held import Several, listed
from converters.pytorch.node import Node
from converters.pytorch.rows import Row, WriteOp
from converters.pytorch.writers.reshaping import axes


def _dims(node: Node, code: Code) -> str:
    """The axes as a Python list, empty where nothing is reduced."""
    named = axes(node, 1)
    idle = "noop_with_empty_axes" in node.attrs and node.attrs.flag("noop_with_empty_axes")
    if named is None:
        return node.ints(1) if idle else f"{code.function('reduced')}({node.ints(1)}, {node.arg(0)}.dim())"
    if named:
        return listed(named)
    if idle:
        return "[]"
    rank = node.rank(0)
    return listed(range(rank)) if rank is not None else f"list(range({node.arg(0)}.dim()))"


def _keep(node: Node) -> bool:
    return node.attrs.flag("keepdims")


def _sum(node: Node, code: Code, template: str = "{x}", after: str = "{y}") -> str:
    dims, keep = _dims(node, code), _keep(node)
    x = template.format(x=node.arg(0))
    if dims != "[]" and dims.startswith("[") and "self" not in dims and not node.is_integer(0):
        return after.format(y=f"torch.sum({x}, {dims}{', keepdim=True' if keep else ''})")
    return after.format(y=f"{code.function('reduce_sum')}({x}, {dims}, {keep})")


def _summed(template: str, after: str = "{y}") -> WriteOp:
    def write(node: Node, code: Code) -> str:
        return _sum(node, code, template, after)

    return write


def _mean(node: Node, code: Code) -> str:
    dims, keep = _dims(node, code), _keep(node)
    if dims != "[]" and dims.startswith("[") and not node.is_integer(0):
        return f"torch.mean({node.arg(0)}, {dims}{', keepdim=True' if keep else ''})"
    return f"{code.function('reduce_mean')}({node.arg(0)}, {dims}, {keep})"


def _prod(node: Node, code: Code) -> str:
    return f"{code.function('reduce_prod')}({node.arg(0)}, {_dims(node, code)}, {_keep(node)})"


def _extreme(*, largest: bool) -> WriteOp:
    def write(node: Node, code: Code) -> str:
        dims, keep = _dims(node, code), _keep(node)
        sizes = node.sizes(0)
        if sizes is not None and 0 not in sizes and dims.startswith("[") and dims != "[]":
            call = "torch.amax" if largest else "torch.amin"
            return f"{call}({node.arg(0)}, {dims}{', keepdim=True' if keep else ''})"
        return f"{code.function('reduce_extreme')}({node.arg(0)}, {dims}, {keep}, {largest})"

    return write


def _log_sum_exp(node: Node, code: Code) -> str:
    dims = _dims(node, code)
    return f"torch.logsumexp({node.arg(0)}, {dims}, {_keep(node)})"


def _arg(*, largest: bool) -> WriteOp:
    def write(node: Node, code: Code) -> str:
        axis, keep = node.attrs.integer("axis"), _keep(node)
        last = "select_last_index" in node.attrs and node.attrs.flag("select_last_index")
        if not last:
            call = "torch.argmax" if largest else "torch.argmin"
            return f"{call}({node.arg(0)}, {axis}{', keepdim=True' if keep else ''})"
        return f"{code.function('arg_extreme')}({node.arg(0)}, {axis}, {keep}, {largest}, {last})"

    return write


def _top_k(node: Node, code: Code) -> Several:
    k = str(node.attrs.integer("k")) if "k" in node.attrs else node.integer(1)
    largest = "largest" not in node.attrs or node.attrs.flag("largest")
    call = code.function("top_k")
    return Several(f"{call}({node.arg(0)}, {k}, {node.attrs.integer('axis')}, {largest})", 2)


def _cumulative(*, product: bool) -> WriteOp:
    def write(node: Node, code: Code) -> str:
        exclusive, reverse = node.attrs.flag("exclusive"), node.attrs.flag("reverse")
        call = code.function("cumulative")
        return f"{call}({node.arg(0)}, {node.integer(1)}, {exclusive}, {reverse}, {product})"

    return write


def _softmax(call: str) -> WriteOp:
    def write(node: Node, code: Code) -> str:
        return f"{call}({node.inline()}, {node.attrs.integer('axis')})"

    return write


def _flat_softmax(call: str) -> WriteOp:
    """Before version 13 all axes from `axis` on were one."""

    def write(node: Node, code: Code) -> str:
        axis, rank = node.attrs.integer("axis"), node.known_rank(0)
        if axis % rank == rank - 1:
            return f"{call}({node.inline()}, {rank - 1})"
        x = node.arg(0)
        return f"{call}({code.function('flatten')}({x}, {axis}), 1).reshape({x}.shape)"

    return write


def _rows(softmax: str) -> list[Row]:
    return [Row(_flat_softmax(softmax), until=12), Row(_softmax(softmax), since=13)]


def _hardmax(make: Callable[[str], WriteOp]) -> WriteOp:
    def write(node: Node, code: Code) -> str:
        result = make(code.function("hardmax"))(node, code)
        assert isinstance(result, str)
        return result

    return write


def _lp_norm(node: Node, code: Code) -> str:
    axis, p = node.attrs.integer("axis"), node.attrs.integer("p")
    return f"{code.function('lp_normalize')}({node.arg(0)}, {axis}, {p})"


WRITE = {
    "ReduceSum": Row(_summed("{x}")),
    "ReduceL1": Row(_summed("torch.abs({x})")),
    "ReduceL2": Row(_summed("torch.square({x})", "torch.sqrt({y})")),
    "ReduceSumSquare": Row(_summed("torch.square({x})")),
    "ReduceLogSum": Row(_summed("{x}", "torch.log({y})")),
    "ReduceLogSumExp": Row(_log_sum_exp),
    "ReduceMean": Row(_mean),
    "ReduceProd": Row(_prod),
    "ReduceMax": Row(_extreme(largest=True)),
    "ReduceMin": Row(_extreme(largest=False)),
    "ArgMax": Row(_arg(largest=True)),
    "ArgMin": Row(_arg(largest=False)),
    "TopK": Row(_top_k, neutral=("sorted",)),
    "CumSum": Row(_cumulative(product=False)),
    "CumProd": Row(_cumulative(product=True)),
    "Softmax": _rows("F.softmax"),
    "LogSoftmax": _rows("F.log_softmax"),
    "Hardmax": [Row(_hardmax(_flat_softmax), until=12), Row(_hardmax(_softmax), since=13)],
    "LpNormalization": Row(_lp_norm),
}
