"""Weights -> a safetensors file, in chunks: memory does not grow with the model.

The format: 8 bytes with the header's length, the header as JSON, then the numbers (safetensors' own README).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from converters.outputs import Sink
from converters.weights import Weight, nbytes

_TYPES = {
    "bool": "BOOL", "int8": "I8", "uint8": "U8", "int16": "I16", "uint16": "U16", "int32": "I32", "uint32": "U32",
    "int64": "I64", "uint64": "U64", "float16": "F16", "float32": "F32", "float64": "F64", "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}  # fmt: skip
_ALIGN = 64  # bytes; the numbers begin on a border, so that a reader can map them


def storable(dtype: np.dtype[np.generic]) -> bool:
    """Whether the format has a name for the element type."""
    return dtype.name in _TYPES


def store(sink: Sink, weights: Mapping[str, Weight]) -> None:
    """Write the weights in the order in which they are given, widest element types first, as the format wants it."""
    ordered = sorted(weights.items(), key=lambda item: -item[1].dtype.itemsize)  # stable: keeps each element aligned
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, weight in ordered:
        end = offset + nbytes(weight)
        header[name] = {
            "dtype": _TYPES[weight.dtype.name],
            "shape": list(weight.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-(8 + len(text)) % _ALIGN)
    sink.write(len(text).to_bytes(8, "little") + text)
    for _, weight in ordered:
        for chunk in weight.chunks():
            sink.write(chunk)
