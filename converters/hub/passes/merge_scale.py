"""BatchNormalization followed by a Mul and an Add per channel becomes one BatchNormalization.

Caffe keeps the learned scale and shift in a layer of its own. The merge is exact in real numbers:
gamma * (1 * (x - mean) / sqrt(var + eps) + 0) + beta; the weights keep their bytes.
"""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.builder import WEIGHT, lazy_tensor
from converters.hub.report import Report
from converters.weights import Weight, reshaped

ORDER = 10
NEUTRAL = "zoo.neutral"
"""Key in a value's `meta`: this scale is all ones, or this shift all zeros, because the source has none."""
_SLOTS = {"Mul": 1, "Add": 2}


def apply(model: ir.Model, report: Report) -> int:
    """Merge wherever nobody else reads the values in between; returns the number of nodes merged."""
    count = 0
    for node in list(model.graph):
        if node.op_type == "BatchNormalization":
            while _merge_next(model.graph, node, report):
                count += 1
    return count


def _merge_next(graph: ir.Graph, norm: ir.Node, report: Report) -> bool:
    """Merge the one node that reads `norm`, if it is a factor or (after it) a shift per channel."""
    data = norm.outputs[0]
    readers = list(data.uses())
    if len(readers) != 1 or data.is_graph_output():
        return False
    follower = readers[0][0]
    slot = _SLOTS.get(follower.op_type)
    if slot is None or not all(_is_neutral(norm.inputs[later]) for later in range(slot, 3)):
        return False
    operand = next((value for value in follower.inputs if value is not data), None)
    vector = _per_channel(operand, data)
    if operand is None or vector is None:
        return False
    _bypass(graph, follower, data)
    name = _release(graph, operand)
    _release(graph, norm.inputs[slot], norm)
    norm.replace_input_with(slot, _initializer(graph, name, vector))
    report.fused[str(follower.name)] = str(norm.name)
    return True


def _per_channel(operand: ir.Value | None, data: ir.Value) -> Weight | None:
    """The operand as a vector over axis 1 of `data`; None where it is something else."""
    if operand is None or operand.const_value is None or data.shape is None or len(data.shape) < 2:
        return None
    channels = data.shape[1]
    weight = operand.const_value.meta.get(WEIGHT)
    if not isinstance(weight, Weight) or not isinstance(channels, int):
        return None
    after_channels = len(data.shape) - 2
    fits = weight.shape in ((channels, *[1] * after_channels), (1, channels, *[1] * after_channels))
    return reshaped(weight, (channels,)) if fits else None


def _bypass(graph: ir.Graph, follower: ir.Node, data: ir.Value) -> None:
    """Let `data` take the place and the name of the follower's output."""
    (gone,) = follower.outputs
    name = gone.name
    gone.replace_all_uses_with(data, replace_graph_outputs=True)
    graph.remove(follower, safe=True)
    data.name = name


def _release(graph: ir.Graph, value: ir.Value | None, but: ir.Node | None = None) -> str:
    """Forget an initializer that nobody (but one node) reads any more; returns a name that is free."""
    assert value is not None
    name = str(value.name)
    if any(node is not but for node, _ in value.uses()):
        return f"{name}/vector"
    if but is not None:
        for slot, used in enumerate(but.inputs):
            if used is value:
                but.replace_input_with(slot, None)
    graph.initializers.pop(name)
    return name


def _initializer(graph: ir.Graph, name: str, weight: Weight) -> ir.Value:
    tensor = lazy_tensor(name, weight)
    value = ir.Value(name=name, const_value=tensor, shape=tensor.shape, type=ir.TensorType(tensor.dtype))
    graph.register_initializer(value)
    return value


def _is_neutral(value: ir.Value | None) -> bool:
    return value is not None and bool(value.meta.get(NEUTRAL))
