"""PRelu before version 7 has a slope a channel; later it broadcasts from the last axis, and no converter minds."""

from __future__ import annotations

import onnx
from onnx import helper, shape_inference

from converters.diagnostic import Diagnostic, Where

_BROADCASTS = 7  # the version of ai.onnx from which PRelu broadcasts


def spread(proto: onnx.ModelProto) -> None:
    """Give the slopes of old PRelus the axes behind the channels, in place; ONNX's version converter forgets them.

    Refuses a network in which the axes cannot be counted.
    """
    version = next((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), 1)
    if version >= _BROADCASTS or not any(node.op_type == "PRelu" for node in proto.graph.node):
        return
    ranks = _ranks(shape_inference.infer_shapes(proto).graph)
    nodes = []
    for node in proto.graph.node:
        if node.op_type == "PRelu" and ranks.get(node.input[1], 1) == 1:
            nodes += _spread(node, ranks.get(node.input[0]))
        nodes.append(node)
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


def _spread(node: onnx.NodeProto, rank: int | None) -> list[onnx.NodeProto]:
    if rank is None:
        where = Where(layer=f'"{node.name or node.output[0]}" (PRelu)')
        raise Diagnostic("opset", "a slope a channel, and nobody knows how many axes its input has", where=where)
    if rank < 3:
        return []
    name = f"{node.output[0]}/slope"
    made = helper.make_node("Unsqueeze", [node.input[1]], [name], axes=list(range(1, rank - 1)))
    node.input[1] = name
    return [made]


def _ranks(graph: onnx.GraphProto) -> dict[str, int]:
    ports = [*graph.input, *graph.value_info, *graph.output]
    found = {
        port.name: len(port.type.tensor_type.shape.dim) for port in ports if port.type.tensor_type.HasField("shape")
    }
    return found | {tensor.name: len(tensor.dims) for tensor in graph.initializer}
