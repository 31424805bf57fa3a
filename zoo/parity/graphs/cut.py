"""Layers by themselves: a graph severed at chosen values, so that each layer reads what it is fed (teacher forcing)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import onnx
from onnx import helper

from zoo.parity.graphs.graph import Graph

_FLOATS = {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16}
Shapes = Mapping[str, tuple[int, ...]]
FED = "/fed"  # the input of a cut graph that stands for a value: its name with this behind it


def exposed(graph: Graph, values: Collection[str] | None = None, shapes: Shapes | None = None) -> Graph:
    """A copy whose outputs are all values (or these of them), beside its own; `shapes` as for `cut`."""
    copy = graph.copy()
    _show(copy, [name for name in graph.values if values is None or name in values], shapes or {})
    return copy


def floats(graph: Graph) -> list[str]:
    """The values that hold floating-point numbers, as far as inference knows."""
    types = _types(graph)
    return [name for name in graph.values if types[name].tensor_type.elem_type in _FLOATS]


def cut(graph: Graph, at: Collection[str], shapes: Shapes | None = None) -> Graph:
    """A copy severed at the values `at`: each is an output, and whoever read it reads the input NAME/fed instead.

    `shapes` are those that values came to: they are said where inference finds none, as some runtimes take no input or
    output without a rank. What lies between two cuts is a layer. Outputs of the graph that are not in `at` stay
    outputs. What no input has a part in is an output, but no cut: it is stored, and runtimes compute it before they
    are fed.
    """
    copy = graph.copy()
    severed = [name for name in copy.values if name in at]
    types, moving = _types(copy, shapes or {}), live(copy)
    read = set()
    for node in copy.model.graph.node:
        for index, name in enumerate(node.input):
            if name in at and name in types and name in moving:
                read.add(name)
                node.input[index] = name + FED
    copy.model.graph.input.extend(_port(name + FED, types[name]) for name in severed if name in read)
    _show(copy, severed, shapes or {})
    return Graph(copy.model)


def live(graph: Graph) -> set[str]:
    """The values that follow from an input; those of graphs inside of nodes are not looked for."""
    found = set(graph.inputs)
    for node in graph.nodes:
        if found & set(node.input) or any(attribute.HasField("g") for attribute in node.attribute):
            found |= set(node.output)
    return found


def layer(graph: Graph, value: str, at: Collection[str]) -> list[onnx.NodeProto]:
    """The nodes between the values `at` (and the inputs) and `value`, in the file's order."""
    wanted, pending = set(), [value]
    producers = {name: node for node in graph.nodes for name in node.output}
    while pending:
        name = pending.pop()
        node = producers.get(name)
        if node is None or (name in at and name != value) or node.output[0] in wanted:
            continue
        wanted.add(node.output[0])
        pending += [one for one in node.input if one]
    return [node for node in graph.nodes if node.output[0] in wanted]


def extract(graph: Graph, outputs: Sequence[str], at: Collection[str]) -> Graph:
    """The smallest graph that computes `outputs` from the values `at` and the inputs; its inputs keep their names."""
    types = _types(graph)
    wanted = {node.output[0] for name in outputs for node in layer(graph, name, at)}
    nodes = [node for node in graph.nodes if node.output[0] in wanted]
    made = {name for node in nodes for name in node.output}
    read = {name for node in nodes for name in node.input if name}
    weights = [tensor for tensor in graph.model.graph.initializer if tensor.name in read]
    constants = [n for n in graph.model.graph.node if n.op_type == "Constant" and n.output[0] in read]
    ports = [name for name in (*graph.inputs, *graph.values) if name in read and name not in made]
    model = onnx.ModelProto()
    model.CopyFrom(_shell(graph.model))
    model.graph.CopyFrom(
        helper.make_graph(
            [*constants, *nodes],
            graph.model.graph.name or "layer",
            [_port(name, types[name]) for name in ports],
            [_port(name, types[name]) for name in outputs],
            weights,
        )
    )
    return Graph(model)


def _shell(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without its graph."""
    shell = onnx.ModelProto(ir_version=model.ir_version, producer_name=model.producer_name)
    shell.opset_import.extend(model.opset_import)
    shell.functions.extend(model.functions)
    return shell


def _show(graph: Graph, values: Sequence[str], shapes: Shapes) -> None:
    known, types = {port.name for port in graph.model.graph.output}, _types(graph, shapes)
    for port in graph.model.graph.output:  # some runtimes take no output without a shape
        if not port.type.tensor_type.HasField("shape") and port.name in types:
            port.type.CopyFrom(types[port.name])
    graph.model.graph.output.extend(_port(name, types[name]) for name in values if name not in known and name in types)


def _types(graph: Graph, shapes: Shapes = MappingProxyType({})) -> dict[str, onnx.TypeProto]:
    """Type and shape of every value; of what inference does not know, floats of the shape that is said, if any."""
    inferred = onnx.shape_inference.infer_shapes(graph.model, data_prop=True).graph
    unknown = helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, None)
    found = {port.name: port.type for port in (*inferred.input, *inferred.output, *inferred.value_info)}
    known = {name: found.get(name, unknown) for name in (*graph.inputs, *graph.values)}
    for name, shape in shapes.items():
        kind = known.get(name, unknown).tensor_type
        if name in known and not kind.HasField("shape"):
            known[name] = helper.make_tensor_type_proto(kind.elem_type or onnx.TensorProto.FLOAT, shape)
    return known


def _port(name: str, kind: onnx.TypeProto) -> onnx.ValueInfoProto:
    return onnx.ValueInfoProto(name=name, type=kind)
