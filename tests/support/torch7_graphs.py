"""Graphs as nn.gModule: random ones of every kind of branch, and what a second reader makes of a file (torchfile)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPE = (2, 4, 5, 6)
_ONE = ("Relu", "Sigmoid", "Tanh", "Softsign", "Conv", "BatchNormalization", "MaxPool")
_TWO = ("Add", "Mul", "Sub", "Max", "Concat")


def random_graph(seed: int) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A graph of 1 to 3 inputs and 1 to 3 outputs whose layers read any earlier values; every value has one shape."""
    rng = np.random.default_rng(seed)
    inputs = [f"x{number}" for number in range(int(rng.integers(1, 4)))]
    nodes: list[onnx.NodeProto] = []
    weights: dict[str, np.ndarray] = {}
    values = [_one(rng, nodes, weights, _joined(rng, nodes, weights, inputs))]
    for _ in range(int(rng.integers(6, 16))):
        pool = [*inputs, *values]
        pair = [pool[int(place)] for place in rng.integers(max(0, len(pool) - 5), len(pool), 2)]
        made = _one(rng, nodes, weights, pair[0]) if rng.random() < 0.5 else _joined(rng, nodes, weights, pair)
        values.append(made)
    read = {name for node in nodes for name in node.input}
    ends = [name for name in values if name not in read]
    ends += [values[0]] * (rng.random() < 0.3 and values[0] not in ends)
    graph = helper.make_graph(
        nodes,
        "random",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE) for name in ends],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return model, {name: rng.uniform(-1, 1, SHAPE).astype(np.float32) for name in inputs}


def _node(nodes: list[onnx.NodeProto], op: str, inputs: list[str], **attributes: object) -> str:
    name = f"v{len(nodes)}"
    nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
    return name


def _weight(rng: np.random.Generator, weights: dict[str, np.ndarray], *shape: int) -> str:
    name = f"w{len(weights)}"
    weights[name] = rng.uniform(0.1, 0.4, shape).astype(np.float32)
    return name


def _convolved(
    rng: np.random.Generator, nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray], value: str, planes: int
) -> str:
    """Back to the channels that every value has; h != w in the window."""
    kernel = _weight(rng, weights, SHAPE[1], planes, 3, 1)
    return _node(nodes, "Conv", [value, kernel, _weight(rng, weights, SHAPE[1])], pads=[1, 0, 1, 0])


def _one(rng: np.random.Generator, nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray], value: str) -> str:
    """A layer of one value."""
    op = _ONE[int(rng.integers(len(_ONE)))]
    if op == "Conv":
        return _node(nodes, "Tanh", [_convolved(rng, nodes, weights, value, SHAPE[1])])
    if op == "BatchNormalization":
        return _node(nodes, op, [value, *(_weight(rng, weights, SHAPE[1]) for _ in range(4))])
    if op == "MaxPool":
        return _node(nodes, op, [value], kernel_shape=[3, 1], pads=[1, 0, 1, 0])
    return _node(nodes, op, [value])


def _joined(
    rng: np.random.Generator, nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray], values: list[str]
) -> str:
    """A layer of several values; the same one may come twice."""
    value = values[0]
    for other in values[1:]:
        op = _TWO[int(rng.integers(len(_TWO)))]
        if op == "Concat":
            joined = _node(nodes, op, [value, other], axis=1)
            value = _node(nodes, "Tanh", [_convolved(rng, nodes, weights, joined, 2 * SHAPE[1])])
        else:
            value = _node(nodes, op, [value, other])
    return value


def computed_by_torchfile(path: Path, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs of a gModule of arithmetic as `torchfile`, a reader that is not ours, shows it.

    Every node is run in the order of `forwardnodes` as nngraph runs it; the numbers are numpy's.
    """
    import torchfile

    root = torchfile.load(str(path))
    assert root._typename == b"nn.gModule"
    fields = root._obj
    given: dict[int, dict[int, Any]] = {}
    first = inputs[0] if len(inputs) == 1 else inputs
    given[id(_data(fields[b"innode"]))] = {1: first}
    for node in fields[b"forwardnodes"]:
        data = _data(node)
        found = [value for _, value in sorted(given.get(id(data), {}).items())]
        value = found[0] if len(found) == 1 else found
        if b"selectindex" in data:
            value = value[int(data[b"selectindex"]) - 1]
        elif b"module" in data:
            value = _FORMULAS[data[b"module"]._typename.decode()](value)
        for child in _listed(node._obj[b"children"]):
            target = _data(child)
            position = next(
                place for place, source in _numbered(target[b"mapindex"]) if source is data
            )  # fmt: skip
            given.setdefault(id(target), {})[position] = value
    ends = given[id(_data(fields[b"outnode"]))]
    return [np.asarray(ends[place]) for place in sorted(ends)]


def _data(node: Any) -> Any:
    return node._obj[b"data"]


def _numbered(table: Any) -> list[tuple[int, Any]]:
    """The entries under 1, 2, 3...; torchfile gives a list where a table has no other keys."""
    if isinstance(table, list):
        return list(enumerate(table, 1))
    return [(int(key), value) for key, value in table.items() if isinstance(key, int | float)]


def _listed(table: Any) -> list[Any]:
    return [value for _, value in sorted(_numbered(table), key=lambda entry: entry[0])]


_FORMULAS: dict[str, Any] = {
    "nn.Identity": lambda x: x,
    "nn.Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "nn.Tanh": np.tanh,
    "nn.ReLU": lambda x: np.maximum(x, 0),
    "nn.CAddTable": sum,
    "nn.CSubTable": lambda pair: pair[0] - pair[1],
    "nn.CMulTable": lambda pair: pair[0] * pair[1],
}
