"""Every node has a name of its own: its own one, or that of its first output."""

from __future__ import annotations

import onnx_ir as ir


def name_nodes(model: ir.Model) -> None:
    """Name the nodes that have none, and all but the first of those that share one."""
    taken: set[str] = set()
    for node in model.graph:
        first = next((str(value.name) for value in node.outputs if value.name), node.op_type)
        wanted = node.name if node.name and node.name not in taken else first
        candidate, number = wanted, 0
        while candidate in taken:
            number += 1
            candidate = f"{wanted}_{number}"
        taken.add(candidate)
        node.name = candidate
