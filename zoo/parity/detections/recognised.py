"""Which outputs of an ONNX graph are sets: what comes out of a NonMaxSuppression, and the places of largest values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import onnx_ir as ir

from zoo.parity.detections.parts import Parts, joined
from zoo.parity.detections.together import together
from zoo.parity.graphs.reading import graph_of

Kind = Literal["rows", "picks", "places"]
_PASSES_ON = frozenset({"Identity", "Cast"})
_PLACES = frozenset({"ArgMax", "ArgMin", "TopK"})
_SUPPRESSION = "NonMaxSuppression"


@dataclass(frozen=True, slots=True)
class Sets:
    """Outputs by kind.

    rows    floats computed from a NonMaxSuppression: detections, where their columns are those of a known layout
    picks   the triples (image, class, box) of a NonMaxSuppression itself
    places  output -> (value, axis) of an ArgMax, ArgMin or TopK: places along that axis of the value
    parts   boxes, scores and labels in outputs of their own, which are none of the others then
    """

    rows: tuple[str, ...] = ()
    picks: tuple[str, ...] = ()
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    parts: tuple[Parts, ...] = ()


def recognised(model: Path) -> Sets:
    """The sets among the outputs of an ONNX file."""
    graph = graph_of(model)
    stored = {str(name) for name in graph.initializers}
    group = together(graph.outputs, _choices)
    apart = set() if group is None else set(group.names)
    rows, picks, places = list[str](), list[str](), dict[str, tuple[str, int]]()
    for output in graph.outputs:
        name, maker = str(output.name), _maker(output)
        if maker is None or name in apart:
            continue
        if maker.op_type == _SUPPRESSION:
            picks.append(name)
        elif maker.op_type in _PLACES:
            place = _place(maker, output, stored)
            places |= {name: place} if place else {}
        elif output.dtype is not None and output.dtype.is_floating_point() and _suppressed(output):
            rows.append(name)
    parts = joined([] if group is None else [group], [str(output.name) for output in graph.outputs])
    return Sets(tuple(rows), tuple(picks), places, parts)


def _maker(output: ir.Value) -> ir.Node | None:
    node = output.producer()
    while node is not None and node.op_type in _PASSES_ON and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    return node


def _place(node: ir.Node, output: ir.Value, stored: set[str]) -> tuple[str, int] | None:
    """What an output counts the places of; None for TopK's values, and for what is stored and not computed."""
    value, way = node.inputs[0], output
    while way.producer() is not node:
        maker = way.producer()
        assert maker is not None
        assert maker.inputs[0] is not None
        way = maker.inputs[0]
    if value is None or value.producer() is None or str(value.name) in stored:
        return None
    if node.op_type == "TopK" and way is not node.outputs[1]:
        return None
    axis = node.attributes.get("axis")
    return str(value.name), axis.as_int() if axis is not None else (-1 if node.op_type == "TopK" else 0)


def _suppressed(output: ir.Value) -> bool:
    return any(node.op_type == _SUPPRESSION for node in _ancestors(output))


def _choices(output: ir.Value) -> frozenset[str]:
    """The choices of boxes that an output follows from, by a value of each."""
    made = [node for node in _ancestors(output) if node.op_type in (_SUPPRESSION, "TopK")]
    return frozenset(str(node.outputs[-1].name) for node in made)


def _ancestors(value: ir.Value) -> Iterator[ir.Node]:
    pending, seen = [value.producer()], set[int]()
    while pending:
        node = pending.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        pending += [one.producer() for one in node.inputs if one is not None]
