"""Local response normalisation: what alpha is divided by, the window, the exponent, the constant, the region."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.parity.doctor.case import Case, Change, Hypothesis, Node, edited
from zoo.parity.graphs.graph import Graph, attributes, change


def families(case: Case) -> Iterator[Hypothesis]:
    """The parameters that frameworks define differently."""
    for node in case.nodes("LRN"):
        held = attributes(node)
        size = int(str(held["size"]))
        alpha, beta, k = (
            float(str(held.get(name, default))) for name, default in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
        )
        who = node.output[0]
        for said, value in (("divided by n", alpha / size), ("multiplied by n", alpha * size)):
            yield Hypothesis("LRN alpha", f"alpha of {who} is {said}", edited(case, node, _set(alpha=value)))
        for other in (size - 2, size - 1, size + 1, size + 2, 2 * size + 1):
            if other > 0:
                said = f"the window of {who} is {other} instead of {size}"
                yield Hypothesis("LRN size", said, edited(case, node, _set(size=other)))
                same = edited(case, node, _set(size=other, alpha=alpha * other / size))
                yield Hypothesis("LRN size", f"{said}, alpha / n as before", same)
        for value in (0.5, 0.75, 1.0):
            if value != beta:
                said = f"beta of {who} is {value:g} instead of {beta:g}"
                yield Hypothesis("LRN beta", said, edited(case, node, _set(beta=value)))
        for value in (1.0, 2.0, 2 * k):
            if value != k:
                said = f"k of {who} is {value:g} instead of {k:g}"
                yield Hypothesis("LRN k", said, edited(case, node, _set(bias=value)))
        said = f"the window of {who} lies within the channel"
        yield Hypothesis("LRN region", said, edited(case, node, _within(size, alpha, beta, k)))


def _set(**values: object) -> Change:
    return lambda _graph, node: change(node, **values)


def _within(size: int, alpha: float, beta: float, k: float) -> Change:
    """X / (k + alpha x mean of x^2 over size x size) ^ beta."""

    def apply(graph: Graph, node: Node) -> None:
        source = node.input[0]
        graph.before(node, 0, "Mul", source)
        window = {"kernel_shape": [size] * 2, "pads": [size // 2] * 4, "strides": [1, 1], "count_include_pad": 1}
        graph.before(node, 0, "AveragePool", **window)
        for op, number in (("Mul", alpha), ("Add", k), ("Pow", beta)):
            last = graph.before(node, 0, op, graph.store(np.array(number, np.float32), op))
        node.op_type = "Div"
        del node.attribute[:]
        del node.input[:]
        node.input.extend([source, last.output[0]])

    return apply
