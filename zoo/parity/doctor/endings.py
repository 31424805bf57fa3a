"""The end of a network: softmax missing, applied twice, over another axis, its logarithm."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.parity.doctor.case import Case, Change, Hypothesis, Node, edited
from zoo.parity.graphs.graph import Graph, attributes, change


def families(case: Case) -> Iterator[Hypothesis]:
    """A softmax that is not there, there twice, or of another kind; and one where the reference has none."""
    for node in case.nodes("Softmax"):
        who, axis = node.output[0], int(str(attributes(node).get("axis", -1)))
        yield Hypothesis("softmax missing", f"{who} is what goes into the softmax", edited(case, node, _bypassed))
        twice = edited(case, node, _again(axis))
        yield Hypothesis("softmax twice", f"{who} went through the softmax twice", twice)
        yield Hypothesis(
            "log softmax", f"{who} is the logarithm of the softmax", edited(case, node, _named("LogSoftmax"))
        )
        for other in range(case.exact.ndim):
            if other != axis % case.exact.ndim:
                said = f"the softmax {who} runs over axis {other} instead of {axis % case.exact.ndim}"
                yield Hypothesis("softmax axis", said, edited(case, node, _set(axis=other)))
    if case.ends and not case.nodes("Softmax"):
        added = case.reference.copy()
        added.after(case.value, "Softmax", axis=1 if case.exact.ndim > 1 else 0)
        yield Hypothesis("softmax twice", f"{case.value} went through a softmax that the reference lacks", added)


def _bypassed(graph: Graph, node: Node) -> None:
    graph.bypass(node)


def _again(axis: int) -> Change:
    return lambda graph, node: graph.after(node.output[0], "Softmax", axis=axis)


def _named(op: str) -> Change:
    def apply(_graph: Graph, node: Node) -> None:
        node.op_type = op

    return apply


def _set(**values: object) -> Change:
    return lambda _graph, node: change(node, **values)
