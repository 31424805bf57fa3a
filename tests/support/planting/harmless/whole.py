"""Rewritings of a graph as a whole: names, order, layout, operator set."""

from __future__ import annotations

import onnx
from onnx import helper, version_converter

from planting.fault import demand
from zoo.parity.graphs.graph import Graph


def identities(graph, rng):
    """One behind every third value."""
    for value in graph.values[::3]:
        graph.after(value, "Identity")


def turned_twice(graph, rng):
    """To N x H x W x C and back behind every fourth image."""
    shapes, done = graph.shapes(), 0
    for value in graph.values[::4]:
        if len(shapes.get(value, ())) == 4:
            graph.after(value, "Transpose", perm=[0, 2, 3, 1])
            graph.after(value, "Transpose", perm=[0, 3, 1, 2])
            done += 1
    demand(done > 0)


def renamed(graph, rng):
    """Stored tensors under other names."""
    names = {name: f"stored_{place}" for place, name in enumerate(graph.weights)}
    for node in graph.model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = names.get(name, name)
    for tensor in graph.model.graph.initializer:
        tensor.name = names[tensor.name]
    return Graph(graph.model)


def reordered(graph, rng):
    """Another topological order."""
    waiting, done = list(graph.model.graph.node), {*graph.inputs, *graph.weights, ""}
    order = []
    while waiting:
        ready = [node for node in waiting if done.issuperset(node.input)]
        chosen = ready[rng.integers(len(ready))]
        waiting.remove(chosen)
        order.append(chosen)
        done.update(chosen.output)
    nodes = [helper.make_node("Identity", ["x"], ["y"]) for _ in order]
    for target, node in zip(nodes, order, strict=True):
        target.CopyFrom(node)
    del graph.model.graph.node[:]
    graph.model.graph.node.extend(nodes)
    return Graph(graph.model)


def constants(graph, rng):
    """Stored tensors as Constant nodes."""
    tensors = [onnx.TensorProto.FromString(t.SerializeToString()) for t in graph.model.graph.initializer]
    del graph.model.graph.initializer[:]
    for tensor in tensors:
        graph.model.graph.node.insert(0, helper.make_node("Constant", [], [tensor.name], value=tensor))
    return Graph(graph.model)


def opset(version):
    def convert(graph, rng):
        return Graph(version_converter.convert_version(graph.model, version))

    return convert


def fixed_batch(graph, rng):
    for port in (*graph.model.graph.input, *graph.model.graph.output):
        if port.type.tensor_type.HasField("shape"):
            port.type.tensor_type.shape.dim[0].dim_value = 4
