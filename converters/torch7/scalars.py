"""The spellings of Torch's serialisation, number by number: binary (either byte order, longs of 4 or 8) and ascii."""

from __future__ import annotations

import struct
from typing import NoReturn, Protocol

import numpy as np

from converters.binary import Cursor

_LINE = 64  # bytes; no number that Torch prints is longer


class Scalars(Protocol):
    """Reads what Torch's File writes; every length is checked against the bytes left."""

    text: bool

    @property
    def position(self) -> int:
        """The byte that is read next."""

    def integer(self) -> int:
        """A C int."""

    def longs(self, count: int) -> tuple[int, ...]:
        """`count` C longs."""

    def number(self) -> float:
        """A double."""

    def string(self, count: int) -> bytes:
        """`count` raw bytes."""

    def skip_string(self, count: int) -> None:
        """Step over `count` raw bytes."""

    def skip_numbers(self, count: int, dtype: np.dtype[np.generic]) -> tuple[int, int]:
        """Step over an array; returns the bytes from which and up to which it lies."""

    def dtype(self, letter: str) -> np.dtype[np.generic]:
        """The element type of a storage: `l` is a long, anything else numpy's code without byte order."""

    def left(self) -> int:
        """How many bytes are left."""

    def fail(self, message: str) -> NoReturn:
        """Refuse the file here."""


class Binary:
    """The default: raw numbers, nothing between them."""

    text = False

    def __init__(self, cursor: Cursor, *, long_size: int = 8, big_endian: bool = False) -> None:
        self._cursor = cursor
        self._order = ">" if big_endian else "<"
        self._long_size = long_size
        self._int = struct.Struct(f"{self._order}i")
        self._double = struct.Struct(f"{self._order}d")
        self.fail = cursor.fail
        self.left = cursor.remaining

    @property
    def position(self) -> int:
        """The byte that is read next."""
        return self._cursor.position

    def integer(self) -> int:
        """A C int."""
        return int(self._int.unpack(self._cursor.take(4))[0])

    def longs(self, count: int) -> tuple[int, ...]:
        """C longs."""
        code = "q" if self._long_size == 8 else "i"
        return struct.unpack(f"{self._order}{count}{code}", self._cursor.take(count * self._long_size))

    def number(self) -> float:
        """A double."""
        return float(self._double.unpack(self._cursor.take(8))[0])

    def string(self, count: int) -> bytes:
        """Raw bytes."""
        return self._cursor.take(count)

    def skip_string(self, count: int) -> None:
        """Step over raw bytes."""
        self._cursor.skip(count)

    def skip_numbers(self, count: int, dtype: np.dtype[np.generic]) -> tuple[int, int]:
        """Step over an array and say where it lies."""
        start = self._cursor.skip(count * dtype.itemsize)
        return start, self._cursor.position

    def dtype(self, letter: str) -> np.dtype[np.generic]:
        """An element type in this file's spelling."""
        return np.dtype(f"{self._order}{f'i{self._long_size}' if letter == 'l' else letter}")


class Ascii:
    """Torch's ascii mode: a number a line, an array on one line, strings and bytes raw, each followed by a newline."""

    text = True

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self.fail = cursor.fail
        self.left = cursor.remaining

    @property
    def position(self) -> int:
        """The byte that is read next."""
        return self._cursor.position

    def integer(self) -> int:
        """A C int."""
        (value,) = self.longs(1)
        return value

    def longs(self, count: int) -> tuple[int, ...]:
        """C longs."""
        if count == 0:
            return ()
        words = self._line(count * _LINE).split()
        if len(words) != count:
            self.fail(f"a line has {len(words)} numbers, expected {count}")
        try:
            return tuple(int(word) for word in words)
        except ValueError:
            self.fail("a line should hold whole numbers and does not")

    def number(self) -> float:
        """A double."""
        try:
            return float(self._line(_LINE))
        except ValueError:
            self.fail("a line should hold a number and does not")

    def string(self, count: int) -> bytes:
        """Raw bytes."""
        raw = self._cursor.take(count)
        self._newline(count)
        return raw

    def skip_string(self, count: int) -> None:
        """Step over raw bytes."""
        self._cursor.skip(count)
        self._newline(count)

    def skip_numbers(self, count: int, dtype: np.dtype[np.generic]) -> tuple[int, int]:
        """Step over an array and say where it lies."""
        start = self._cursor.position
        if dtype.itemsize == 1:  # characters and bytes are written raw
            self._cursor.skip(count)
            self._newline(count)
            return start, start + count
        if count == 0:
            return start, start
        end = self._cursor.find(b"\n")
        if end < 0 or end - start < 2 * count - 1:
            self.fail(f"{count} numbers are announced here and cannot be on one line")
        self._cursor.skip(end - start + 1)
        return start, end

    def dtype(self, letter: str) -> np.dtype[np.generic]:
        """An element type in this file's spelling."""
        return np.dtype("<i8" if letter == "l" else f"<{letter}")

    def _line(self, longest: int) -> bytes:
        start = self._cursor.position
        end = self._cursor.find(b"\n", longest)
        if end < 0:
            self.fail("a line should end here and does not")
        line = self._cursor.take(end - start)
        self._cursor.skip(1)
        return line

    def _newline(self, count: int) -> None:
        if count and self._cursor.take(1) != b"\n":
            self.fail("a string should end with a newline and does not")
