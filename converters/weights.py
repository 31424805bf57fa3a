"""Lazy weights: a shape, a dtype and a place; bytes move only when somebody computes with them or copies them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from converters.binary import opened
from converters.diagnostic import Diagnostic, Where

CHUNK = 1 << 20  # bytes; large enough for full disk speed, small enough to keep memory flat

Shape = tuple[int, ...]


@runtime_checkable
class Weight(Protocol):
    """What every weight can do. Arrays are read-only, little-endian, C order."""

    @property
    def shape(self) -> Shape:
        """The shape in the source's own layout."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The element type of the numbers as they are stored."""

    def array(self) -> np.ndarray:
        """All numbers in memory, read-only."""

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The numbers' bytes in order, at most a few MiB at a time."""


@dataclass(frozen=True, slots=True)
class FileWeight:
    """Numbers that lie in a file in one or more pieces `(offset, bytes)`, little-endian."""

    path: Path
    pieces: tuple[tuple[int, int], ...]
    shape: Shape
    dtype: np.dtype[np.generic]

    def array(self) -> np.ndarray:
        """The numbers, read from the file."""
        flat = np.frombuffer(b"".join(self.chunks()), dtype=self.dtype)
        return flat.reshape(self.shape)

    def chunks(self) -> Iterator[bytes]:
        """Read the pieces one after the other, never through a mapping, so that memory stays flat."""
        import os

        with opened(self.path) as descriptor:
            for offset, size in self.pieces:
                for start in range(offset, offset + size, CHUNK):
                    wanted = min(CHUNK, offset + size - start)
                    block = os.pread(descriptor, wanted, start)
                    if len(block) != wanted:
                        raise Diagnostic(
                            "damaged-file",
                            "the file became shorter while it was read",
                            where=Where(file=str(self.path), byte=start + len(block)),
                        )
                    yield block


@dataclass(frozen=True, slots=True, eq=False)
class ArrayWeight:
    """Numbers that are in memory already."""

    values: np.ndarray

    @property
    def shape(self) -> Shape:
        """The array's shape."""
        return self.values.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The array's element type."""
        return self.values.dtype

    def array(self) -> np.ndarray:
        """The array itself, read-only."""
        view = self.values.view()
        view.flags.writeable = False
        return view

    def chunks(self) -> Iterator[memoryview]:
        """The array's bytes."""
        return _slices(self.values)


@dataclass(frozen=True, slots=True, eq=False)
class ComputedWeight:
    """Numbers that follow from others; computed anew each time they are asked for, never kept."""

    shape: Shape
    dtype: np.dtype[np.generic]
    compute: Callable[[], np.ndarray]

    def array(self) -> np.ndarray:
        """Compute the numbers and check that they are what was promised."""
        values = np.asarray(self.compute(), dtype=self.dtype).reshape(self.shape)
        values.flags.writeable = False
        return values

    def chunks(self) -> Iterator[memoryview]:
        """The computed numbers' bytes."""
        return _slices(self.array())


@dataclass(frozen=True, slots=True, eq=False)
class ReshapedWeight:
    """The same numbers in the same order under another shape."""

    source: Weight
    shape: Shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The source's element type."""
        return self.source.dtype

    def array(self) -> np.ndarray:
        """The source's numbers under the new shape."""
        return self.source.array().reshape(self.shape)

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The source's bytes, unchanged."""
        return self.source.chunks()


def reshaped(weight: Weight, shape: Shape) -> Weight:
    """`weight` under another shape of the same size, without touching its bytes."""
    if weight.shape == shape:
        return weight
    assert math.prod(weight.shape) == math.prod(shape)
    return ReshapedWeight(weight, shape)


def cast(weight: Weight, dtype: np.dtype[np.generic]) -> Weight:
    """`weight` as another element type; the conversion happens when the numbers are asked for."""
    if weight.dtype == dtype:
        return weight
    return ComputedWeight(weight.shape, dtype, lambda: weight.array().astype(dtype))


def nbytes(weight: Weight) -> int:
    """How many bytes the numbers take."""
    return math.prod(weight.shape) * weight.dtype.itemsize


def _slices(values: np.ndarray) -> Iterator[memoryview]:
    flat = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
    for start in range(0, flat.size, CHUNK):
        yield flat[start : start + CHUNK].data
