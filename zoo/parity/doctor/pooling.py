"""Pooling: how many windows, what an average is divided by, what lies outside, which kind."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.parity.doctor.case import Case, Change, Hypothesis, Node, edited
from zoo.parity.graphs.graph import Graph, attributes, change, numbers


def families(case: Case) -> Iterator[Hypothesis]:
    """What can differ between two poolings of one size; ceil and floor where the size differs."""
    for node in case.nodes("MaxPool", "AveragePool"):
        yield from _pool(case, node)
    for node in case.nodes("GlobalAveragePool", "GlobalMaxPool"):
        other = {"GlobalAveragePool": "GlobalMaxPool", "GlobalMaxPool": "GlobalAveragePool"}[node.op_type]
        said = f"{node.output[0]} is {other} instead of {node.op_type}"
        yield Hypothesis("kind of pooling", said, edited(case, node, _renamed(other)))


def _pool(case: Case, node: Node) -> Iterator[Hypothesis]:
    who, held = node.output[0], attributes(node)
    if node.op_type == "AveragePool":
        yield from _average(case, node)
    ceil = int(bool(held.get("ceil_mode", 0)))
    said = f"{who} rounds its size {'down' if ceil else 'up'} instead of {'up' if ceil else 'down'}"
    yield Hypothesis("ceil or floor pooling", said, edited(case, node, _set(ceil_mode=1 - ceil)))
    other = {"MaxPool": "AveragePool", "AveragePool": "MaxPool"}[node.op_type]
    for include in (0, 1) if other == "AveragePool" else (None,):
        exchanged = edited(case, node, _renamed(other, count_include_pad=include))
        yield Hypothesis("kind of pooling", f"{who} is {other} instead of {node.op_type}", exchanged)
    if node.op_type == "MaxPool" and any(numbers(node, "pads")):
        said = f"the padding of {who} is 0 instead of minus infinity"
        yield Hypothesis("pad value", said, edited(case, node, _zero_outside))
    for less in (1, -1):
        sizes = [size - less for size in numbers(node, "kernel_shape")]
        if min(sizes) > 0:
            said = f"the window of {who} is {sizes} instead of {numbers(node, 'kernel_shape')}"
            yield Hypothesis("pooling window", said, edited(case, node, _window(sizes, less)))


def _average(case: Case, node: Node) -> Iterator[Hypothesis]:
    who = node.output[0]
    counted = int(bool(attributes(node).get("count_include_pad", 0)))
    said = f"the divisor of {who} {'leaves the padding out' if counted else 'counts the padding'}"
    yield Hypothesis("count_include_pad", said, edited(case, node, _set(count_include_pad=1 - counted)))
    said = f"the divisor of {who} counts what hangs over the edge"
    yield Hypothesis("count_include_pad", said, edited(case, node, _overhang(case)))
    size = int(np.prod(numbers(node, "kernel_shape")))

    def undivided(graph: Graph, copy: Node) -> None:
        graph.after(copy.output[0], "Mul", graph.store(np.array(size, np.float32), "size"))

    yield Hypothesis("scale factor", f"{who} is a sum: not divided by {size}", edited(case, node, undivided))


def _overhang(case: Case) -> Change:
    """Floor mode with the end padded so far that the last window is whole, and all of it counted."""

    def apply(graph: Graph, node: Node) -> None:
        kernel, strides, pads = (numbers(node, name) for name in ("kernel_shape", "strides", "pads"))
        fed = case.fed.get(node.input[0])
        if fed is None or node.output[0] != case.value:
            return
        pads = pads or [0] * (2 * len(kernel))
        strides = strides or [1] * len(kernel)
        need = [
            (case.exact.shape[2 + axis] - 1) * strides[axis] + kernel[axis] - fed.shape[2 + axis] - pads[axis]
            for axis in range(len(kernel))
        ]
        change(node, ceil_mode=0, count_include_pad=1, pads=[*pads[: len(kernel)], *(max(0, n) for n in need)])

    return apply


def _set(**values: object) -> Change:
    return lambda _graph, node: change(node, **values)


def _renamed(op: str, **values: object) -> Change:
    def apply(_graph: Graph, node: Node) -> None:
        node.op_type = op
        change(node, **{"count_include_pad": None, "storage_order": None, "dilations": None, **values})

    return apply


def _zero_outside(graph: Graph, node: Node) -> None:
    pads = numbers(node, "pads")
    axes = len(pads) // 2
    around = np.array([0, 0, *pads[:axes], 0, 0, *pads[axes:]])
    graph.before(node, 0, "Pad", graph.store(around, "around"))
    change(node, pads=[0] * len(pads))


def _window(sizes: list[int], less: int) -> Change:
    """The end padded less by what the window loses, so that the shape stays."""

    def apply(_graph: Graph, node: Node) -> None:
        pads = numbers(node, "pads") or [0] * (2 * len(sizes))
        begin = [min(pad, size - 1) for pad, size in zip(pads[: len(sizes)], sizes, strict=True)]
        change(node, kernel_shape=sizes, pads=[*begin, *(max(0, pad - less) for pad in pads[len(sizes) :])])

    return apply
