"""A .t7 file as records that know their bytes; numbers are never loaded.

Writing unchanged records (t7write) gives the bytes that were read.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from zoo.diagnostics import Diagnostic
from zoo.relocate.source import Source, Stream

_MAX_VALUES = 5_000_000
_MAX_NAME = 256
_MAX_DIMS = 64
_VERSION = re.compile(rb"V (-?\d{1,9})\Z")
NIL, NUMBER, STRING, TABLE, OBJECT, BOOLEAN, OLD_FUNCTION, LIST_FUNCTION, FUNCTION = range(9)
REALS = {"Half": "f2", "Float": "f4", "Double": "f8"}
_WIDTHS = {"Byte": 1, "Char": 1, "Short": 2, "Int": 4, "Long": 0, "Half": 2, "Float": 4, "Double": 8}
_KIND = re.compile(r"torch\.(Cuda)?([A-Z][a-z]+)?(Tensor|Storage)\Z")


@dataclass(slots=True, eq=False)
class Leaf:
    """Nil, a number, a string or a boolean; `new` replaces its bytes."""

    value: float | str | bool | None
    start: int
    end: int
    new: bytes | None = None


@dataclass(slots=True, eq=False)
class Slot:
    """One place that holds a value; `[start, end)` is its back reference, where it is one, `moved` says to another."""

    node: Node
    start: int = 0
    end: int = 0
    moved: bool = False


@dataclass(slots=True, eq=False)
class Table:
    """A Lua table; `[start, middle)` is its tag and index, `[middle, end)` the count of entries as it was."""

    index: int
    start: int
    middle: int
    end: int
    count: int
    entries: list[tuple[Slot, Slot]] = field(default_factory=list)

    def at(self, key: str | float) -> Slot | None:
        """The value under a string or a number."""
        return next(
            (value for name, value in self.entries if leaf(name) == key and type(leaf(name)) is type(key)), None
        )


@dataclass(slots=True, eq=False)
class Object:
    """A Torch object: tag, index and version in `[start, middle)`, the class name in `[middle, end)`, then its parts.

    Tensors and storages have `raw`, the bytes `[end, raw)` that stand before the storage or are all of it; the
    numbers of a storage begin at `numbers`. `name` and `upgrade`, the version, may change; `recast` says the numbers'
    old and new type.
    """

    index: int
    start: int
    middle: int
    end: int
    name: str
    old: str
    version: int
    raw: int = 0
    numbers: int = 0
    parts: list[Slot] = field(default_factory=list)
    recast: tuple[str, str] | None = None
    upgrade: int | None = None

    def fields(self) -> Table | None:
        """The table of fields, the last one where there are several."""
        return next((slot.node for slot in reversed(self.parts) if isinstance(slot.node, Table)), None)


@dataclass(slots=True, eq=False)
class Function:
    """A Lua function: everything before its upvalues is opaque."""

    index: int
    tag: int
    start: int
    end: int
    upvalues: list[Slot] = field(default_factory=list)


Node = Leaf | Table | Object | Function


def leaf(slot: Slot) -> float | str | bool | None:
    """The plain value in a slot; None for tables and objects too."""
    return slot.node.value if isinstance(slot.node, Leaf) else None


@dataclass(frozen=True, slots=True)
class Spelling:
    """How the file spells numbers: order and size of longs in binary, or lines of text."""

    order: str = "<"
    long: int = 8
    text: bool = False

    def integer(self, value: int) -> bytes:
        """A C int as it is written."""
        return b"%d\n" % value if self.text else struct.pack(f"{self.order}i", value)

    def string(self, value: bytes) -> bytes:
        """A length and the bytes, as class names and strings are written."""
        return self.integer(len(value)) + value + (b"\n" if self.text and value else b"")

    def value(self, value: float | str | bool) -> bytes:  # noqa: FBT001 - one of three kinds of values
        """A whole object: a boolean, a number or a string."""
        if isinstance(value, bool):
            return self.integer(BOOLEAN) + self.integer(int(value))
        if isinstance(value, str):
            return self.integer(STRING) + self.string(value.encode("utf-8", "surrogateescape"))
        number = b"%.17g\n" % value if self.text else struct.pack(f"{self.order}d", value)
        return self.integer(NUMBER) + number


@dataclass(frozen=True, slots=True)
class Document:
    """All objects of a file and how they are spelled."""

    roots: list[Slot]
    objects: list[Object]
    spelling: Spelling


def kind(name: str) -> tuple[bool, str, str] | None:
    """(on the GPU, element type, Tensor or Storage) of a class of tensors or storages; None for another class."""
    match = _KIND.match(name)
    if match is None or (not match[1] and not match[2]):
        return None
    element = match[2] or "Float"
    return (bool(match[1]), element, match[3]) if element in _WIDTHS else None


def read(origin: Source) -> Document:
    """The file; longs of 4 bytes and restarting indices are tried where the usual makes no sense."""
    head = origin.read(0, 4)
    if head[:1].isdigit() and head[1:2] == b"\n":
        spellings = [Spelling(text=True)]
    elif head[:3] == b"\0\0\0" and head != bytes(4):
        spellings = [Spelling(">")]
    else:
        spellings = [Spelling(), Spelling(long=4)]
    faults: list[Diagnostic] = []
    for spelling in spellings:
        for restart in (False, True):
            try:
                return _Reader(origin, spelling, restart=restart).document()
            except Diagnostic as fault:
                faults.append(fault)
    raise faults[0]


class _Reader:
    """Reads objects with generators for a stack: nesting may be deeper than Python's."""

    def __init__(self, origin: Source, spelling: Spelling, *, restart: bool) -> None:
        self.stream: Stream = origin.stream()
        self.spelling = spelling
        self.restart = restart
        self.known: dict[int, Node] = {}
        self.objects: list[Object] = []
        self.count = 0

    def document(self) -> Document:
        roots = []
        while self.stream.left():
            if self.restart:
                self.known = {}
            roots.append(trampoline(self.value()))
        return Document(roots, self.objects, self.spelling)

    def value(self) -> Generator[Any, Any, Slot]:
        self.count += 1
        start = self.stream.position
        tag = self.integer()
        if self.count > _MAX_VALUES or tag not in _READ:
            self.stream.fail(f"an object has the type {tag}; Torch knows 0 to 8")
        if tag in _PLAIN:
            value = _PLAIN[tag](self)
            return Slot(Leaf(value, start, self.stream.position))
        index = self.integer() if tag != OLD_FUNCTION else 0
        if index in self.known and tag != OLD_FUNCTION:
            return Slot(self.known[index], start, self.stream.position)
        node = yield _READ[tag](self, start, index, tag)
        return Slot(node)

    def table(self, start: int, index: int, _tag: int) -> Generator[Any, Any, Table]:
        middle = self.stream.position
        count = self.length("a table", 4)
        made = self.known[index] = Table(index, start, middle, self.stream.position, count)
        for _ in range(count):
            key = yield self.value()
            made.entries.append((key, (yield self.value())))
        return made

    def object(self, start: int, index: int, _tag: int) -> Generator[Any, Any, Object]:
        middle = self.stream.position
        name, version = self.name(), 0
        match = _VERSION.match(name)
        if match:
            version, middle = int(match[1]), self.stream.position
            name = self.name()
        text = name.decode("utf-8", "surrogateescape")
        made = Object(index, start, middle, self.stream.position, text, text, version)
        self.known[index] = made
        self.objects.append(made)
        known = kind(text)
        parts = _PARTS.get(text, _one)(version)
        if known:
            parts = self.tensor(made) if known[2] == "Tensor" else self.storage(made, known[1])
        for _ in range(parts):
            made.parts.append((yield self.value()))
        return made

    def function(self, start: int, index: int, tag: int) -> Generator[Any, Any, Function]:
        self.skip_string(self.length("a function"))
        made = Function(index, tag, start, self.stream.position)
        if tag != OLD_FUNCTION:
            self.known[index] = made
        made.upvalues.append((yield self.value()))
        return made

    def tensor(self, made: Object) -> int:
        dims = self.integer()
        if not 0 <= dims <= _MAX_DIMS:
            self.stream.fail(f"a tensor has {dims} dimensions")
        for count in (dims, dims, 1):
            self.longs(count)
        made.raw = self.stream.position
        return 1

    def storage(self, made: Object, element: str) -> int:
        (count,) = self.longs(1)
        made.numbers = self.stream.position
        width = _WIDTHS[element] or self.spelling.long
        if not 0 <= count <= self.stream.left():
            self.stream.fail(f"a storage of {count:,} elements is announced, {self.stream.left():,} bytes are left")
        if not self.spelling.text:
            self.stream.skip(count * width)
        elif width == 1:
            self.skip_string(count)
        elif count:
            self.stream.skip(self.stream.find_newline(self.stream.left()) + 1 - self.stream.position)
        made.raw = self.stream.position
        return 0

    def integer(self) -> int:
        if self.spelling.text:
            return self.longs(1)[0]
        return int(struct.unpack(f"{self.spelling.order}i", self.stream.take(4))[0])

    def longs(self, count: int) -> tuple[int, ...]:
        if count == 0:
            return ()
        if not self.spelling.text:
            code = "q" if self.spelling.long == 8 else "i"
            raw = self.stream.take(count * self.spelling.long)
            return tuple(struct.unpack(f"{self.spelling.order}{count}{code}", raw))
        try:
            found = tuple(int(word) for word in self.stream.line(64 * count).split())
        except ValueError:
            found = ()
        if len(found) != count:
            self.stream.fail(f"a line should hold {count} whole numbers and does not")
        return found

    def number(self) -> float:
        if not self.spelling.text:
            return float(struct.unpack(f"{self.spelling.order}d", self.stream.take(8))[0])
        try:
            return float(self.stream.line(64))
        except ValueError:
            self.stream.fail("a line should hold a number and does not")

    def string(self) -> str | None:
        size = self.length("a string")
        if size > _MAX_NAME:
            self.skip_string(size)
            return None
        return self.taken(size).decode("utf-8", "surrogateescape")

    def taken(self, size: int) -> bytes:
        found = self.stream.take(size)
        if self.spelling.text and size and self.stream.take(1) != b"\n":
            self.stream.fail("a string should end with a newline and does not")
        return found

    def skip_string(self, size: int) -> None:
        self.stream.skip(size)
        if self.spelling.text and size and self.stream.take(1) != b"\n":
            self.stream.fail("a string should end with a newline and does not")

    def name(self) -> bytes:
        size = self.length("a class name")
        if not 0 < size <= _MAX_NAME:
            self.stream.fail(f"a class name has {size} bytes")
        return self.taken(size)

    def length(self, what: str, least: int = 1) -> int:
        size = self.integer()
        if not 0 <= size * least <= self.stream.left():
            self.stream.fail(f"{what} of length {size} is announced, {self.stream.left():,} bytes are left")
        return size


