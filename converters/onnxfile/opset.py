"""Another operator set at the border: ONNX's own version converter, run on the model without its weights."""

from __future__ import annotations

import onnx
import onnx_ir as ir
from onnx import defs, version_converter

from converters.diagnostic import Diagnostic
from converters.hub.builder import OPSET
from converters.onnxfile.checking import lean


_SAME_IN_14 = frozenset({"BatchNormalization", "Pow"})
"""Operators whose version 15 only accepts more element types than 14: a float network means the same in both."""


def to_opset(model: ir.Model, opset: int) -> ir.Model:
    """The model in another version of ai.onnx's operators; refuses what the version converter cannot say in it."""
    if opset == model.opset_imports.get("", OPSET):
        return model
    weights = dict(model.graph.initializers)
    try:
        proto = _converted(lean(model), opset)
    except (RuntimeError, ValueError) as fault:
        reason = str(fault).strip().splitlines()[-1]
        raise Diagnostic(
            "opset", f"opset {opset} cannot hold this network: {reason}", hint=f"leave --opset away: {OPSET}"
        ) from fault
    kept = {value.name for value in model.graph.inputs}
    for position in reversed(range(len(proto.graph.input))):
        if proto.graph.input[position].name not in kept:
            del proto.graph.input[position]
    converted = ir.serde.deserialize_model(proto)
    known = {str(value.name): value for node in converted.graph for value in node.inputs if value is not None}
    for name, value in weights.items():
        if name in known and name not in converted.graph.initializers:
            known[name].const_value = value.const_value
            known[name].shape, known[name].type = value.shape, value.type
            converted.graph.register_initializer(known[name])
    converted.metadata_props.update(model.metadata_props)
    return converted


def _converted(proto: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """ONNX's converter, helped over the step from 15 to 14, for which it lacks an adapter of BatchNormalization."""
    if opset >= 15:
        return version_converter.convert_version(proto, opset)
    proto = version_converter.convert_version(proto, 15)
    changed = {node.op_type for node in proto.graph.node if defs.get_schema(node.op_type, 15, "").since_version == 15}
    if changed <= _SAME_IN_14:
        proto.opset_import[0].version = 14
    return version_converter.convert_version(proto, opset)
