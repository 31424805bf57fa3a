"""The binary caffemodel, walked in place: layer names, how they hang together, and where each blob lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from converters import wire
from converters.binary import Cursor, mapped
from converters.diagnostic import Diagnostic, Where
from converters.weights import ArrayWeight, FileWeight, Weight, cast, reshaped

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
            _layer(path, _inside(cursor, found), _GENERATIONS[found.number])
            for found in wire.fields(cursor)
            if found.number in _GENERATIONS and found.wire == wire.BYTES
        )
    if not layers:
        raise Diagnostic("not-a-caffemodel", "holds no layers; it is not a caffemodel", where=Where(file=str(path)))
    return layers


def _layer(path: Path, cursor: Cursor, numbers: _Fields) -> StoredLayer:
    name, bottoms, tops, blobs = "", [], [], []
    for found in wire.fields(cursor):
        if found.wire != wire.BYTES:
            continue
        if found.number == numbers.name:
            name = _string(cursor, found)
        elif found.number == numbers.bottom:
            bottoms.append(_string(cursor, found))
        elif found.number == numbers.top:
            tops.append(_string(cursor, found))
        elif found.number == numbers.blobs:
            blobs.append(_blob(path, _inside(cursor, found)))
        elif found.number == numbers.nested:
            nested = _layer(path, _inside(cursor, found), _Fields(_V0_NAME, -1, -1, _V0_BLOBS, None))
            name, blobs = nested.name, list(nested.blobs)
    return StoredLayer(name, tuple(bottoms), tuple(tops), tuple(blobs))


@dataclass(slots=True)
class _Blob:
    """What has been seen of a BlobProto: its shape in either style, and its numbers, packed or one tag each."""

    shape: tuple[int, ...] | None = None
    legacy: dict[int, int] = field(default_factory=dict)
    pieces: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    loose: dict[int, bytearray] = field(default_factory=dict)

    def see(self, cursor: Cursor, found: wire.Field) -> None:
        """Take note of one found."""
        numbers = found.number in (_BLOB_DATA, _BLOB_DOUBLE)
        if found.wire == wire.VARINT:
            if found.number in _BLOB_LEGACY:
                self.legacy[found.number] = found.value
        elif found.number == _BLOB_SHAPE:
            self.shape = tuple(_dims(_inside(cursor, found)))
        elif numbers and found.wire == wire.BYTES:
            self.pieces.setdefault(found.number, []).append((found.start, found.end - found.start))
        elif numbers:
            self.loose.setdefault(found.number, bytearray()).extend(_bytes(cursor, found))


def average(path: Path) -> Weight:
    """The blob of a .binaryproto, a file that is one BlobProto: an average image [channels, height, width]."""
    with mapped(path) as cursor:
        blob = _blob(path, cursor)
    shape = blob.shape[1:] if len(blob.shape) == 4 and blob.shape[0] == 1 else blob.shape
    return reshaped(blob, shape)


def _blob(path: Path, cursor: Cursor) -> Weight:
    start = cursor.position
    seen = _Blob()
    for found in wire.fields(cursor):
        seen.see(cursor, found)
    number, dtype = (_BLOB_DOUBLE, _DOUBLE) if {*seen.pieces, *seen.loose} & {_BLOB_DOUBLE} else (_BLOB_DATA, _FLOAT)
    pieces, loose = seen.pieces.get(number, []), bytes(seen.loose.get(number, b""))
    size = sum(length for _, length in pieces) + len(loose)
    shape = seen.shape
    if shape is None:
        legacy = tuple(seen.legacy.get(axis, 0) for axis in _BLOB_LEGACY)
        shape = legacy if seen.legacy else (size // dtype.itemsize,)
    if size != _product(shape) * dtype.itemsize or (pieces and loose):
        cursor.position = start
        code = "stripped-weights" if size == 0 else "damaged-file"
        cursor.fail(f"a blob of shape {list(shape)} holds {size} bytes of numbers", code)
    if loose:
        return cast(ArrayWeight(np.frombuffer(loose, dtype).reshape(shape)), _FLOAT)
    return cast(FileWeight(path, tuple(pieces), shape, dtype), _FLOAT)


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for dim in shape:
        total *= dim
    return total


def _dims(cursor: Cursor) -> Iterator[int]:
    count = 0
    for found in wire.fields(cursor):
        if found.number != _SHAPE_DIM:
            continue
        if found.wire == wire.VARINT:
            values = [found.value]
        else:
            inner = _inside(cursor, found)
            values = []
            while inner.remaining():
                values.append(inner.varint())
                if len(values) > MAX_AXES:
                    inner.fail(f"a blob has more than {MAX_AXES} dimensions")
        count += len(values)
        if count > MAX_AXES:
            cursor.fail(f"a blob has more than {MAX_AXES} dimensions")
        yield from values


def _string(cursor: Cursor, found: wire.Field) -> str:
    raw = _bytes(cursor, found)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _bytes(cursor: Cursor, found: wire.Field) -> bytes:
    return _inside(cursor, found).take(found.end - found.start)


def _inside(cursor: Cursor, found: wire.Field) -> Cursor:
    return cursor.within(found.start, found.end)
