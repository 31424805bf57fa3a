"""A candidate under the reference's names: each value that has a counterpart there bears its name and lies like it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
from onnx import helper

from zoo.parity.graphs.cut import layer
from zoo.parity.graphs.graph import Graph

Axes = tuple[int, ...]
_TURNS: Mapping[int, tuple[Axes, ...]] = {
    3: ((0, 2, 1),),
    4: ((0, 3, 1, 2), (0, 2, 3, 1)),
    5: ((0, 4, 1, 2, 3), (0, 2, 3, 4, 1)),
}
"""Axes by which an array with its channels at the end, or behind the samples, becomes one of the other kind."""


@dataclass(frozen=True, slots=True)
class Label:
    """`own` is the candidate's name for the value that the reference calls `name`.

    `axes` are those by which its array has to be transposed to lie as the reference's; None where it does. `how`: both
    sides compute it by the same node from the same values ("structure"), or the numbers agree ("numbers").
    """

    own: str
    name: str
    axes: Axes | None
    how: Literal["numbers", "structure"]


def turns(shape: Sequence[int], wanted: Sequence[int]) -> Iterator[Axes | None]:
    """The axes by which an array of this shape can be transposed to have the other; None, first, where it has it."""
    if tuple(shape) == tuple(wanted):
        yield None
    for axes in _TURNS.get(len(shape), ()):
        if len(shape) == len(wanted) and tuple(shape[axis] for axis in axes) == tuple(wanted):
            yield axes


def relabelled(candidate: Graph, labels: Sequence[Label], taken: Collection[str]) -> Graph:
    """A copy in which the values of `labels` bear the reference's names; another value with a name of `taken` loses it.

    Outputs, inputs and weights keep their names, and everything computes what it did.
    """
    copy = candidate.copy()
    aside = {name: copy.fresh(f"{name}/own") for name in taken if name in copy.values and name not in copy.outputs}
    _rename(copy, aside)
    kept = {*copy.inputs, *copy.weights, *copy.outputs}
    for label in (label for label in labels if label.name not in kept):
        own = aside.get(label.own, label.own)
        if label.axes is None and own not in copy.outputs and not _captured(copy, own):
            _rename(copy, {own: label.name})
        else:
            _twin(copy, own, label)
    return Graph(copy.model)


def border(graph: Graph, value: str, at: Collection[str]) -> frozenset[str]:
    """What the layer between the values `at` and `value` reads of them, and of the graph's inputs."""
    ports = {*at, *graph.inputs}
    return frozenset(name for node in layer(graph, value, at) for name in node.input if name in ports)


def _rename(graph: Graph, names: dict[str, str]) -> None:
    """In all nodes; inside of graphs that nodes hold, what they read from outside too."""
    for node in graph.model.graph.node:
        _rename_node(node, names)
    for port in graph.model.graph.value_info:
        port.name = names.get(port.name, port.name)


def _rename_node(node: onnx.NodeProto, names: dict[str, str]) -> None:
    for names_of in (node.input, node.output):
        for index, name in enumerate(names_of):
            if name in names:
                names_of[index] = names[name]
    for attribute in node.attribute:
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            own = {name for one in inner.node for name in one.output} | {port.name for port in inner.input}
            left = {old: new for old, new in names.items() if old not in own}
            for one in inner.node:
                _rename_node(one, left)
            for port in inner.output:
                port.name = left.get(port.name, port.name)


def _captured(graph: Graph, name: str) -> bool:
    """Whether a graph inside of a node may read it: renaming is then left to a twin."""
    inner = (attribute for node in graph.nodes for attribute in node.attribute if attribute.HasField("g"))
    return any(name in one.input for attribute in inner for one in attribute.g.node)


def _twin(graph: Graph, own: str, label: Label) -> None:
    """Another value beside `own` that lies as the reference's; whoever read `own` reads it through the twin."""
    nodes = graph.model.graph.node
    place = next(at for at, node in enumerate(nodes) if own in node.output)
    back = graph.fresh(f"{label.name}/back")
    for node in graph.readers(own):
        for index, name in enumerate(node.input):
            if name == own:
                node.input[index] = back
    if label.axes is None:
        steps = [helper.make_node("Identity", [own], [label.name]), helper.make_node("Identity", [label.name], [back])]
    else:
        inverse = [int(axis) for axis in np.argsort(label.axes)]
        steps = [
            helper.make_node("Transpose", [own], [label.name], perm=list(label.axes)),
            helper.make_node("Transpose", [label.name], [back], perm=inverse),
        ]
    for offset, step in enumerate(steps):
        nodes.insert(place + 1 + offset, step)
