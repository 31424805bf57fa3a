"""What a kind of fault is: where it can be planted, how, and what the doctor ought to call it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from zoo.parity.graphs.graph import Graph

Node = onnx.NodeProto


class Unfit(Exception):
    """The fault cannot be planted here, or would change nothing."""


@dataclass(frozen=True)
class Fault:
    """`cause` is the doctor's name for it; `pitfall` the row of the list of users' reports that it comes from."""

    name: str
    cause: str
    sites: Callable[[Graph], Sequence[Node]]
    plant: Callable[[Graph, Node, np.random.Generator], None]
    pitfall: str = ""


def of(*ops: str, where: Callable[[Graph, Node], bool] = lambda _graph, _node: True):
    """The nodes of these operators for which `where` holds."""
    return lambda graph: [node for node in graph.nodes if node.op_type in ops and where(graph, node)]


def weighted(*ops: str, where: Callable[[Graph, Node], bool] = lambda _graph, _node: True):
    """The same, with a stored tensor at position 1."""
    return of(*ops, where=lambda graph, node: graph.operand(node, 1) is not None and where(graph, node))


def first(graph: Graph) -> list[Node]:
    """The node that reads the first input: where a fault of the preprocessing is planted."""
    return graph.readers(graph.inputs[0])[:1]


def demand(fits: bool) -> None:
    """Raises Unfit."""
    if not fits:
        raise Unfit


def swap(graph: Graph, node: Node, index: int, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Let the node read its stored tensor changed; Unfit when that is the same tensor."""
    old = graph.operand(node, index)
    demand(old is not None)
    new = np.asarray(change(old.copy()), old.dtype)
    demand(new.shape == old.shape and not np.array_equal(new, old))
    graph.give(node, index, new)


def edit(index: int, change: Callable[[np.ndarray, np.random.Generator], np.ndarray]):
    """A plant function that changes one stored tensor."""
    return lambda graph, node, rng: swap(graph, node, index, lambda array: change(array, rng))
