"""Nodes that do nothing at inference, and nodes that nobody reads."""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.report import Report

_NOTHING = {
    "Identity": "hands its input on",
    "Dropout": "does nothing at inference",
}


def remove(model: ir.Model, report: Report) -> int:
    """Take out Identity, Dropout and casts to the type that a value has already; returns how many."""
    return sum(_remove_one(model.graph, node, report) for node in list(model.graph))


def _remove_one(graph: ir.Graph, node: ir.Node, report: Report) -> bool:
    reason = _reason(node)
    if reason is None or any(value.uses() or value.is_graph_output() for value in node.outputs[1:]):
        return False
    data, out = node.inputs[0], node.outputs[0]
    assert data is not None
    if out.is_graph_output():
        if data.is_graph_output() or data.is_graph_input() or data.is_initializer():
            return False  # the network's output needs a node of its own name
        name = out.name
        out.replace_all_uses_with(data, replace_graph_outputs=True)
        graph.remove(node, safe=True)
        data.name = name
    else:
        out.replace_all_uses_with(data)
        graph.remove(node, safe=True)
    report.dropped[str(node.name)] = reason
    return True


def _reason(node: ir.Node) -> str | None:
    if node.op_type == "Cast":
        data = node.inputs[0]
        same = data is not None and data.dtype is not None and data.dtype == node.outputs[0].dtype
        return "casts to the type that its input has" if same else None
    trains = node.op_type == "Dropout" and len(node.inputs) > 2 and node.inputs[2] is not None
    return None if trains and not _is_false(node.inputs[2]) else _NOTHING.get(node.op_type)


def _is_false(value: ir.Value | None) -> bool:
    return value is not None and value.const_value is not None and not value.const_value.numpy().any()


def remove_unread(model: ir.Model, report: Report) -> int:
    """Take out nodes whose outputs nobody reads (shape arithmetic that was folded), and forget unread constants."""
    count = 0
    for node in reversed(list(model.graph)):
        if not any(value.uses() or value.is_graph_output() for value in node.outputs):
            model.graph.remove(node, safe=True)
            report.dropped[str(node.name)] = "nobody reads what it computes, or it was computed beforehand"
            count += 1
    unread = [name for name, value in model.graph.initializers.items() if not value.uses()]
    for name in unread:
        if not model.graph.initializers[name].is_graph_output():
            model.graph.initializers.pop(name)
    return count
