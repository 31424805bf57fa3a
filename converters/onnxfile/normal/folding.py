"""What can be computed beforehand: constants become stored tensors, large ones stay lazy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from onnx import helper

from converters.hub.builder import OPSET, WEIGHT, lazy_tensor
from converters.hub.report import Report
from converters.weights import ArrayWeight, ComputedWeight, Weight

_AT_ONCE = 4096  # values; larger results are computed when somebody asks for them
_MAX_COMPUTED = 1 << 27  # values; a larger result (a ConstantOfShape of a hostile size) stays a node
_GROWING = ("ConstantOfShape", "Expand", "Tile", "Range", "Pad", "Resize", "OneHot", "EyeLike")
"""Operators whose result can be larger than any memory although their inputs are small."""
_DRAWN = ("Random", "Bernoulli", "Multinomial")


def store_constants(model: ir.Model, report: Report) -> int:
    """Constant nodes become initializers; returns how many."""
    count = 0
    for node in list(model.graph):
        if node.op_type == "Constant" and not node.outputs[0].is_graph_output():
            weights = _computed(node)
            if weights is not None:
                _store(model.graph, node, weights)
                count += 1
    return count


def fold(model: ir.Model, report: Report) -> int:
    """Nodes whose inputs are all stored, and Shape of what has a known shape; returns how many."""
    count = 0
    for node in list(model.graph):
        weights = _folded(node)
        if weights is not None:
            _store(model.graph, node, weights)
            count += 1
    return count


def settle_reshapes(model: ir.Model, report: Report) -> int:
    """A Reshape to a computed shape gets a stored one where inference knows the result; returns how many."""
    count = 0
    for node in model.graph:
        if node.op_type == "Reshape" and node.inputs[1] is not None and node.inputs[1].const_value is None:
            target = _target(node)
            if target is not None:
                name = f"{node.name}/shape"
                weight = ArrayWeight(np.array(target, np.int64))
                node.replace_input_with(1, _initializer(model.graph, name, weight))
                count += 1
    return count


def _target(node: ir.Node) -> list[int] | None:
    """The shape to write: 0 where a symbol keeps its place, -1 for one other; None where two are open."""
    after, data = node.outputs[0].shape, node.inputs[0]
    before = data.shape if data is not None else None
    if after is None or node.attributes.get("allowzero"):
        return None
    target = [
        dim
        if isinstance(dim, int)
        else 0
        if before is not None and axis < len(before) and dim.value is not None and before[axis] == dim
        else -1
        for axis, dim in enumerate(after)
    ]
    return target if target.count(-1) <= 1 else None


def _folded(node: ir.Node) -> list[Weight] | None:
    if any(value.is_graph_output() for value in node.outputs) or not node.inputs:
        return None
    if node.op_type == "Shape":
        return _shape_of(node)
    given = [value for value in node.inputs if value is not None]
    if not all(value.const_value is not None for value in given) or not _is_plain(node):
        return None
    sizes = [_size(value) for value in node.outputs]
    known = all(size is not None and size <= _MAX_COMPUTED for size in sizes)
    if known and all(size is not None and size > _AT_ONCE for size in sizes):
        return [_lazy(node, position) for position in range(len(node.outputs))]
    return _computed(node) if known or (_small(given) and node.op_type not in _GROWING) else None


def _computed(node: ir.Node) -> list[Weight] | None:
    values = _evaluate(node, [_array(value) for value in node.inputs])
    return None if values is None else [ArrayWeight(np.asarray(value)) for value in values]


def _is_plain(node: ir.Node) -> bool:
    """A pure function of ONNX's own: no control flow, no random numbers, no foreign operator."""
    graphs = any(
        attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS) for attribute in node.attributes.values()
    )
    return node.domain in ("", "ai.onnx") and not graphs and not node.op_type.startswith(_DRAWN)


def _shape_of(node: ir.Node) -> list[Weight] | None:
    data = node.inputs[0]
    if data is None or data.shape is None or not all(isinstance(dim, int) for dim in data.shape):
        return None
    start = node.attributes["start"].as_int() if "start" in node.attributes else 0
    end = node.attributes["end"].as_int() if "end" in node.attributes else None
    return [ArrayWeight(np.array(data.shape.numpy()[start:end], np.int64))]


def _small(given: Sequence[ir.Value]) -> bool:
    return all((_size(value) or 0) <= _AT_ONCE for value in given)


def _size(value: ir.Value) -> int | None:
    shape = value.const_value.shape if value.const_value is not None else value.shape
    if shape is None or not all(isinstance(dim, int) for dim in shape):
        return None
    return math.prod(shape.numpy())


def _lazy(node: ir.Node, position: int) -> Weight:
    """One output of a node over large constants: computed when asked, never kept."""
    value = node.outputs[position]
    assert value.shape is not None
    assert value.dtype is not None
    inputs = list(node.inputs)

    def compute() -> np.ndarray:
        values = _evaluate(node, [_array(given) for given in inputs])
        assert values is not None
        return values[position]

    return ComputedWeight(tuple(value.shape.numpy()), np.dtype(value.dtype.numpy()), compute)


def _array(value: ir.Value | None) -> np.ndarray | None:
    if value is None:
        return None
    assert value.const_value is not None
    weight = value.const_value.meta.get(WEIGHT)
    return weight.array() if isinstance(weight, Weight) else value.const_value.numpy()


def _evaluate(node: ir.Node, arrays: Sequence[np.ndarray | None]) -> list[np.ndarray] | None:
    """ONNX's reference evaluator on one node; None where it does not know the operator."""
    from onnx.reference import ReferenceEvaluator

    names = ["" if array is None else f"i{position}" for position, array in enumerate(arrays)]
    proto = ir.serde.serialize_node(node)
    del proto.input[:], proto.output[:]
    proto.input.extend(names)
    proto.output.extend(f"o{position}" for position in range(len(node.outputs)))
    ports = [helper.make_empty_tensor_value_info(name) for name in names if name]
    outs = [helper.make_empty_tensor_value_info(name) for name in proto.output]
    model = helper.make_model(
        helper.make_graph([proto], "fold", ports, outs), opset_imports=[helper.make_opsetid("", OPSET)]
    )
    fed = {name: array for name, array in zip(names, arrays, strict=True) if name}
    try:
        results = ReferenceEvaluator(model).run(None, fed)
    except (NotImplementedError, RuntimeError, TypeError, ValueError, IndexError):
        return None
    return [np.asarray(result) for result in results] if isinstance(results, list) else None


def _store(graph: ir.Graph, node: ir.Node, weights: Sequence[Weight]) -> None:
    """Initializers of the outputs' names take the place of a node."""
    for value, weight in zip(node.outputs, weights, strict=True):
        name = str(value.name)
        value.name = f"{name}/folded"
        value.replace_all_uses_with(_initializer(graph, name, weight))
    graph.remove(node, safe=True)


def _initializer(graph: ir.Graph, name: str, weight: Weight) -> ir.Value:
    candidate, number = name, 0
    while candidate in graph.initializers:
        number += 1
        candidate = f"{name}_{number}"
    tensor = lazy_tensor(candidate, weight)
    value = ir.Value(name=candidate, const_value=tensor, shape=tensor.shape, type=ir.TensorType(tensor.dtype))
    graph.register_initializer(value)
    return value
