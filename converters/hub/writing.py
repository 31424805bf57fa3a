"""Hub -> layers of a target: the longest chains first, every node, input and constant accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace

import onnx_ir as ir

from converters.diagnostic import Diagnostic, Where
from converters.hub.layer import Layer, Port, SourceGraph
from converters.hub.matching import Declined, Match, attributes, chains, operator
from converters.hub.report import Report
from converters.hub.view import View
from converters.hub.writetable import Write, WriteTable

MAX_FAULTS = 100


def write(
    model: ir.Model, table: WriteTable, report: Report, *, title: str, file: str = "", dialect: str = ""
) -> SourceGraph:
    """The layers of a target for a normalised hub model (converters.onnxfile.normal), in topological order.

    Raises `Diagnostic` with code `unwritable-nodes` that lists every node that the target cannot hold, and why.
    """
    graph = model.graph
    done = _Done(_taken(graph))
    refusals: list[tuple[ir.Node, Declined]] = []
    for node in graph:
        if node in done.nodes:
            continue
        found = _first_that_holds(node, table, done.nodes, dialect, title)
        if isinstance(found, Declined):
            refusals.append((node, found))
            done.nodes.add(node)
        else:
            done.take(*found)
    if refusals:
        raise _unwritable(refusals, title, file)
    layers = tuple(layer for node in graph for layer in done.layers.get(node, ()))
    _account(graph, done, report)
    return SourceGraph(
        name=str(graph.name or "network"),
        inputs=tuple(_port(value) for value in graph.inputs),
        outputs=tuple(str(value.name) for value in graph.outputs),
        layers=layers,
        dialect=dialect,
    )


@dataclass(slots=True)
class _Done:
    """What is written so far: layers by the last node of their chain, the nodes taken, and the names given."""

    names: set[str]
    layer_names: set[str] = field(default_factory=set)
    nodes: set[ir.Node] = field(default_factory=set)
    layers: dict[ir.Node, tuple[Layer, ...]] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)

    def take(self, match: Match, layers: Sequence[Layer]) -> None:
        """Note a chain and its layers; layers stand where the last node stood, when all it reads is made."""
        self.nodes.update(match.nodes)
        self.layers[match.nodes[-1]] = settled = tuple(self._unique(layers, match))
        made = [f"{layer.name} ({layer.kind})" for layer in settled]
        self.chains.update({str(node.name): made for node in match.nodes})

    def _unique(self, layers: Sequence[Layer], match: Match) -> Iterator[Layer]:
        """Values between the layers, and layers, under names that nobody else has."""
        outside = {str(value.name) for value in (*match.inputs, *match.outputs)}
        renamed: dict[str, str] = {}
        for layer in layers:
            for name in layer.outputs:
                if name not in outside:
                    renamed[name] = _free(name, self.names)
            yield replace(
                layer,
                name=_free(layer.name, self.layer_names),
                inputs=tuple(renamed.get(name, name) for name in layer.inputs),
                outputs=tuple(renamed.get(name, name) for name in layer.outputs),
            )


def _first_that_holds(
    node: ir.Node, table: WriteTable, taken: Container[ir.Node], dialect: str, title: str
) -> tuple[Match, Sequence[Layer]] | Declined:
    """The longest chain from `node` that the target can hold, as layers; else why the shortest could not be held."""
    declined = Declined(f"{title} has no layer for it")
    for nodes in chains(node, table):
        if any(member in taken for member in nodes):
            continue
        match = Match(nodes, tuple(attributes(member) for member in nodes))
        row = table[tuple(operator(member) for member in nodes)]
        view = View(dialect)
        try:
            result = _typed(match, row, view, title) or row.op(match, view)
        except Declined as reason:
            result = reason
        if not isinstance(result, Declined):
            result = _complete(match, row, view, result) or result
        if not isinstance(result, Declined):
            return match, result
        declined = result
    return declined


def _typed(match: Match, row: Write, view: View, title: str) -> Declined | None:
    """Declines element types that the row does not know, and values without numbers."""
    values = (*match.inputs, *(value for value in match.outputs if value.name))
    empty = [value.name for value in values if value.shape is not None and 0 in tuple(value.shape)]
    if empty:
        return Declined(f"{empty[0]} holds no numbers")
    vague = [value.name for value in values if value.dtype is None]
    if vague:
        return Declined(f"nobody knows the type of {', '.join(map(str, vague))}: the model contradicts itself")
    foreign = {view.dtype(value) for value in values} - set(row.dtypes)
    if not foreign:
        return None
    return Declined(f"its values are {', '.join(sorted(foreign))}; {title} computes it in {', '.join(row.dtypes)}")


def _complete(match: Match, row: Write, view: View, layers: Sequence[Layer]) -> Declined | None:
    """Declines a result that lost something: an attribute, a constant, an input or an output of the chain."""
    ignored = [name for attrs in match.attrs for name in attrs.unread() if name not in row.neutral]
    if ignored:
        return Declined(f"it sets {', '.join(ignored)}, which zoo does not know how to write")
    given = {value for node in match.nodes for value in node.inputs if value is not None}
    unread = [str(value.name) for value in given if value.const_value is not None and value not in view.asked]
    fed = {name for layer in layers for name in layer.inputs}
    made = {name for layer in layers for name in layer.outputs}
    lost = [str(value.name) for value in match.inputs if value.name not in fed and value not in view.asked]
    missing = [str(value.name) for value in match.outputs if value.name and value.name not in made]
    if unread or lost or missing:
        return Declined(f"zoo would lose {', '.join((*unread, *lost, *missing))}")
    return None


def _unwritable(refusals: Sequence[tuple[ir.Node, Declined]], title: str, file: str) -> Diagnostic:
    counts = Counter(operator(node) for node, _ in refusals)
    details = [f'"{node.name}" ({operator(node)}): {declined.reason}' for node, declined in refusals]
    if len(details) > MAX_FAULTS:
        details[MAX_FAULTS:] = [f"... and {len(details) - MAX_FAULTS} more"]
    what = "1 node has" if len(refusals) == 1 else f"{len(refusals)} nodes have"
    hints = dict.fromkeys(declined.hint for _, declined in refusals if declined.hint)
    return Diagnostic(
        "unwritable-nodes",
        f"{what} no exact form in {title}: {', '.join(f'{count}x {op}' for op, count in sorted(counts.items()))}",
        where=Where(file=file or None),
        details=details,
        hint="; ".join(hints) or None,
    )


def _account(graph: ir.Graph, done: _Done, report: Report) -> None:
    """Every node must have become layers; constants that no node reads are reported."""
    lost = [str(node.name) for node in graph if node not in done.nodes]
    assert not lost, f"nodes without layers: {lost}"
    report.written.update(done.chains)
    ends = set(graph.outputs)
    report.unused.extend(
        str(name) for name, value in graph.initializers.items() if not value.uses() and value not in ends
    )


def _taken(graph: ir.Graph) -> set[str]:
    made = (value for node in graph for value in node.outputs)
    return {str(value.name) for value in (*graph.inputs, *made)}


def _port(value: ir.Value) -> Port:
    shape = () if value.shape is None else value.shape
    dims = tuple(dim if isinstance(dim, int) else (dim.value or None) for dim in shape)
    return Port(str(value.name), dims, str(value.dtype.numpy()) if value.dtype is not None else "float32")


def _free(name: str, taken: set[str]) -> str:
    candidate, number = name, 0
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate
