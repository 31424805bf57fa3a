"""The binary caffemodel, walked in place: layer names, how they hang together, and where each blob lies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converters import wire
from converters.binary import Cursor, mapped
from converters.diagnostic import Diagnostic, Where
from converters.weights import ArrayWeight, FileWeight, Weight, cast

# Field numbers: NetParameter, then per generation those of a layer, then BlobProto and BlobShape.
_NET_LAYERS_V1, _NET_LAYER = 2, 100
_BLOB_LEGACY, _BLOB_DATA, _BLOB_SHAPE, _BLOB_DOUBLE = (1, 2, 3, 4), 5, 7, 8
_SHAPE_DIM = 1
MAX_AXES = 32  # Caffe's kMaxBlobAxes
_FLOAT, _DOUBLE = np.dtype("<f4"), np.dtype("<f8")


@dataclass(frozen=True, slots=True)
class _Fields:
    """The field numbers of a layer message of one generation."""

    name: int
    bottom: int
    top: int
    blobs: int
    nested: int | None  # where a V0 layer hides


_GENERATIONS = {_NET_LAYER: _Fields(1, 3, 4, 7, None), _NET_LAYERS_V1: _Fields(4, 2, 3, 6, 1)}
_V0_NAME, _V0_BLOBS = 1, 50


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """A layer of the weights file."""

    name: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    blobs: tuple[Weight, ...]


def read(path: Path) -> tuple[StoredLayer, ...]:
    """All layers of a caffemodel, in the file's order; their numbers stay in the file."""
    with mapped(path) as cursor:
        layers = tuple(
            _layer(path, _inside(cursor, field), _GENERATIONS[field.number])
            for field in wire.fields(cursor)
            if field.number in _GENERATIONS and field.wire == wire.BYTES
        )
    if not layers:
        raise Diagnostic(
            "not-a-caffemodel", "holds no layers; it is not a caffemodel", where=Where(file=str(path))
        )
    return layers


def _layer(path: Path, cursor: Cursor, numbers: _Fields) -> StoredLayer:
    name, bottoms, tops, blobs = "", [], [], []
    for field in wire.fields(cursor):
        if field.wire != wire.BYTES:
            continue
        if field.number == numbers.name:
            name = _string(cursor, field)
        elif field.number == numbers.bottom:
            bottoms.append(_string(cursor, field))
        elif field.number == numbers.top:
            tops.append(_string(cursor, field))
        elif field.number == numbers.blobs:
            blobs.append(_blob(path, _inside(cursor, field)))
        elif field.number == numbers.nested:
            nested = _layer(path, _inside(cursor, field), _Fields(_V0_NAME, -1, -1, _V0_BLOBS, None))
            name, blobs = nested.name, list(nested.blobs)
    return StoredLayer(name, tuple(bottoms), tuple(tops), tuple(blobs))


def _blob(path: Path, cursor: Cursor) -> Weight:
    start = cursor.position
    legacy = dict.fromkeys(_BLOB_LEGACY, 0)
    has_legacy = False
    shape: tuple[int, ...] | None = None
    pieces: dict[int, list[tuple[int, int]]] = {_BLOB_DATA: [], _BLOB_DOUBLE: []}
    loose: dict[int, bytearray] = {_BLOB_DATA: bytearray(), _BLOB_DOUBLE: bytearray()}  # unpacked: a tag a number
    for field in wire.fields(cursor):
        if field.number in pieces and field.wire == wire.BYTES:
            pieces[field.number].append((field.start, field.end - field.start))
        elif field.number in loose and field.wire != wire.VARINT:
            loose[field.number] += cursor.within(field.start, field.end).take(field.end - field.start)
        elif field.number == _BLOB_SHAPE and field.wire == wire.BYTES:
            shape = tuple(_dims(_inside(cursor, field)))
        elif field.number in legacy and field.wire == wire.VARINT:
            legacy[field.number] = field.value
            has_legacy = True
    in_double = pieces[_BLOB_DOUBLE] or loose[_BLOB_DOUBLE]
    number, dtype = (_BLOB_DOUBLE, _DOUBLE) if in_double else (_BLOB_DATA, _FLOAT)
    size = sum(length for _, length in pieces[number]) + len(loose[number])
    if shape is None:
        shape = tuple(legacy.values()) if has_legacy else (size // dtype.itemsize,)
    if size == 0 and math.prod(shape):
        return _empty(cursor, start, shape)
    if math.prod(shape) * dtype.itemsize != size:
        cursor.position = start
        cursor.fail(f"a blob of shape {list(shape)} has {size} bytes of numbers")
    if loose[number]:
        values = np.frombuffer(bytes(loose[number]), dtype)
        if values.size != math.prod(shape):
            cursor.fail("a blob is half packed and half not")
        return cast(ArrayWeight(values.reshape(shape)), _FLOAT)
    return cast(FileWeight(path, tuple(pieces[number]), shape, dtype), _FLOAT)


def _empty(cursor: Cursor, start: int, shape: tuple[int, ...]) -> Weight:
    """A blob that says its shape and holds no numbers: a caffemodel that was stripped of its weights."""
    cursor.position = start
    cursor.fail(f"a blob of shape {list(shape)} holds no numbers", code="stripped-weights")


def _dims(cursor: Cursor) -> Iterator[int]:
    count = 0
    for field in wire.fields(cursor):
        if field.number != _SHAPE_DIM:
            continue
        if field.wire == wire.VARINT:
            values = [field.value]
        else:
            inner = _inside(cursor, field)
            values = []
            while inner.remaining():
                values.append(inner.varint())
                if len(values) > MAX_AXES:
                    inner.fail(f"a blob has more than {MAX_AXES} dimensions")
        count += len(values)
        if count > MAX_AXES:
            cursor.fail(f"a blob has more than {MAX_AXES} dimensions")
        yield from values


def _string(cursor: Cursor, field: wire.Field) -> str:
    raw = _inside(cursor, field).take(field.end - field.start)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _inside(cursor: Cursor, field: wire.Field) -> Cursor:
    return cursor.within(field.start, field.end)
