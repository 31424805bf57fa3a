"""Torch7's serialisation, complete and without recursion: a file -> inert records; numbers stay in the file.

Written from the format as real Torch writes it. Tags: 0 nil, 1 number, 2 string, 3 table, 4 Torch object, 5 boolean,
6, 7 and 8 functions. Indices of back references are registered before the body is read, so that cycles are possible.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from converters.binary import Cursor, mapped
from converters.diagnostic import Diagnostic
from converters.torch7.objects import Function, LongString, Object, Storage, Table, Tensor, Value
from converters.torch7.scalars import Ascii, Binary, Scalars

MAX_VALUES = 5_000_000  # far above any network's; bounds memory at a few hundred MB
MAX_DIMS = 64
MAX_STRING = 1 << 20  # bytes; longer strings are stepped over
MAX_CLASS_NAME = 256

_ELEMENTS = {"Byte": "u1", "Char": "i1", "Short": "i2", "Int": "i4", "Long": "l", "Half": "f2", "Float": "f4"}
_ELEMENTS |= {"Double": "f8"}
_CPU = {f"torch.{name}": code for name, code in _ELEMENTS.items()}
_GPU = {f"torch.Cuda{name}": code for name, code in _ELEMENTS.items() if name != "Float"} | {"torch.Cuda": "f4"}
TENSORS = {f"{name}Tensor": code for name, code in (_CPU | _GPU).items()}
STORAGES = {f"{name}Storage": code for name, code in (_CPU | _GPU).items()}

_VERSION = re.compile(rb"V (-?\d{1,9})\Z")
_TAGS = range(9)


@dataclass(frozen=True, slots=True)
class Document:
    """The first object of a file and how the file spells its numbers; `rest` bytes follow it."""

    value: Value
    spelling: str
    rest: int
    path: Path


def read(path: Path) -> Document:
    """Read a .t7 file; what is broken is a `Diagnostic`.

    Byte order shows in the first tag. The size of a long does not: 8 is tried first, and 4 where the file makes no
    sense with it.
    """
    with mapped(path) as cursor:
        head = cursor.within(0, min(4, cursor.end)).take(min(4, cursor.end))
        if head[:1].isdigit() and head[1:2] == b"\n":
            return _attempt(path, cursor, Ascii(_fresh(cursor)), "ascii")
        if head[:3] == b"\0\0\0" and head != b"\0\0\0\0":
            return _attempt(path, cursor, Binary(_fresh(cursor), big_endian=True), "binary, big-endian")
        return _guess_long(path, cursor)


def _guess_long(path: Path, cursor: Cursor) -> Document:
    fault: Diagnostic | None = None
    found: Document | None = None
    try:
        found = _attempt(path, cursor, Binary(_fresh(cursor)), "binary")
    except Diagnostic as problem:
        fault = problem
    if found is not None and _plausible(found, cursor):
        return found
    try:
        other = _attempt(path, cursor, Binary(_fresh(cursor), long_size=4), "binary, longs of 4 bytes")
    except Diagnostic:
        other = None
    if other is not None and other.rest == 0:
        return other
    if found is None:
        assert fault is not None
        raise fault
    return found


def _plausible(found: Document, cursor: Cursor) -> bool:
    """The object ends with the file or where another one may begin."""
    if found.rest < 4:
        return found.rest == 0
    start = cursor.end - found.rest
    return int.from_bytes(cursor.within(start, start + 4).take(4), "little") in _TAGS


def _fresh(cursor: Cursor) -> Cursor:
    return cursor.within(0, cursor.end)


def _attempt(path: Path, cursor: Cursor, scalars: Scalars, spelling: str) -> Document:
    value = _Reader(scalars).read()
    return Document(value, spelling, scalars.left(), path)


class _Pending:
    """Stands for a value that is not complete yet."""


_PENDING = _Pending()


class _Frame:
    """A value under construction: `accept` takes the next part and says whether it was the last."""

    __slots__ = ("accept", "value")

    def __init__(self, value: Value, accept: Callable[[Value], bool]) -> None:
        self.value = value
        self.accept = accept


class _Reader:
    """Reads one object with a stack of its own: nesting may be deeper than Python's."""

    def __init__(self, scalars: Scalars) -> None:
        self._in = scalars
        self._known: dict[int, Value] = {}
        self._stack: list[_Frame] = []
        self._count = 0

    def read(self) -> Value:
        """The next object of the file."""
        while True:
            value = self._begin()
            while not isinstance(value, _Pending):
                if not self._stack:
                    return value
                frame = self._stack[-1]
                if not frame.accept(value):
                    break
                value = self._stack.pop().value

    def _begin(self) -> Value | _Pending:
        self._count += 1
        if self._count > MAX_VALUES:
            self._in.fail(f"the file has more than {MAX_VALUES} values")
        tag = self._in.integer()
        begin = _BEGIN.get(tag)
        if begin is None:
            self._in.fail(f"an object has the type {tag}; Torch knows 0 to 8")
        return begin(self)

    def nil(self) -> None:
        """Nothing follows."""
        return

    def number(self) -> float:
        """A double."""
        return self._in.number()

    def boolean(self) -> bool:
        """An int, 0 or 1."""
        return self._in.integer() == 1

    def string(self) -> str | LongString:
        """A length and bytes."""
        size = self._length("a string")
        if size > MAX_STRING:
            self._in.skip_string(size)
            return LongString(size)
        return self._in.string(size).decode("utf-8", "surrogateescape")

    def table(self) -> Value | _Pending:
        """An index; if it is new, a count and that many keys and values."""
        index = self._in.integer()
        if index in self._known:
            return self._known[index]
        table = self._known[index] = Table()
        count = self._length("a table")
        if count * (4 if self._in.text else 8) > self._in.left():
            self._in.fail(f"a table of {count} entries is announced, {self._in.left()} bytes are left")
        return self._fill(table, count)

    def _fill(self, table: Table, count: int) -> Value | _Pending:
        if count == 0:
            return table
        keys: list[Value] = []
        left = count

        def accept(value: Value) -> bool:
            nonlocal left
            if not keys:
                if value is None:
                    self._in.fail("a table has nil as a key")
                keys.append(value)
                return False
            table.put(keys.pop(), value)
            left -= 1
            return left == 0

        return self._push(table, accept)

    def function(self) -> Value | _Pending:
        """An index; if it is new, the body."""
        index = self._in.integer()
        if index in self._known:
            return self._known[index]
        return self.function_body(index)

    def function_body(self, index: int | None = None) -> _Pending:
        """A length, bytecode, and a table of upvalues."""
        size = self._length("a function")
        self._in.skip_string(size)
        function = Function(size)
        if index is not None:
            self._known[index] = function

        def accept(value: Value) -> bool:
            function.upvalues = value
            return True

        return self._push(function, accept)

    def torch(self) -> Value | _Pending:
        """An index; if it is new, version, class and what the class writes."""
        index = self._in.integer()
        if index in self._known:
            return self._known[index]
        byte = self._in.position
        name = self._name()
        version = _VERSION.match(name)
        kind = (self._name() if version else name).decode("utf-8", "surrogateescape")
        if kind in TENSORS:
            return self._tensor(index, kind, byte)
        if kind in STORAGES:
            return self._storage(index, kind)
        made = self._known[index] = Object(kind, int(version[1]) if version else 0, byte)
        parts = _PARTS.get(kind, _one)(made.version)
        if parts == 0:
            return made

        def accept(value: Value) -> bool:
            made.payload.append(value)
            return len(made.payload) == parts

        return self._push(made, accept)

    def _tensor(self, index: int, kind: str, byte: int) -> _Pending:
        dims = self._in.integer()
        if not 0 <= dims <= MAX_DIMS:
            self._in.fail(f"a tensor has {dims} dimensions")
        size, stride = self._in.longs(dims), self._in.longs(dims)
        (offset,) = self._in.longs(1)
        tensor = Tensor(kind, self._in.dtype(TENSORS[kind]), size, stride, offset - 1, byte=byte)
        self._known[index] = tensor

        def accept(value: Value) -> bool:
            if value is not None and not isinstance(value, Storage):
                self._in.fail("a tensor's numbers are no storage")
            tensor.storage = value
            self._demand_inside(tensor)
            return True

        return self._push(tensor, accept)

    def _demand_inside(self, tensor: Tensor) -> None:
        """Refuses sizes, strides and offsets that reach outside the storage, and a storage of another type."""
        if not tensor.size or min(tensor.size) == 0:
            return
        if min(tensor.size) < 0 or min(tensor.stride) < 0 or tensor.offset < 0:
            self._in.fail(f"a tensor of size {list(tensor.size)} has strides {list(tensor.stride)}")
        last = tensor.offset + sum((dim - 1) * step for dim, step in zip(tensor.size, tensor.stride, strict=True))
        held = tensor.storage.count if tensor.storage else 0
        if last >= held:
            self._in.fail(f"a tensor of size {list(tensor.size)} reaches element {last + 1} of {held}")
        if tensor.storage is not None and tensor.storage.dtype != tensor.dtype:
            self._in.fail(f"a {tensor.kind} has its numbers in a {tensor.storage.kind}")

    def _storage(self, index: int, kind: str) -> Storage:
        (count,) = self._in.longs(1)
        dtype = self._in.dtype(STORAGES[kind])
        if not 0 <= count <= self._in.left():
            self._in.fail(f"a storage of {count} elements is announced, {self._in.left()} bytes are left")
        start, end = self._in.skip_numbers(count, dtype)
        storage = Storage(kind, dtype, count, start, end, self._in.text)
        self._known[index] = storage
        return storage

    def _name(self) -> bytes:
        size = self._length("a class name")
        if not 0 < size <= MAX_CLASS_NAME:
            self._in.fail(f"a class name has {size} bytes")
        return self._in.string(size)

    def _length(self, what: str) -> int:
        size = self._in.integer()
        if not 0 <= size <= self._in.left():
            self._in.fail(f"{what} of length {size} is announced, {self._in.left()} bytes are left")
        return size

    def _push(self, value: Value, accept: Callable[[Value], bool]) -> _Pending:
        self._stack.append(_Frame(value, accept))
        return _PENDING


def _one(_version: int) -> int:
    return 1


_PARTS: dict[str, Callable[[int], int]] = {
    "nn.GPU": lambda _: 2,  # {_type, device}, then the fields (nn/GPU.lua)
    "nn.DataParallelTable": lambda version: 2 if version >= 2 else 1,  # gpuAssignments, then the fields (cunn)
    "torch.Timer": lambda _: 0,  # writes nothing
}
"""How many objects follow the class name; every other class writes one, the table of its fields."""

_BEGIN: dict[int, Callable[[_Reader], Value | _Pending]] = {
    0: _Reader.nil,
    1: _Reader.number,
    2: _Reader.string,
    3: _Reader.table,
    4: _Reader.torch,
    5: _Reader.boolean,
    6: _Reader.function_body,  # the oldest form, without an index
    7: _Reader.function,
    8: _Reader.function,
}
