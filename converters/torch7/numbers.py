"""Tensors -> lazy weights: contiguous ones are a run of the file's bytes, others a strided view of such a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from converters.binary import opened
from converters.diagnostic import Diagnostic, Where
from converters.torch7.objects import Storage, Tensor, contiguous_stride, elements
from converters.weights import CHUNK, ArrayWeight, ComputedWeight, FileWeight, Shape, Weight

MAX_EXPANDED = 1 << 30  # bytes; a view may show a number many times (stride 0), and a hostile one very many


def weight(tensor: Tensor, path: Path) -> Weight:
    """The tensor's numbers, in its own element type; an empty tensor has the shape (0,)."""
    storage, size = tensor.storage, tensor.size or (0,)
    if storage is None or elements(tensor.size) == 0:
        return ArrayWeight(np.zeros(size if elements(tensor.size) == 0 and 0 in size else (0,), tensor.dtype))
    steps = [step for dim, step in zip(size, tensor.stride, strict=True) if dim > 1]
    packed = [step for dim, step in zip(size, contiguous_stride(size), strict=True) if dim > 1]
    if steps == packed:
        return run(storage, path, tensor.offset, elements(size), size)
    if elements(size) * tensor.dtype.itemsize > MAX_EXPANDED:
        raise Diagnostic(
            "damaged-file",
            f"a tensor of size {list(size)} shows {storage.count} numbers again and again",
            where=Where(file=str(path), byte=tensor.byte),
        )
    return ComputedWeight(size, tensor.dtype, lambda: _strided(tensor, path))


def run(storage: Storage, path: Path, first: int, count: int, shape: Shape | None = None) -> Weight:
    """`count` numbers of a storage, beginning with the `first`."""
    shape = (count,) if shape is None else shape
    width = storage.dtype.itemsize
    if storage.text and width > 1:
        return AsciiWeight(path, storage, first, count, shape)
    return FileWeight(path, ((storage.start + first * width, count * width),), shape, storage.dtype)


def _strided(tensor: Tensor, path: Path) -> np.ndarray:
    assert tensor.storage is not None
    span = sum((dim - 1) * step for dim, step in zip(tensor.size, tensor.stride, strict=True)) + 1
    flat = run(tensor.storage, path, tensor.offset, span).array()
    strides = [step * flat.itemsize for step in tensor.stride]
    return np.lib.stride_tricks.as_strided(flat, tensor.size, strides, writeable=False).copy()


@dataclass(frozen=True, slots=True, eq=False)
class AsciiWeight:
    """Numbers that stand in the file as text on one line, separated by spaces; parsed when they are asked for."""

    path: Path
    storage: Storage
    first: int
    count: int
    shape: Shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The element type of the storage."""
        return self.storage.dtype

    def array(self) -> np.ndarray:
        """The numbers; refuses a line that holds fewer, or something else."""
        return np.frombuffer(b"".join(self.chunks()), self.dtype).reshape(self.shape)

    def chunks(self) -> Iterator[bytes]:
        """The numbers in binary, parsed a piece of the line at a time."""
        position = 0
        for words in self._words():
            start = max(self.first - position, 0)
            end = min(self.first + self.count - position, len(words))
            if start < end:
                yield self._parse(words[start:end])
            position += len(words)
        if position < self.first + self.count:
            self._fail(f"a line of numbers has {position}, expected {self.storage.count}")

    def _words(self) -> Iterator[list[bytes]]:
        left, rest = self.storage.end - self.storage.start, b""
        with opened(self.path) as descriptor:
            os.lseek(descriptor, self.storage.start, os.SEEK_SET)
            while left > 0:
                block = os.read(descriptor, min(CHUNK, left))
                if not block:
                    self._fail("the file became shorter while it was read")
                left -= len(block)
                text, _, rest = (rest + block).rpartition(b" ") if left else (rest + block, b"", b"")
                yield text.split()

    def _parse(self, words: list[bytes]) -> bytes:
        kind = np.int64 if self.dtype.kind in "iu" else np.float64
        try:
            return np.array(words).astype(kind).astype(self.dtype).tobytes()
        except ValueError:
            self._fail("a line of numbers holds something else")

    def _fail(self, message: str) -> NoReturn:
        raise Diagnostic("damaged-file", message, where=Where(file=str(self.path), byte=self.storage.start))
