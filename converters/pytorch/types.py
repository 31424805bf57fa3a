"""ONNX's element types in PyTorch."""

from __future__ import annotations

import onnx_ir as ir

from converters.pytorch.refusal import Refused

_TYPES = {
    "FLOAT": "float32", "DOUBLE": "float64", "FLOAT16": "float16", "BFLOAT16": "bfloat16", "BOOL": "bool",
    "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64", "UINT8": "uint8", "UINT16": "uint16",
    "UINT32": "uint32", "UINT64": "uint64", "COMPLEX64": "complex64", "COMPLEX128": "complex128",
    "FLOAT8E4M3FN": "float8_e4m3fn", "FLOAT8E4M3FNUZ": "float8_e4m3fnuz", "FLOAT8E5M2": "float8_e5m2",
    "FLOAT8E5M2FNUZ": "float8_e5m2fnuz", "FLOAT8E8M0": "float8_e8m0fnu",
    "INT4": "int8", "UINT4": "uint8", "INT2": "int8", "UINT2": "uint8",  # PyTorch has no arithmetic for these: wider
}  # fmt: skip

NARROW = {"INT4": (-8, 7), "UINT4": (0, 15), "INT2": (-2, 1), "UINT2": (0, 3)}
"""Integer types that are held in a wider one, and what they can hold."""
FLOAT8 = ("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ")
WIDE_UNSIGNED = ("UINT16", "UINT32", "UINT64")
"""Unsigned types for which PyTorch has little arithmetic."""


def torch_type(kind: ir.DataType | None) -> str:
    """`torch.float32` and the like; refuses types that PyTorch lacks."""
    if kind is None:
        raise Refused("an element type cannot be inferred")
    if kind.name not in _TYPES:
        raise Refused(f"PyTorch has no element type {kind.name}")
    return f"torch.{_TYPES[kind.name]}"
