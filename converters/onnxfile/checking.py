"""The ONNX project's own checker, run on the model without its weights, so that it costs no memory."""

from __future__ import annotations

import onnx
import onnx_ir as ir
from onnx import checker, helper, numpy_helper, shape_inference

from converters.hub.builder import WEIGHT
from converters.onnxfile.saving import skeleton
from converters.weights import Weight, nbytes

_SMALL = 1024  # bytes; shapes, axes and the like must be seen by shape inference


def check(model: ir.Model) -> None:
    """Raises AssertionError when ONNX's checker or strict shape inference refuses the model: a bug of the converter."""
    try:
        checker.check_model(lean(model), full_check=True)
    except (checker.ValidationError, shape_inference.InferenceError) as fault:
        raise AssertionError(f"ONNX's checker refuses the converted model: {fault}") from fault


def lean(model: ir.Model) -> onnx.ModelProto:
    """The model with its large weights as inputs instead of numbers; shapes, axes and other small ones stay.

    Old files list their weights among the inputs as well; here they stand once.
    """
    proto = skeleton(model)
    inputs = [port for port in proto.graph.input if port.name not in model.graph.initializers]
    del proto.graph.input[:]
    proto.graph.input.extend(inputs)
    for name, value in model.graph.initializers.items():
        tensor = value.const_value
        assert tensor is not None
        weight = tensor.meta.get(WEIGHT)
        if isinstance(weight, Weight) and nbytes(weight) > _SMALL:
            proto.graph.input.append(helper.make_tensor_value_info(name, tensor.dtype.value, weight.shape))
        elif isinstance(weight, Weight):  # a fault of the source shows as what it is, not wrapped by onnx_ir
            proto.graph.initializer.append(numpy_helper.from_array(weight.array(), name))
        else:
            message = ir.serde.serialize_tensor(tensor)
            message.name = name
            proto.graph.initializer.append(message)
    return proto
