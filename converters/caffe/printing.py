"""Layers -> the text of a prototxt as people write it: name, type, bottoms, tops, then the layer's parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from google.protobuf import text_encoding

from converters.caffe import schema
from converters.caffe.parameters import message_fields
from converters.hub.layer import Layer, SourceGraph

_INDENT = "  "
_ONE_LINE = 76
"""Columns up to which a block stands on one line."""


def text(graph: SourceGraph) -> str:
    """The prototxt of a network."""
    return f"name: {_quoted(graph.name)}\n" + "".join(_layer(layer) for layer in graph.layers)


def _layer(layer: Layer) -> str:
    lines = [f"name: {_quoted(layer.name)}", f"type: {_quoted(layer.kind)}"]
    lines += [f"bottom: {_quoted(name)}" for name in layer.inputs]
    lines += [f"top: {_quoted(name)}" for name in layer.outputs]
    if layer.attrs:
        field = message_fields(layer.kind)[0]
        descriptor = schema.new("LayerParameter").DESCRIPTOR.fields_by_name[field].message_type
        lines += _block(field, dict(layer.attrs), descriptor)
    body = "".join(f"{_INDENT}{line}\n" for line in lines)
    return f"layer {{\n{body}}}\n"


def _block(name: str, values: Mapping[str, object], descriptor: Any) -> list[str]:
    lines = list(_fields(values, descriptor))
    line = f"{name} {{ {' '.join(lines)} }}"
    if len(line) <= _ONE_LINE and len(lines) <= _MAX_ON_LINE.get(name, 1):
        return [line]
    return [f"{name} {{", *(f"{_INDENT}{inner}" for inner in lines), "}"]


_MAX_ON_LINE = {"shape": 32, "input_param": 1}
"""A shape's dimensions stand on one line; of other blocks only those with one field do."""


def _fields(values: Mapping[str, object], descriptor: Any) -> Iterator[str]:
    for name, value in values.items():
        field = descriptor.fields_by_name[name]
        for item in value if isinstance(value, tuple) else (value,):
            if field.message_type is not None:
                yield from _block(name, item, field.message_type)
            else:
                yield f"{name}: {_scalar(item, field)}"


def _scalar(value: object, field: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if field.enum_type is not None else _quoted(value)
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return str(np.float32(value)).removesuffix(".0")  # type: ignore[arg-type] # the stubs want a Python float
    return str(value)


def _quoted(value: str) -> str:
    escaped = text_encoding.CEscape(value, as_utf8=True)  # type: ignore[arg-type] # the stubs know only its bytes
    return f'"{escaped}"'
