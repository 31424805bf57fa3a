""".params and .ndarray: lists of named arrays, versions 0 to 3, dense, row-sparse and csr; no number is copied."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converters.binary import Cursor, mapped
from converters.weights import ComputedWeight, FileWeight, Shape, Weight

LIST_MAGIC = 0x112
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
MAX_RANK = 32
BFLOAT16 = 12
DTYPES = ("<f4", "<f8", "<f2", "u1", "<i4", "i1", "<i8", "?", "<i2", "<u2", "<u4", "<u8")
"""Element types by their number in a file (mshadow/base.h); 12 is bfloat16."""
_DENSE, _ROW_SPARSE, _CSR = 0, 1, 2
_INDICES = {_DENSE: 0, _ROW_SPARSE: 1, _CSR: 2}
"""How many index arrays a storage type has: rows; row pointers and columns."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The type and shape of one stored block of numbers."""

    dtype: int
    shape: Shape

    def size(self) -> int:
        return math.prod(self.shape) * (2 if self.dtype == BFLOAT16 else np.dtype(DTYPES[self.dtype]).itemsize)


def read(path: Path) -> Mapping[str, Weight]:
    """The arrays of a file by name, prefixes `arg:` and `aux:` kept, in the file's order; empty arrays are left out.

    A file without names numbers its arrays. The device that an array was saved from means nothing here.
    """
    with mapped(path) as cursor:
        if _number(cursor, "<Q") != LIST_MAGIC:
            cursor.fail("this does not begin as an MXNet parameter file")
        cursor.skip(8)  # reserved
        count = _count(cursor, 4, "arrays")
        weights = [_array(cursor, path) for _ in range(count)]
        names = [_text(cursor) for _ in range(_count(cursor, 8, "names"))]
        if cursor.remaining():
            cursor.fail(f"{cursor.remaining()} bytes follow the last name")
    if names and len(names) != len(weights):
        cursor.fail(f"{len(names)} names stand for {len(weights)} arrays")
    named = zip(names or map(str, range(count)), weights, strict=True)
    return {name: weight for name, weight in named if weight is not None}


def _array(cursor: Cursor, path: Path) -> Weight | None:
    """One array (ndarray.cc, NDArray::Load and LegacyLoad); None where it has no content."""
    magic = _number(cursor, "<I")
    storage, stored = _DENSE, None
    if magic in (V2, V3):
        storage = _number(cursor, "<i")
        if storage not in _INDICES:
            cursor.fail(f"storage type {storage} is none of MXNet's")
        stored = _shape(cursor) if _INDICES[storage] else None
    shape = _shape(cursor) if magic in (V1, V2, V3) else _dims(cursor, magic, "<I")
    if shape is None or (not shape and magic != V3):
        return None
    cursor.skip(8)  # device type and number
    dtype = _dtype(cursor)
    indices = [_Part(_dtype(cursor), _shape(cursor) or ()) for _ in range(_INDICES[storage])]
    # cast_storage leaves a stored shape of 0 behind: MXNet itself goes by the last array of indices
    values = (*indices[-1].shape[:1], *(stored or ())[1:]) if indices else shape
    parts = [_weight(cursor, path, part) for part in (_Part(dtype, values), *indices)]
    if storage == _DENSE:
        return parts[0]
    return _dense(cursor, storage, shape, parts)


def _weight(cursor: Cursor, path: Path, part: _Part) -> Weight:
    size = part.size()
    place = ((cursor.skip(size), size),)
    if part.dtype != BFLOAT16:
        return FileWeight(path, place, part.shape, np.dtype(DTYPES[part.dtype]))
    halves = FileWeight(path, place, part.shape, np.dtype("<u2"))
    wide = np.dtype("<f4")
    return ComputedWeight(part.shape, wide, lambda: (halves.array().astype("<u4") << 16).view(wide))


def _dense(cursor: Cursor, storage: int, shape: Shape, parts: list[Weight]) -> Weight:
    """A sparse array as a dense one, made when its numbers are asked for; indices are checked then."""
    values, where = parts[0], cursor.position
    fill = _rows if storage == _ROW_SPARSE else _csr
    fits = values.shape[1:] == shape[1:] if storage == _ROW_SPARSE else len(shape) == 2 and len(values.shape) == 1
    if not fits or not all(len(part.shape) == 1 for part in parts[1:]) or math.prod(shape) >= 1 << 31:
        cursor.fail(f"a sparse array of shape {list(shape)} holds values of shape {list(values.shape)}")
    window = cursor.within(where, where)

    def compute() -> np.ndarray:
        dense = np.zeros(shape, values.dtype)
        try:
            fill(dense, *(part.array() for part in parts))
        except (IndexError, ValueError):
            window.fail("a sparse array's indices lie outside of it")
        return dense

    return ComputedWeight(shape, values.dtype, compute)


def _rows(dense: np.ndarray, values: np.ndarray, rows: np.ndarray) -> None:
    if rows.size and rows.min() < 0:
        raise IndexError
    dense[rows] = values


def _csr(dense: np.ndarray, values: np.ndarray, pointers: np.ndarray, columns: np.ndarray) -> None:
    counts = np.diff(pointers)
    if len(counts) != len(dense) or counts.min(initial=0) < 0 or columns.min(initial=0) < 0:
        raise IndexError
    if pointers[0] != 0 or pointers[-1] != len(columns):  # before anything grows by what a pointer says
        raise IndexError
    dense[np.repeat(np.arange(len(dense)), counts), columns] = values


def _shape(cursor: Cursor) -> Shape | None:
    """A shape with a signed rank and 64-bit dimensions; None where it is unknown."""
    rank = _number(cursor, "<i")
    return None if rank < 0 else _dims(cursor, rank, "<q")


def _dims(cursor: Cursor, rank: int, code: str) -> Shape | None:
    if rank > MAX_RANK:
        cursor.fail(f"an array of {rank} dimensions is announced here")
    dims = struct.unpack(f"<{rank}{code[1]}", cursor.take(rank * struct.calcsize(code)))
    return None if any(dim < 0 for dim in dims) else dims


def _dtype(cursor: Cursor) -> int:
    number = _number(cursor, "<i")
    if not 0 <= number <= BFLOAT16:
        cursor.fail(f"element type {number} is none of MXNet's")
    return number


def _text(cursor: Cursor) -> str:
    raw = cursor.take(_count(cursor, 1, "bytes of a name"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _count(cursor: Cursor, least: int, what: str) -> int:
    """A 64-bit count of things that take at least `least` bytes each."""
    count = _number(cursor, "<Q")
    if count * least > cursor.remaining():
        cursor.fail(f"{count} {what} are announced here, {cursor.remaining()} bytes are left")
    return count


def _number(cursor: Cursor, code: str) -> int:
    (value,) = struct.unpack(code, cursor.take(struct.calcsize(code)))
    return int(value)
