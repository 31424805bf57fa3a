"""Any ONNX model -> the form that is written as code: functions inlined, types and shapes inferred."""

from __future__ import annotations

import onnx
import onnx_ir as ir
from onnx import inliner, shape_inference, version_converter

from converters.diagnostic import Diagnostic
from converters.onnxfile import expansion, slopes
from converters.onnxfile.checking import lean
from converters.onnxfile.expansion import Known
from converters.onnxfile.opset import rebuilt

OLDEST = 7  # older operator sets are brought up to it by ONNX's own version converter
_APART = 4  # the first version of the format in which stored tensors are no inputs, and `lean` takes them out


def prepare(model: ir.Model, known: Known) -> ir.Model:
    """A new model with the lazy weights of the old one.

    Functions of the file are inlined; so are operators that have no row of their own in `known` but are functions
    by ONNX's own definition.
    """
    proto = lean(model)
    proto = _raised(proto)
    if proto.functions:
        proto = inliner.inline_local_functions(proto)
    proto = expansion.expanded(proto, known)
    return rebuilt(_inferred(proto), model)


def _raised(proto: onnx.ModelProto) -> onnx.ModelProto:
    version = _versions(proto).get("", OLDEST)
    if version >= OLDEST:
        return proto
    proto.ir_version = max(proto.ir_version, _APART)
    slopes.spread(proto)
    try:
        return version_converter.convert_version(proto, OLDEST)
    except (RuntimeError, ValueError, version_converter.ConvertError) as fault:
        reason = str(fault).strip().splitlines()[-1]
        raise Diagnostic("opset", f"ONNX's version converter cannot bring it from opset {version} on: {reason}") from (
            fault
        )


def _versions(proto: onnx.ModelProto) -> dict[str, int]:
    return {entry.domain if entry.domain != "ai.onnx" else "": entry.version for entry in proto.opset_import}


def _inferred(proto: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return shape_inference.infer_shapes(proto, data_prop=True)
    except (RuntimeError, ValueError, shape_inference.InferenceError) as fault:
        reason = str(fault).strip().splitlines()[0]
        raise Diagnostic("invalid-model", f"ONNX's shape inference refuses it: {reason}") from fault
