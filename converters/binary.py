"""Bounded little-endian reads over mapped files: nothing here can pass the end of what it was given."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from converters.diagnostic import Diagnostic, Where

_VARINT_BYTES = 10  # a 64-bit varint has at most ten bytes


class Cursor:
    """A window `[start, end)` of a file's bytes that is read from the front; `take(n)` cannot pass its end."""

    __slots__ = ("_data", "end", "file", "position")

    def __init__(self, data: mmap.mmap | bytes, file: str, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self.file = file
        self.position = start
        self.end = len(data) if end is None else end

    def remaining(self) -> int:
        """Bytes left in the window."""
        return self.end - self.position

    def skip(self, count: int) -> int:
        """Step over `count` bytes and return where they begin; refuses to pass the end."""
        start = self.position
        if count < 0 or count > self.end - start:
            self.fail(f"{count} bytes are announced here, {self.end - start} are left")
        self.position = start + count
        return start

    def take(self, count: int) -> bytes:
        """A copy of the next `count` bytes."""
        start = self.skip(count)
        return self._data[start : start + count]

    def find(self, wanted: bytes, within: int | None = None) -> int:
        """Where `wanted` comes next, among the next `within` bytes if given; -1 where it does not."""
        end = self.end if within is None else min(self.end, self.position + within)
        return self._data.find(wanted, self.position, end)

    def within(self, start: int, end: int) -> Cursor:
        """A cursor over `[start, end)`, bytes that this one has stepped over already."""
        return Cursor(self._data, self.file, start, end)

    def varint(self) -> int:
        """A protobuf varint as an unsigned 64-bit number."""
        value = shift = 0
        for _ in range(_VARINT_BYTES):
            if self.position >= self.end:
                self.fail("the file ends inside a number")
            byte = self._data[self.position]
            self.position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF
            shift += 7
        return self.fail("a number has more than ten bytes")

    def fail(self, message: str, code: str = "damaged-file") -> NoReturn:
        """Refuse the file at the current byte."""
        raise Diagnostic(
            code,
            f"{message}; the file is truncated or damaged",
            where=Where(file=self.file, byte=self.position),
            hint="fetch the file again and compare its size and checksum with the publisher's",
        )


@contextmanager
def mapped(path: Path) -> Iterator[Cursor]:
    """A cursor over the whole file, mapped; an unreadable or empty file is a `Diagnostic`."""
    with opened(path) as descriptor:
        size = os.fstat(descriptor).st_size
        if size == 0:
            raise Diagnostic("empty-file", "the file is empty", where=Where(file=str(path)))
        with mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) as data:
            yield Cursor(data, str(path))


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A read-only file descriptor; what cannot be opened is a `Diagnostic` naming the file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as fault:
        raise unreadable(path, fault) from fault
    try:
        if os.path.isdir(path):  # noqa: PTH112 - a descriptor of a folder opens on Linux and cannot be read
            raise Diagnostic("unreadable", "this is a folder, not a file", where=Where(file=str(path)))
        yield descriptor
    finally:
        os.close(descriptor)


def unreadable(path: Path, fault: OSError) -> Diagnostic:
    """The refusal for a file that the system does not let us read."""
    return Diagnostic("unreadable", f"cannot be read: {fault.strerror or fault}", where=Where(file=str(path)))
