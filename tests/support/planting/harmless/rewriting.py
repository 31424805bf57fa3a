"""What rewritings share: one of a node becomes one of the whole graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from planting.fault import Unfit, demand
from zoo.parity.graphs.graph import Graph, change, kinds

Rewriting = Callable[[Graph, np.random.Generator], Graph | None]


def every(*ops: str):
    """Makes a rewriting of a function that rewrites one node; Unfit when no node takes it."""

    def made(rewrite):
        def whole(graph: Graph, rng: np.random.Generator) -> None:
            done = 0
            for node in list(kinds(graph.nodes, *ops)):
                place = graph.producer(node.output[0])
                try:
                    rewrite(graph, place)
                except Unfit:
                    continue
                done += 1
            demand(done > 0)

        return whole

    return made


def fed_by(graph, node):
    """The node that computes the first input, where nobody else reads it."""
    before = graph.producer(node.input[0])
    demand(before is not None and len(graph.readers(node.input[0])) == 1 and node.input[0] not in graph.outputs)
    return before


def absorbed(graph, first, second):
    """`first` gives what `second` gave; `second` goes."""
    value = second.output[0]
    graph.model.graph.node.remove(second)
    first.output[0] = value


def as_op(node, op, *operands, **held):
    """The node computes `op` of its first input and these."""
    node.op_type = op
    del node.input[1:]
    node.input.extend(operands)
    del node.attribute[:]
    change(node, **held)
