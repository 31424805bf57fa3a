"""Another operator set at the border: newer ones by ONNX's version converter, older ones where nothing changed.

ONNX's converter has no way down for most operators (it lacks even Relu 14 -> 13), so older sets are reached by
relabelling: a network whose operators meant the same there is the same network.
"""

from __future__ import annotations

import onnx
import onnx_ir as ir
from onnx import defs, helper, version_converter

from converters.diagnostic import Diagnostic
from converters.hub.builder import IR_VERSION, OPSET
from converters.onnxfile import slopes
from converters.onnxfile.checking import lean

_SAME_SINCE = {
    "Abs": 6, "Add": 7, "AveragePool": 7, "BatchNormalization": 9, "Concat": 4, "Conv": 1, "ConvTranspose": 1, "Div": 7,
    "Elu": 6, "Exp": 6, "Flatten": 9, "Gemm": 7, "GlobalAveragePool": 1, "GlobalMaxPool": 1, "Identity": 1,
    "LRN": 1, "LeakyRelu": 6, "Log": 6, "MatMul": 1, "Max": 8, "MaxPool": 8, "Mul": 7, "PRelu": 9, "Pow": 7,
    "Relu": 6, "Reshape": 5, "Sigmoid": 6, "Slice": 10, "Softmax": 13, "Split": 13, "Sqrt": 6, "Sub": 7, "Sum": 8,
    "Tanh": 6, "Transpose": 1,
}  # fmt: skip
"""Operator -> the first version with today's meaning for float32 tensors; later ones only took in other types."""


def to_opset(model: ir.Model, opset: int) -> ir.Model:
    """The model in another version of ai.onnx's operators; refuses what cannot be said in it, all operators at once."""
    current = model.opset_imports.get("", OPSET)
    if opset == current:
        return model
    proto = raised(lean(model), opset) if opset > current else _relabelled(lean(model), opset)
    return rebuilt(proto, model)


def rebuilt(proto: onnx.ModelProto, model: ir.Model) -> ir.Model:
    """The hub model of a proto made from `lean(model)`, with the weights of `model` in their places again."""
    converted = ir.serde.deserialize_model(proto)
    graph = converted.graph
    for value in list(graph.inputs):
        weight = model.graph.initializers.get(str(value.name))
        if weight is not None:  # it stood among the inputs only so that inference could see its shape
            graph.inputs.remove(value)
            value.const_value, value.shape, value.type = weight.const_value, weight.shape, weight.type
            if value.uses():
                graph.register_initializer(value)
    converted.metadata_props.update(model.metadata_props)
    return converted


def _relabelled(proto: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    ranks = {
        value.name: len(value.type.tensor_type.shape.dim) for value in (*proto.graph.value_info, *proto.graph.output)
    }
    changed = sorted({
        node.op_type
        for node in proto.graph.node
        if not _means_the_same(node, opset) and not _softmax_of_last_axis(node, ranks)
    })  # fmt: skip
    if changed:
        raise Diagnostic(
            "opset",
            f"opset {opset} cannot hold this network: {', '.join(changed)} changed since",
            hint=f"leave --opset away: {OPSET}, or take a newer one",
        )
    proto.opset_import[0].version = opset
    proto.ir_version = min(proto.ir_version, helper.find_min_ir_version_for(list(proto.opset_import)))
    return proto


def _means_the_same(node: onnx.NodeProto, opset: int) -> bool:
    if node.domain or _SAME_SINCE.get(node.op_type, opset + 1) > opset:
        return False
    try:
        schema = defs.get_schema(node.op_type, opset, "")
    except defs.SchemaError:
        return False
    inputs = sum(bool(name) for name in node.input)
    known = all(attribute.name in schema.attributes for attribute in node.attribute)
    return known and schema.min_input <= inputs <= schema.max_input


def _softmax_of_last_axis(node: onnx.NodeProto, ranks: dict[str, int]) -> bool:
    """Before version 13 Softmax ran over all axes from `axis` on: over the last one it means the same."""
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), None)
    return (
        node.op_type == "Softmax" and not node.domain and axis is not None and axis == ranks.get(node.output[0], 0) - 1
    )


def raised(proto: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """The model in a newer operator set, by ONNX's version converter."""
    proto.ir_version = max(proto.ir_version, IR_VERSION)  # older ones want every weight among the inputs
    slopes.spread(proto)
    try:
        return version_converter.convert_version(proto, opset)
    except (RuntimeError, ValueError, version_converter.ConvertError) as fault:
        reason = str(fault).strip().splitlines()[-1]
        raise Diagnostic("opset", f"ONNX's version converter cannot reach opset {opset}: {reason}") from fault
