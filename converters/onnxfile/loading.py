"""ONNX file -> hub, without reading the weights: their bytes stay in the file until somebody asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError
from onnx import helper

from converters import wire
from converters.binary import Cursor, mapped
from converters.diagnostic import Diagnostic, Where
from converters.hub.builder import lazy_tensor
from converters.weights import FileWeight

_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9  # fields of ModelProto, GraphProto and TensorProto
_DATA_TYPE = 2
_LAZY_FROM = 1024  # bytes; smaller tensors are read at once
_PLAIN = {helper.np_dtype_to_tensor_dtype(np.dtype(name)) for name in (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
)}  # fmt: skip
"""Element types whose raw bytes are numpy's; packed and 8-bit floats are read at once."""


class Place(NamedTuple):
    """Where the numbers of one initializer lie that were left in their file."""

    file: Path
    offset: int
    size: int


class _Left(NamedTuple):
    """The payload of one initializer that stays in the file."""

    offset: int
    size: int


def load(path: Path) -> ir.Model:
    """The model of an ONNX file; initializers of a kilobyte and more are lazy.

    External data must lie beside the file, under its folder. Raises `Diagnostic` for what is no ONNX file.
    """
    proto, places = lean(path)
    tensors = list(proto.graph.initializer)
    try:
        model = ir.serde.deserialize_model(proto)
    except ir.serde.SerdeError as fault:
        reason = str(fault.__cause__ or fault).strip().splitlines()[0]
        raise Diagnostic("invalid-model", f"is no valid graph: {reason}", where=Where(file=str(path))) from fault
    for tensor, place in zip(tensors, places, strict=True):
        if place is not None:
            _leave(model, tensor, place)
    return model


def lean(path: Path) -> tuple[onnx.ModelProto, list[Place | None]]:
    """The message of an ONNX file without its large numbers, and for each initializer where they lie.

    None for one that the message holds. Raises `Diagnostic` as `load` does.
    """
    with mapped(path) as cursor:
        left: list[_Left | None] = []
        lean = b"".join(_without_payloads(cursor, left))
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(lean)
    except DecodeError as fault:
        raise Diagnostic("damaged-file", "is no ONNX file, or a damaged one", where=Where(file=str(path))) from fault
    if not proto.HasField("graph"):
        raise Diagnostic("damaged-file", "is an ONNX file without a graph", where=Where(file=str(path)))
    return proto, [_place(path, tensor, one) for tensor, one in zip(proto.graph.initializer, left, strict=True)]


def _place(path: Path, tensor: onnx.TensorProto, left: _Left | None) -> Place | None:
    if tensor.external_data:
        return _external(path, tensor)
    return Place(path, *left) if left is not None else None


def _leave(model: ir.Model, tensor: onnx.TensorProto, place: Place) -> None:
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type)).newbyteorder("<")
    shape = tuple(tensor.dims)
    if int(np.prod(shape, dtype=object)) * dtype.itemsize != place.size:
        raise Diagnostic(
            "damaged-file",
            f'the tensor "{tensor.name}" of shape {list(shape)} has {place.size} bytes of numbers',
            where=Where(file=str(place.file), byte=place.offset),
        )
    weight = FileWeight(place.file, ((place.offset, place.size),), shape, dtype)
    value = model.graph.initializers[tensor.name]
    value.const_value = lazy_tensor(tensor.name, weight)


def _external_file(path: Path, tensor: onnx.TensorProto) -> Path:
    folder = path.parent.resolve()
    location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
    file = (folder / location).resolve()
    if not file.is_relative_to(folder) or not location:
        raise Diagnostic(
            "path-escape", f'the tensor "{tensor.name}" points to {location!r}, outside the folder of the model',
            where=Where(file=str(path)),
        )  # fmt: skip
    if not file.is_file():
        raise Diagnostic(
            "external-data-missing", f"the file {location!r} with its weights is missing", where=Where(file=str(path))
        )
    return file


def _external(path: Path, tensor: onnx.TensorProto) -> Place:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    file = _external_file(path, tensor)
    offset = int(entries.get("offset") or 0)
    size = int(entries.get("length") or file.stat().st_size - offset)
    if offset < 0 or size < 0 or offset + size > file.stat().st_size:
        raise Diagnostic(
            "damaged-file", f'the tensor "{tensor.name}" lies outside of it', where=Where(file=str(file), byte=offset)
        )
    return Place(file, offset, size)


def _without_payloads(cursor: Cursor, left: list[_Left | None]) -> Iterator[bytes]:
    """The model's bytes without the large payloads of the main graph's initializers."""
    for field in wire.fields(cursor):
        if field.number == _GRAPH and field.wire == wire.BYTES:
            body = b"".join(_lean_graph(cursor.within(field.start, field.end), left))
            yield wire.header(_GRAPH, len(body)) + body
        else:
            yield _copy(cursor, field)


def _lean_graph(cursor: Cursor, left: list[_Left | None]) -> Iterator[bytes]:
    for field in wire.fields(cursor):
        if field.number == _INITIALIZER and field.wire == wire.BYTES:
            payload: list[_Left] = []
            body = b"".join(_lean_tensor(cursor.within(field.start, field.end), payload))
            left.append(payload[-1] if payload else None)
            yield wire.header(_INITIALIZER, len(body)) + body
        else:
            yield _copy(cursor, field)


def _lean_tensor(cursor: Cursor, payload: list[_Left]) -> Iterator[bytes]:
    element = 0
    for field in wire.fields(cursor):
        size = field.end - field.start
        if field.number == _DATA_TYPE:
            element = field.value
        if field.number == _RAW_DATA and field.wire == wire.BYTES and size >= _LAZY_FROM and element in _PLAIN:
            payload.append(_Left(field.start, size))
        else:
            yield _copy(cursor, field)


def _copy(cursor: Cursor, field: wire.Field) -> bytes:
    return cursor.within(field.tag_start, field.end).take(field.end - field.tag_start)