def nodes(document: Document) -> Iterator[Node]:
    """Every table, object, function and plain value of the file once."""
    waiting = [slot.node for slot in document.roots]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        waiting += [slot.node for slot in slots(node)]


def slots(node: Node) -> list[Slot]:
    """The places directly in a node."""
    if isinstance(node, Table):
        return [slot for entry in node.entries for slot in entry]
    return node.parts if isinstance(node, Object) else node.upvalues if isinstance(node, Function) else []


def trampoline(first: Generator[Any, Any, Any]) -> Any:
    """Run generators that yield the generators whose results they wait for."""
    stack, value = [first], None
    while stack:
        try:
            stack.append(stack[-1].send(value))
            value = None
        except StopIteration as end:
            stack.pop()
            value = end.value
    return value


def _one(_version: int) -> int:
    return 1


_PARTS: dict[str, Callable[[int], int]] = {
    "nn.GPU": lambda _: 2,  # {_type, device}, then the fields (nn/GPU.lua)
    "nn.DataParallelTable": lambda version: 2 if version >= 2 else 1,  # gpuAssignments, then the fields (cunn)
    "torch.Timer": lambda _: 0,  # writes nothing
}
_PLAIN: dict[int, Callable[[_Reader], float | str | bool | None]] = {
    NIL: lambda _: None,
    NUMBER: _Reader.number,
    STRING: _Reader.string,
    BOOLEAN: lambda reader: reader.integer() == 1,
}
_READ: dict[int, Callable[[_Reader, int, int, int], Generator[Any, Any, Any]]] = {
    TABLE: _Reader.table,
    OBJECT: _Reader.object,
    OLD_FUNCTION: _Reader.function,
    LIST_FUNCTION: _Reader.function,
    FUNCTION: _Reader.function,
}
_READ |= dict.fromkeys(_PLAIN, _Reader.function)  # plain values never get that far
