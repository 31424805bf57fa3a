"""Activations: left out, clipped, another slope, one slope shared by all channels, another function."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.parity.doctor.case import Case, Change, Hypothesis, Node, doubles, edited, given
from zoo.parity.graphs.graph import Graph, attributes, change

_CURVES = ("Sigmoid", "Tanh", "HardSigmoid", "Relu", "Elu", "Softplus", "Softsign", "HardSwish")


def families(case: Case) -> Iterator[Hypothesis]:
    """What an activation can be mistaken for."""
    for node in case.nodes("Relu", "Clip"):
        yield from _clipped(case, node)
    for node in case.nodes("Relu", "LeakyRelu"):
        yield from _leaky(case, node)
    for node in case.nodes("PRelu"):
        yield from _slopes(case, node)
    for node in case.nodes("Elu"):
        yield from _saturating(case, node)
    for node in case.nodes(*_CURVES):
        for op in _CURVES:
            if op != node.op_type:
                said = f"{node.output[0]} is {op} instead of {node.op_type}"
                yield Hypothesis("kind of activation", said, edited(case, node, _renamed(op)))


def _clipped(case: Case, node: Node) -> Iterator[Hypothesis]:
    who = node.output[0]
    if node.op_type == "Clip":
        yield Hypothesis("clipped activation", f"{who} is not clipped above", edited(case, node, _renamed("Relu")))
        low, high = float(case.got.min(initial=np.inf)), float(case.got.max(initial=-np.inf))
        said = f"the limits of {who} are {low:.6g} and {high:.6g}"
        yield Hypothesis("clipped activation", said, edited(case, node, _limited(low, high)))
        return
    for top in (6.0, 1.0):
        said = f"{who} is clipped at {top:g}"
        yield Hypothesis("clipped activation", said, edited(case, node, _topped(top)))


def _leaky(case: Case, node: Node) -> Iterator[Hypothesis]:
    """The slope is read off the candidate where the reference's input is negative."""
    x = case.fed.get(node.input[0])
    slopes = [0.01, 0.1, 0.2]
    if x is not None and node.output[0] == case.value and x.shape == case.got.shape:
        values = doubles(x)
        below = values[values < 0]
        if below.size:
            slopes.insert(0, float(np.dot(doubles(case.got)[values < 0], below) / np.dot(below, below)))
    old = float(str(attributes(node).get("alpha", 0.01))) if node.op_type == "LeakyRelu" else 0.0
    for slope in slopes:
        if not np.isclose(slope, old, rtol=1e-6) and not np.isclose(slope, 1):
            said = f"the slope of {node.output[0]} below 0 is {slope:.6g} instead of {old:.6g}"
            yield Hypothesis("activation slope", said, edited(case, node, _sloped(slope)))


def _saturating(case: Case, node: Node) -> Iterator[Hypothesis]:
    """An Elu's alpha, read off the candidate where the reference's input is negative."""
    x = case.fed.get(node.input[0])
    if x is None or node.output[0] != case.value or x.shape != case.got.shape:
        return
    values = doubles(x)
    below = np.expm1(values[values < 0])
    if below.any():
        alpha = float(np.dot(doubles(case.got)[values < 0], below) / np.dot(below, below))
        said = f"alpha of {node.output[0]} is {alpha:.6g}"
        yield Hypothesis("activation slope", said, edited(case, node, lambda _graph, copy: change(copy, alpha=alpha)))


def _slopes(case: Case, node: Node) -> Iterator[Hypothesis]:
    slope = case.reference.operand(node, 1)
    if slope is None or slope.size < 2:
        return
    who = node.output[0]
    for said, value in (("the first channel's", slope.flat[0]), ("their mean", slope.mean())):
        shared = given(case, node, 1, np.full_like(slope, value))
        yield Hypothesis("PReLU sharing", f"all channels of {who} share one slope, {said}", shared)
    flipped = given(case, node, 1, slope[::-1])
    yield Hypothesis("channel permutation", f"the slopes of {who} are in the opposite order", flipped)


def _renamed(op: str) -> Change:
    def apply(_graph: Graph, node: Node) -> None:
        node.op_type = op
        del node.input[1:]
        change(node, alpha=None)

    return apply


def _topped(top: float) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        low, high = (graph.store(np.array(value, np.float32), "limit") for value in (0.0, top))
        graph.after(node.output[0], "Clip", low, high)

    return apply


def _limited(low: float, high: float) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        for index, limit in ((1, low), (2, high)):
            graph.give(node, index, np.array(limit, np.float32))

    return apply


def _sloped(slope: float) -> Change:
    def apply(_graph: Graph, node: Node) -> None:
        node.op_type = "LeakyRelu"
        change(node, alpha=slope)

    return apply
