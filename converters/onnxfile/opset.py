"""Another operator set at the border: ONNX's own version converter, run on the model without its weights."""

from __future__ import annotations

import onnx
import onnx_ir as ir
from onnx import version_converter

from converters.diagnostic import Diagnostic
from converters.hub.builder import OPSET
from converters.onnxfile.checking import lean


def to_opset(model: ir.Model, opset: int) -> ir.Model:
    """The model in another version of ai.onnx's operators; refuses what the version converter cannot say in it."""
    if opset == model.opset_imports.get("", OPSET):
        return model
    try:
        proto = version_converter.convert_version(lean(model), opset)
    except (RuntimeError, ValueError) as fault:
        reason = str(fault).strip().splitlines()[-1]
        raise Diagnostic(
            "opset", f"opset {opset} cannot hold this network: {reason}", hint=f"leave --opset away: {OPSET}"
        ) from fault
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
