"""Shapes and types of all values, by ONNX's own inference on the model without its weights."""

from __future__ import annotations

import onnx
import onnx_ir as ir
from onnx import shape_inference

from converters.onnxfile.checking import lean


def forget(proto: onnx.ModelProto) -> None:
    """Drop what the file says about inner values and outputs: it need not hold for other input shapes."""
    proto.graph.ClearField("value_info")
    for port in proto.graph.output:
        port.type.tensor_type.ClearField("shape")


def infer(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The proto with the types of inner values and outputs."""
    return shape_inference.infer_shapes(proto, data_prop=True)


def update(model: ir.Model) -> None:
    """Infer again after constants have become known, and note the results in the model."""
    proto = lean(model)
    forget(proto)
    inferred = infer(proto)
    types = {port.name: port for port in (*inferred.graph.value_info, *inferred.graph.output)}
    for node in model.graph:
        for value in node.outputs:
            if value.name in types:
                known = ir.serde.deserialize_value_info_proto(types[value.name], None)
                value.shape, value.type = known.shape, known.type
