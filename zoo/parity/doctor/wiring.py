"""Layers wired otherwise: order of inputs, a coefficient, a lost branch, another operation, a slice one off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from zoo.parity.doctor.case import Array, Case, Change, Doubles, Hypothesis, Node, doubles, edited
from zoo.parity.graphs.graph import Graph, attributes, change

_PAIRS = ("Add", "Sub", "Mul", "Max", "Min", "Div")
_REDUCTIONS = ("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceMean", "ReduceSum", "ReduceMax")
_MANY = 4  # inputs whose every order is tried; of more, the reverse and the neighbours' exchanges


def families(case: Case) -> Iterator[Hypothesis]:
    """How several inputs become one value."""
    for node in case.nodes("Concat"):
        for order in _orders(len(node.input)):
            said = f"{node.output[0]} joins its inputs in the order {', '.join(node.input[i] for i in order)}"
            yield Hypothesis("order of inputs", said, edited(case, node, _ordered(order)))
        for axis in range(case.got.ndim):
            if axis != attributes(node).get("axis"):
                said = f"{node.output[0]} joins its inputs along axis {axis}"
                yield Hypothesis("axis of a concatenation", said, edited(case, node, _along(axis)))
    for node in case.nodes(*_PAIRS, "Sum"):
        yield from _pair(case, node)
    for node in case.nodes("Slice"):
        yield from _slice(case, node)
    yield from _reduced(case)
    for node in case.nodes():
        if node.op_type not in {"Softmax", "Dropout", "Identity"}:
            yield from _left_out(case, node)


def _along(axis: int) -> Change:
    return lambda _graph, node: change(node, axis=axis)


def _pair(case: Case, node: Node) -> Iterator[Hypothesis]:
    who = node.output[0]
    if len(node.input) != 2 or any(case.reference.is_weight(name) for name in node.input):
        return
    for op in _PAIRS:
        if op != node.op_type:
            said = f"{who} is {op} instead of {node.op_type}"
            yield Hypothesis("kind of elementwise operation", said, edited(case, node, _renamed(op)))
    for kept, lost in ((0, 1), (1, 0)):
        said = f"{node.input[lost]} does not reach {who}"
        yield Hypothesis("lost branch", said, edited(case, node, _only(kept)))
    arrays = [case.fed.get(name) for name in node.input]
    if node.op_type != "Add" or who != case.value or any(a is None or a.shape != case.got.shape for a in arrays):
        return
    factors = _coefficients([doubles(array) for array in arrays if array is not None], doubles(case.got))
    said = f"{who} = " + " + ".join(f"{f:.4g} {name}" for f, name in zip(factors, node.input, strict=True))
    yield Hypothesis("coefficient of a sum", said, edited(case, node, _weighted(factors)))


def _coefficients(arrays: list[Doubles], got: Doubles) -> Doubles:
    basis = np.stack([array.ravel() for array in arrays], axis=1)
    return np.asarray(np.linalg.lstsq(basis, got.ravel(), rcond=None)[0], np.float64)


def _left_out(case: Case, node: Node) -> Iterator[Hypothesis]:
    """The first input passed on as it is, where that has the shape of the result."""
    fed = case.fed.get(node.input[0]) if node.input else None
    if fed is not None and fed.shape == case.got.shape and node.output[0] == case.value and len(case.nodes()) == 1:
        said = f"{node.output[0]} is passed on without {node.op_type}"
        yield Hypothesis("layer left out", said, edited(case, node, lambda graph, copy: graph.bypass(copy)))


def _slice(case: Case, node: Node) -> Iterator[Hypothesis]:
    starts, ends = (case.reference.operand(node, index) for index in (1, 2))
    if starts is None or ends is None:
        return
    for step in (-1, 1):
        for places in [*([place] for place in range(starts.size)), list(range(starts.size))]:
            moved = [array.astype(np.int64) for array in (starts, ends)]
            for array in moved:
                array[places] += step
            if moved[0].min() >= 0:
                said = f"{node.output[0]} begins at {moved[0].tolist()} instead of {starts.tolist()}"
                yield Hypothesis("slice offset", said, edited(case, node, _moved(moved)))


def _reduced(case: Case) -> Iterator[Hypothesis]:
    """Another reduction, another element taken."""
    for node in case.nodes(*_REDUCTIONS):
        for op in _REDUCTIONS:
            if op != node.op_type:
                said = f"{node.output[0]} is {op} instead of {node.op_type}"
                yield Hypothesis("kind of reduction", said, edited(case, node, _renamed(op)))
    for node in case.nodes("Gather"):
        for index in (0, -1, 1):
            said = f"{node.output[0]} takes the element {index}"
            yield Hypothesis("step of the sequence", said, edited(case, node, _index(index)))


def _orders(count: int) -> Iterator[tuple[int, ...]]:
    plain = tuple(range(count))
    if count <= _MANY:
        yield from (order for order in permutations(plain) if order != plain)
    else:
        yield plain[::-1]


def _ordered(order: tuple[int, ...]) -> Change:
    def apply(_graph: Graph, node: Node) -> None:
        names = list(node.input)
        del node.input[:]
        node.input.extend(names[place] for place in order)

    return apply


def _renamed(op: str) -> Change:
    def apply(_graph: Graph, node: Node) -> None:
        node.op_type = op

    return apply


def _only(kept: int) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        name = node.input[kept]
        graph.bypass(node)
        node.input[0] = name

    return apply


def _weighted(factors: Doubles) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        for index, factor in enumerate(factors):
            graph.before(node, index, "Mul", graph.store(np.array(factor, np.float32), "factor"))

    return apply


def _moved(arrays: Sequence[Array]) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        for index, array in enumerate(arrays, 1):
            graph.give(node, index, array)

    return apply


def _index(index: int) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        old = graph.operand(node, 1)
        if old is not None:
            graph.give(node, 1, np.full_like(old, index))

    return apply
