"""The file that is relocated, read by position in small blocks; nothing passes its end."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from converters.binary import opened
from converters.diagnostic import Diagnostic, Where
from zoo.relocate.plan import Copy, Piece

CHUNK = 1 << 20
_BLOCK = 1 << 14  # bytes read at once while walking: a page or two around each header


@dataclass(frozen=True, slots=True)
class Source:
    """An open file; positions are counted from its first byte."""

    descriptor: int
    name: str
    size: int

    def read(self, start: int, count: int) -> bytes:
        """Up to `count` bytes from `start`: fewer only at the end of the file."""
        os.lseek(self.descriptor, start, os.SEEK_SET)
        found = os.read(self.descriptor, count)
        while len(found) < count and (more := os.read(self.descriptor, count - len(found))):
            found += more
        return found

    def stream(self, start: int = 0, end: int | None = None) -> Stream:
        """A stream over `[start, end)`."""
        return Stream(self, start, self.size if end is None else end)

    def chunks(self, pieces: Iterable[Piece]) -> Iterator[bytes]:
        """The bytes of copied and new pieces, a chunk at a time."""
        for piece in pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            assert isinstance(piece, Copy)
            for start in range(piece.start, piece.end, CHUNK):
                yield self.read(start, min(CHUNK, piece.end - start))

    def refuse(self, message: str, byte: int | None = None, code: str = "damaged-file") -> NoReturn:
        """Refuse the file."""
        hint = "fetch the file again and compare its size and checksum with the publisher's"
        raise Diagnostic(
            code, message, where=Where(file=self.name, byte=byte), hint=hint if code == "damaged-file" else None
        )


@contextmanager
def source(path: Path) -> Iterator[Source]:
    """The file at `path`; an unreadable or empty one is a `Diagnostic`."""
    with opened(path) as descriptor:
        size = os.fstat(descriptor).st_size
        if size == 0:
            raise Diagnostic("empty-file", "the file is empty", where=Where(file=str(path)))
        yield Source(descriptor, str(path), size)


class Stream:
    """The bytes `[position, end)`, read forward or by jumps."""

    __slots__ = ("_base", "_block", "_source", "end", "position", "shift")

    def __init__(self, origin: Source | bytes, start: int, end: int, name: Source | None = None) -> None:
        whole = isinstance(origin, bytes)
        self._block = origin if isinstance(origin, bytes) else b""
        self._base = 0
        self._source = origin if isinstance(origin, Source) else name
        self.position = start
        self.end = end
        assert not whole or end <= len(self._block)

    def take(self, count: int) -> bytes:
        """The next `count` bytes; refuses to pass the end."""
        start = self.position
        at = start - self._base
        if start + count > self.end or count < 0:
            self.fail(f"{count:,} bytes are announced here, {self.end - start:,} are left")
        found = self._block[at : at + count] if at >= 0 else b""
        if len(found) != count:
            found = self._refill(start, count)
        self.position = start + count
        return found

    def skip(self, count: int) -> int:
        """Step over `count` bytes and return where they begin; refuses to pass the end."""
        start = self.position
        if count < 0 or start + count > self.end:
            self.fail(f"{count:,} bytes are announced here, {self.end - start:,} are left")
        self.position = start + count
        return start

    def line(self, longest: int = 1 << 16) -> bytes:
        """The bytes up to the next newline, which is stepped over and left out."""
        start = self.position
        end = self.find_newline(longest)
        found = self.take(end - start)
        self.position += 1
        return found

    def find_newline(self, longest: int) -> int:
        """Where the next newline is, at most `longest` bytes ahead."""
        start, position = self.position, self.position
        limit = min(self.end, start + longest + 1)
        while position < limit:
            count = min(_BLOCK, limit - position)
            self.position = position
            at = self.take(count).find(b"\n")
            if at >= 0:
                self.position = start
                return position + at
            position += count
        self.position = start
        return self.fail("a line should end here and does not")

    def left(self) -> int:
        """How many bytes are left."""
        return self.end - self.position

    def fail(self, message: str) -> NoReturn:
        """Refuse the file here."""
        assert self._source is not None
        self._source.refuse(f"{message}; the file is truncated or damaged", self.position)

    def _refill(self, start: int, count: int) -> bytes:
        assert self._source is not None
        if count >= _BLOCK:
            found = self._source.read(start, count)
        else:
            self._block, self._base = self._source.read(start, _BLOCK), start
            found = self._block[:count]
        if len(found) != count:
            self.fail("the file became shorter while it was read")
        return found
