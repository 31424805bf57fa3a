"""Walks a graph and lets the rows write its nodes; all nodes that cannot be written are collected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from converters.hub.report import Report
from converters.pytorch.code import CHAIN, Code, Pending
from converters.pytorch.folding import folded
from converters.pytorch.held import Held, Host, Several
from converters.pytorch.node import Node
from converters.pytorch.ranks import settle
from converters.pytorch.refusal import Refused
from converters.pytorch.rows import Result, Table, find


@dataclass(slots=True)
class Forward:
    """The walk: what it writes into, the rows, and the operator sets of the model."""

    code: Code
    table: Table
    versions: dict[str, int]
    report: Report
    faults: dict[str, list[str]] = field(default_factory=dict)

    def write(self, nodes: Sequence[ir.Node]) -> None:
        """Write the nodes of one graph in order."""
        for position, node in enumerate(nodes):
            following = nodes[position + 1] if position + 1 < len(nodes) else None
            try:
                self._node(node, following)
            except Refused as fault:
                self._refuse(node, str(fault))

    def _node(self, node: ir.Node, following: ir.Node | None) -> None:
        domain = "" if node.domain == "ai.onnx" else node.domain
        label = f"{domain}::{node.op_type}" if domain else node.op_type
        self.report.kinds[label] += 1
        known = folded(node, self.code, self.versions)
        if known is not None:
            for value, weight in zip(node.outputs, known, strict=True):
                value.shape = ir.Shape(weight.shape)  # ONNX's inference may not know it
                self.code.hold(value, Held(weight=weight))
            self.report.dropped[str(node.name or node.outputs[0].name)] = "was computed beforehand"
            return
        if domain not in self.versions:
            raise Refused(f"the model does not say which version of {domain or 'ai.onnx'} it uses")
        if (domain, node.op_type) not in self.table:
            raise Refused("no row writes this operator")
        view = Node(node, self.code, self.versions[domain])
        row = find(self.table, domain, node.op_type, view.since)
        if row is None:
            raise Refused(f"no row writes version {view.since} of this operator")
        result = row.write(view, self.code)
        lost = [name for name in view.attrs.unread() if name not in row.neutral]
        if lost:
            raise Refused(f"its {', '.join(lost)} would be lost")
        self.code.settle()
        self._results(node, result, following)
        settle(view)
        self.report.mapped[view.name] = [label]

    def _results(self, node: ir.Node, result: Result, following: ir.Node | None) -> None:
        if isinstance(result, Host):
            self.code.hold(node.outputs[0], Held(host=result))
        elif isinstance(result, Several):
            names = [self.code.fresh(str(value.name or "unused")) for value in node.outputs[: result.count]]
            names += ["_"] * (result.count - len(names))
            self.code.line(f"{', '.join(names)} = {result.text}")
            for value, name in zip(node.outputs, names, strict=False):
                self.code.hold(value, Held(name))
        elif isinstance(result, str):
            self._one(node.outputs[0], result, following)
        else:
            for value, text in zip(node.outputs, result, strict=False):
                if text is not None and value.name:
                    self._settled(value, text)

    def _one(self, value: ir.Value, text: str, following: ir.Node | None) -> None:
        uses = value.uses()
        alone = len(uses) == 1 and next(iter(uses)).node is following and not value.is_graph_output()
        plain = isinstance(value.type, ir.TensorType) or value.type is None
        chained = alone and plain and self.code.depth == 0 and following is not None and _takes_chain(following)
        if text != CHAIN and _is_name(text):
            self.code.hold(value, Held(text))
        elif chained:
            self.code.pending = Pending(value, text)
            self.code.hold(value, Held())
        else:
            self.code.assign(value, text)

    def _settled(self, value: ir.Value, text: str) -> None:
        if text != CHAIN and _is_name(text):
            self.code.hold(value, Held(text))
        else:
            self.code.assign(value, text)

    def _refuse(self, node: ir.Node, reason: str) -> None:
        self.code.pending = None
        label = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
        name = str(node.name or (node.outputs[0].name if node.outputs else ""))
        self.faults.setdefault(f"{label}: {reason}", []).append(name)
        for value in node.outputs:
            self.code.hold(value, Held("refused"))


def _is_name(text: str) -> bool:
    return text.isidentifier() or (text.startswith("self.") and text[5:].isidentifier())


def _takes_chain(node: ir.Node) -> bool:
    """Whether the name of its input may be used again after it: not if it keeps `x.shape[0]`, or walks a graph."""
    kinds = (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
    return node.op_type not in ("Shape", "Size") and not any(
        attribute.type in kinds for attribute in node.attributes.values()
    )
