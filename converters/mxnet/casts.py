"""MXNet's names of element types as ONNX's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import onnx_ir as ir

DTYPES: Mapping[str, ir.DataType] = MappingProxyType(
    {
        "bfloat16": ir.DataType.BFLOAT16,
        "bool": ir.DataType.BOOL,
        "float16": ir.DataType.FLOAT16,
        "float32": ir.DataType.FLOAT,
        "float64": ir.DataType.DOUBLE,
        "int32": ir.DataType.INT32,
        "int64": ir.DataType.INT64,
        "int8": ir.DataType.INT8,
        "uint8": ir.DataType.UINT8,
    }
)
