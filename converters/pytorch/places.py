"""Where a storage's bytes lie: in the file as they are, or packed in a zip member."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from converters.binary import opened
from converters.diagnostic import Diagnostic, Where


class Place(Protocol):
    """The bytes of one storage."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, start: int, count: int) -> bytes:
        """`count` of them from `start` on."""


@dataclass(frozen=True, slots=True)
class Plain:
    """Bytes of a file."""

    path: Path
    offset: int
    size: int

    def read(self, start: int, count: int) -> bytes:
        """Read them; a file that became shorter is refused."""
        return pread(self.path, self.offset + start, count)


@dataclass(frozen=True, slots=True)
class Packed:
    """A compressed zip member, unpacked each time it is asked for."""

    path: Path
    offset: int
    packed: int
    size: int

    def read(self, start: int, count: int) -> bytes:
        """Unpack the member, at most its announced size."""
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = inflater.decompress(pread(self.path, self.offset, self.packed), self.size + 1)
        except zlib.error as fault:
            raise _damaged(self.path, self.offset, f"a packed member cannot be unpacked: {fault}") from fault
        if len(data) != self.size:
            raise _damaged(self.path, self.offset, f"a packed member does not unpack to its {self.size} bytes")
        return data[start : start + count]


def pread(path: Path, offset: int, count: int) -> bytes:
    """Exactly `count` bytes of a file."""
    with opened(path) as descriptor:
        if offset < 0 or count < 0 or offset + count > os.fstat(descriptor).st_size:
            raise _damaged(path, offset, f"{count} bytes are announced here, the file ends before")
        data = b""
        while len(data) < count:
            block = os.pread(descriptor, count - len(data), offset + len(data))
            if not block:
                raise _damaged(path, offset, "the file became shorter while it was read")
            data += block
        return data


def _damaged(path: Path, offset: int, message: str) -> Diagnostic:
    return Diagnostic("damaged-file", message, where=Where(file=str(path), byte=offset))
