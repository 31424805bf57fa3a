"""Which part of an ONNX model is wanted: what computes chosen outputs, or all that comes before a cut."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import onnx_ir as ir

from converters.diagnostic import Diagnostic
from converters.hub.report import Report


def pick(model: ir.Model, names: Sequence[str], report: Report) -> None:
    """Keep what computes the named values (or the named nodes' first outputs) and nothing else."""
    _reduce(model.graph, [_value(model.graph, name) for name in names], report)


def cut(model: ir.Model, names: Sequence[str], report: Report) -> None:
    """Leave out what is computed from the named values.

    The outputs are those values, what else the part that was cut off would have used, and the old outputs that do not
    depend on them: nothing that the caller needs to finish the work is lost.
    """
    graph = model.graph
    named = [_value(graph, name) for name in names]
    tainted = set(named)
    used: list[ir.Value] = []
    for node in graph:
        if tainted.intersection(node.inputs):
            tainted.update(node.outputs)
            used.extend(value for value in node.inputs if value is not None and value.const_value is None)
    made = tainted - set(named)
    kept = [value for value in (*used, *graph.outputs) if value not in made]
    _reduce(graph, list(dict.fromkeys([*named, *kept])), report)


def _reduce(graph: ir.Graph, outputs: Sequence[ir.Value], report: Report) -> None:
    graph.outputs.clear()
    graph.outputs.extend(outputs)
    for node in reversed(list(graph)):
        if not any(value.uses() or value.is_graph_output() for value in node.outputs):
            graph.remove(node, safe=True)
            report.dropped[node.name or str(node.outputs[0].name)] = "not needed for the chosen outputs"
    for value in list(graph.inputs):
        if not value.uses() and not value.is_graph_output():
            graph.inputs.remove(value)
    for name, value in list(graph.initializers.items()):
        if not value.uses() and not value.is_graph_output():
            graph.initializers.pop(name)


def _value(graph: ir.Graph, name: str) -> ir.Value:
    values = {str(value.name): value for value in graph.inputs}
    nodes: dict[str, ir.Value] = {}
    for node in graph:
        values.update({str(value.name): value for value in node.outputs})
        if node.name and node.outputs:
            nodes[node.name] = node.outputs[0]
    found = values.get(name) or nodes.get(name)
    if found is None:
        near = get_close_matches(name, [*values, *nodes], n=3)
        raise Diagnostic(
            "unknown-value",
            f'the network has no value or node "{name}"',
            hint=f"similar names: {', '.join(dict.fromkeys(near))}" if near else "zoo inspect lists the names",
        )
    return found
