"""What a WRITE row matches: a chain of ONNX nodes, each of which alone reads the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import onnx_ir as ir
from onnx import defs

from converters.diagnostic import Where
from converters.hub.attributes import Attributes
from converters.hub.builder import OPSET
from converters.hub.layer import Layer
from converters.weights import Weight


class Declined(Exception):
    """The target cannot hold these nodes; returned or raised by a write op, it carries the reason.

    The driver then tries the next shorter chain, and reports the reason when none is left.
    """

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Part:
    """One layer of a series: `role` tells it from its siblings, "" is the part that bears the node's own name."""

    kind: str
    attrs: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[Any, Weight] = field(default_factory=dict)
    role: str = ""


@dataclass(frozen=True)
class Match:
    """A run of nodes: every value between them is read by the next node only and is no output of the network.

    `attrs[i]` are the attributes of `nodes[i]` with ONNX's defaults filled in; those that the file sets must be read.
    """

    nodes: tuple[ir.Node, ...]
    attrs: tuple[Attributes, ...]

    @property
    def name(self) -> str:
        """The name of the last node: what the layer is called."""
        return str(self.nodes[-1].name)

    @cached_property
    def inputs(self) -> tuple[ir.Value, ...]:
        """The computed values that come into the chain from outside, in the nodes' order; no constants."""
        made = {value for node in self.nodes for value in node.outputs}
        given = (value for node in self.nodes for value in node.inputs if value is not None)
        return tuple(value for value in given if value not in made and value.const_value is None)

    @cached_property
    def outputs(self) -> tuple[ir.Value, ...]:
        """The outputs of the last node, up to the last one that somebody reads."""
        values = list(self.nodes[-1].outputs)
        while len(values) > 1 and not (values[-1].uses() or values[-1].is_graph_output()):
            values.pop()
        return tuple(values)

    @property
    def output(self) -> ir.Value:
        """The first output of the last node."""
        return self.nodes[-1].outputs[0]

    def operand(self, slot: int, at: int = 0) -> ir.Value | None:
        """Input `slot` of node `at`; None where the node leaves it out."""
        inputs = self.nodes[at].inputs
        return inputs[slot] if slot < len(inputs) else None

    def other(self, at: int) -> ir.Value:
        """Of a node with two inputs: the one that is not the chain's value."""
        left, right = self.nodes[at].inputs
        before = self.nodes[at - 1].outputs[0]
        value = right if left is before else left
        assert value is not None
        return value

    def other_constant(self, at: int) -> ir.Value:
        """Of a node with two inputs: the stored one, or the second where neither is."""
        left, right = self.nodes[at].inputs
        value = left if left is not None and left.const_value is not None else right
        assert value is not None
        return value

    def layer(
        self,
        kind: str,
        attrs: Mapping[str, object] | None = None,
        weights: Mapping[Any, Weight] | None = None,
        *,
        inputs: Sequence[ir.Value | str] | None = None,
        outputs: Sequence[ir.Value | str] | None = None,
        role: str = "",
    ) -> Layer:
        """A layer of the target that takes all the chain's inputs and makes all its outputs, unless told otherwise."""
        return Layer(
            kind,
            f"{self.name}/{role}" if role else self.name,
            tuple(_name(value) for value in (self.inputs if inputs is None else inputs)),
            tuple(_name(value) for value in (self.outputs if outputs is None else outputs)),
            Attributes(attrs or {}),
            weights or {},
            self.where,
        )

    def series(self, *parts: Part, inputs: Sequence[ir.Value | str] | None = None) -> list[Layer]:
        """Layers one behind the other: the first takes the inputs, the last makes the outputs."""
        layers: list[Layer] = []
        given = inputs
        for part in parts:
            last = part is parts[-1]
            name = f"{self.name}/{part.role}" if part.role else self.name
            made = None if last else [f"{name}/out"]
            layers.append(self.layer(part.kind, part.attrs, part.weights, inputs=given, outputs=made, role=part.role))
            given = made
        return layers

    @property
    def where(self) -> Where:
        """The last node, as messages name it."""
        return Where(layer=f'"{self.name}" ({self.nodes[-1].op_type})')


def chains(node: ir.Node, known: Mapping[tuple[str, ...], object]) -> Iterator[tuple[ir.Node, ...]]:
    """The runs that begin at `node` and whose operators are a key of `known`, longest first."""
    run = [node]
    longest = max((len(chain) for chain in known), default=1)
    while len(run) < longest:
        follower = only_reader(run[-1])
        if follower is None:
            break
        run.append(follower)
    for length in range(len(run), 0, -1):
        if tuple(operator(member) for member in run[:length]) in known:
            yield tuple(run[:length])


def only_reader(node: ir.Node) -> ir.Node | None:
    """The one node that reads the one output of `node`; None where there are several or the network hands it out."""
    if any(value.uses() or value.is_graph_output() for value in node.outputs[1:]):
        return None
    value = node.outputs[0]
    uses = list(value.uses())
    return uses[0][0] if len(uses) == 1 and not value.is_graph_output() else None


def operator(node: ir.Node) -> str:
    """The operator's name, with its domain before it where that is not ONNX's own."""
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}::{node.op_type}"


def attributes(node: ir.Node) -> Attributes:
    """A node's attributes as plain values (lists are tuples), with the defaults of ONNX's schema."""
    explicit = {name: _plain(attribute) for name, attribute in node.attributes.items()}
    values = {**_defaults(node), **explicit}
    return Attributes(values, frozenset(explicit))


def _defaults(node: ir.Node) -> dict[str, object]:
    if node.domain not in ("", "ai.onnx") or not defs.has(node.op_type, OPSET):
        return {}
    schema = defs.get_schema(node.op_type, OPSET)
    return {
        name: _plain(ir.serde.deserialize_attribute(known.default_value)) if known.default_value.name else None
        for name, known in schema.attributes.items()
    }


def _plain(attribute: ir.Attr) -> Any:
    value = attribute.value
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _name(value: ir.Value | str) -> str:
    return value if isinstance(value, str) else str(value.name)
