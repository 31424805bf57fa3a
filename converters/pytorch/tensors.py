"""Tensors as checkpoints hold them: a storage, an offset, a shape and strides; and their lazy weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from converters.diagnostic import Diagnostic, Where
from converters.pytorch.places import Place, Plain
from converters.weights import ComputedWeight, FileWeight, Shape, Weight

MAX_AXES = 64

ELEMENTS: Mapping[str, str] = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128", "QInt8Storage": "int8", "QUInt8Storage": "uint8", "QInt32Storage": "int32",
    "UntypedStorage": "uint8",
}  # fmt: skip
"""torch's storage classes -> element types; quantised ones hold plain integers."""
TYPES: Mapping[str, str] = {
    "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32", "short": "int16",
    "float8_e4m3fn": "float8_e4m3fn", "float8_e5m2": "float8_e5m2", "quint8": "uint8", "qint8": "int8",
    "qint32": "int32",
} | {name: name for name in (
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32",
    "uint64", "bool", "complex64", "complex128",
)}  # fmt: skip
"""torch's dtypes -> numpy's names (some from ml_dtypes)."""
_OWN = {"bfloat16", "float8_e4m3fn", "float8_e5m2"}


@cache
def element(name: str) -> np.dtype[np.generic]:
    """The numpy type of an element, little-endian."""
    if name in _OWN:
        import ml_dtypes

        kind: np.dtype[np.generic] = np.dtype(getattr(ml_dtypes, name))
        return kind
    return np.dtype(name).newbyteorder("<")


@dataclass(slots=True, eq=False)
class Storage:
    """A run of elements; `place` is known once the file is read to its end, `start` is a byte in it."""

    element: str
    size: int  # bytes
    key: str
    big: bool = False
    place: Place | None = None
    start: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A tensor: `offset` and `strides` count elements; `quantised` names the scheme of a quantised one."""

    storage: Storage
    offset: int
    shape: Shape
    strides: Shape
    element: str
    quantised: str | None = None


def stored(
    storage: object,
    offset: object,
    shape: object,
    strides: object,
    element_name: str = "",
    quantised: str | None = None,
) -> Stored:
    """A tensor from what a pickle says; raises TypeError or ValueError where that is no tensor."""
    if not isinstance(storage, Storage):
        raise TypeError("a tensor without a storage")
    if not isinstance(offset, int) or offset < 0:
        raise ValueError("a tensor's offset is negative")
    sizes, steps = _counts(shape), _counts(strides)
    if len(sizes) != len(steps):
        raise ValueError("a tensor has other strides than dimensions")
    return Stored(storage, offset, sizes, steps, element_name or storage.element, quantised)


def _counts(values: object) -> Shape:
    if not isinstance(values, Sequence) or isinstance(values, str | bytes) or len(values) > MAX_AXES:
        raise TypeError("a shape is no list of numbers")
    if any(not isinstance(value, int) or isinstance(value, bool) or value < 0 for value in values):
        raise ValueError("a size or stride is negative")
    return tuple(values)


def weight(name: str, tensor: Stored, file: str) -> Weight:
    """The lazy weight of a tensor: contiguous ones are copied from the file as they are, others gathered when asked.

    Refuses a tensor that reaches beyond its storage, and a stride of 0 that makes many numbers of few.
    """
    dtype, storage = element(tensor.element), tensor.storage
    count = math.prod(tensor.shape)
    last = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.strides, strict=True)) if count else -1
    begin, span = tensor.offset * dtype.itemsize, (last + 1) * dtype.itemsize
    place = storage.place
    if place is None or storage.start + storage.size > place.size:
        raise _refused(file, name, f"its storage {storage.key} is not in the file, or not whole")
    if begin + span > storage.size:
        raise _refused(file, name, f"it needs {begin + span:,} bytes of a storage of {storage.size:,}")
    if count * dtype.itemsize > max(16 * storage.size, 1 << 20):
        raise _refused(file, name, f"{count:,} numbers of a storage of {storage.size:,} bytes")
    start = storage.start + begin
    if isinstance(place, Plain) and not storage.big and _contiguous(tensor):
        return FileWeight(place.path, ((place.offset + start, span),), tensor.shape, dtype)

    def gather() -> np.ndarray:
        kind = dtype.newbyteorder(">") if storage.big else dtype
        flat = np.frombuffer(place.read(start, span), kind)
        strides = [step * dtype.itemsize for step in tensor.strides]
        return np.lib.stride_tricks.as_strided(flat, tensor.shape, strides, writeable=False).astype(dtype)

    return ComputedWeight(tensor.shape, dtype, gather)


def _contiguous(tensor: Stored) -> bool:
    expected = 1
    for size, step in zip(reversed(tensor.shape), reversed(tensor.strides), strict=True):
        if size != 1 and step != expected:
            return math.prod(tensor.shape) == 0
        expected *= size
    return True


def _refused(file: str, name: str, reason: str) -> Diagnostic:
    return Diagnostic("damaged-file", f'the tensor "{name}" cannot be: {reason}', where=Where(file=file))
