"""Any ONNX model -> the form that is written as code: functions inlined, every type and shape that can be known known."""

from __future__ import annotations

import onnx
import onnx_ir as ir
from onnx import inliner, shape_inference, version_converter

from converters.diagnostic import Diagnostic
from converters.hub.builder import WEIGHT
from converters.onnxfile.checking import lean
from converters.pytorch import expansion
from converters.pytorch.expansion import Known

OLDEST = 7  # older operator sets are brought up to it by ONNX's own version converter
_DEEPEST = 8  # functions whose bodies hold functions


def prepare(model: ir.Model, known: Known) -> ir.Model:
    """A new model with the lazy weights of the old one.

    Functions of the file are inlined; so are operators that have no row of their own in `known` but are functions
    by ONNX's own definition.
    """
    proto = lean(model)
    proto = _raised(proto)
    if proto.functions:
        proto = inliner.inline_local_functions(proto)
    for _ in range(_DEEPEST):
        if not expansion.call(proto, known):
            break
        proto = inliner.inline_local_functions(proto, convert_version=True)
    return _with_weights(_inferred(proto), model)


def _raised(proto: onnx.ModelProto) -> onnx.ModelProto:
    version = _versions(proto).get("", OLDEST)
    if version >= OLDEST:
        return proto
    try:
        return version_converter.convert_version(proto, OLDEST)
    except (RuntimeError, ValueError) as fault:
        reason = str(fault).strip().splitlines()[-1]
        raise Diagnostic("opset", f"ONNX's version converter cannot bring it from opset {version} on: {reason}") from (
            fault
        )


def _versions(proto: onnx.ModelProto) -> dict[str, int]:
    return {entry.domain if entry.domain != "ai.onnx" else "": entry.version for entry in proto.opset_import}


def _inferred(proto: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return shape_inference.infer_shapes(proto, data_prop=True)
    except (RuntimeError, ValueError) as fault:
        reason = str(fault).strip().splitlines()[0]
        raise Diagnostic("invalid-model", f"ONNX's shape inference refuses it: {reason}") from fault


def _with_weights(proto: onnx.ModelProto, model: ir.Model) -> ir.Model:
    """The graph with the old one's lazy weights in their places again: `lean` had made inputs of them."""
    placed = {tensor.name for tensor in proto.graph.initializer}
    lazy = {name: value for name, value in model.graph.initializers.items() if name not in placed}
    inputs = {value.name for value in model.graph.inputs} - set(lazy) - placed
    for position in reversed(range(len(proto.graph.input))):
        if proto.graph.input[position].name not in inputs:
            del proto.graph.input[position]
    proto.graph.initializer.extend(
        onnx.TensorProto(name=name, data_type=value.const_value.dtype.value)
        for name, value in lazy.items()
        if value.const_value is not None
    )
    made = ir.serde.deserialize_model(proto)
    for name, value in lazy.items():
        place = made.graph.initializers[name]
        place.const_value = value.const_value
        assert value.const_value is not None
        place.shape, place.type = value.const_value.shape, ir.TensorType(value.const_value.dtype)
    return made


__all__ = ["WEIGHT", "prepare"]
