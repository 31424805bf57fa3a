"""The order in which an image becomes a row, and the order of axes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.parity.doctor.case import Case, Change, Hypothesis, Node, edited
from zoo.parity.graphs.graph import Graph, change, numbers


def families(case: Case) -> Iterator[Hypothesis]:
    """Rows that count H x W x C where the reference counts C x H x W; another permutation, or none."""
    for node in case.nodes("Flatten", "Reshape"):
        fed = case.fed.get(node.input[0])
        if fed is not None and fed.ndim == 4:
            said = f"{node.output[0]} counts H x W x C instead of C x H x W"
            yield Hypothesis("channels-last fully-connected weights", said, edited(case, node, _last))
    for node in case.nodes("Transpose"):
        if node.output[0] == case.value:
            yield from _permuted(case, node)


def _permuted(case: Case, node: Node) -> Iterator[Hypothesis]:
    perm = numbers(node, "perm")
    for one in range(1, len(perm)):
        for other in range(one + 1, len(perm)):
            wrong = list(perm)
            wrong[one], wrong[other] = wrong[other], wrong[one]
            said = f"{case.value} has its axes in the order {wrong} instead of {perm}"
            yield Hypothesis("order of axes", said, edited(case, node, _order(wrong, case.exact.shape)))
    said = f"{case.value} is not permuted at all"
    yield Hypothesis("order of axes", said, edited(case, node, _unmoved(case.exact.shape)))


def _last(graph: Graph, node: Node) -> None:
    graph.before(node, 0, "Transpose", perm=[0, 2, 3, 1])


def _order(perm: list[int], shape: tuple[int, ...]) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        change(node, perm=perm)
        graph.after(node.output[0], "Reshape", graph.store(np.array(shape), "shape"))

    return apply


def _unmoved(shape: tuple[int, ...]) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        value = node.output[0]
        graph.bypass(node)
        graph.after(value, "Reshape", graph.store(np.array(shape), "shape"))

    return apply
