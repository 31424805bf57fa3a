"""Initializers that no node reads are left out of the file."""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.report import Report

ORDER = 90


def apply(model: ir.Model, report: Report) -> int:
    """Remove them; returns how many there were."""
    unread = [
        name for name, value in model.graph.initializers.items() if not value.uses() and not value.is_graph_output()
    ]
    for name in unread:
        model.graph.initializers.pop(name)
    return len(unread)
