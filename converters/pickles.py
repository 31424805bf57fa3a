"""Reads pickles as inert records: an allow-list machine of its own, in which nothing of the file runs.

A pickle is a program for a stack machine; Python's own machine imports and calls whatever the program names. This one
knows exact (module, name) pairs only, and what stands for each is a plain function of ours that builds a value. All
protocols (0 to 5) are read. Bounded: the bytes, the steps, the length of numbers; time grows with the bytes alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from converters.binary import Cursor
from converters.diagnostic import Diagnostic, Where

Maker = Callable[..., object]
Lookup = Callable[[str, str], Maker | None]
"""(module, name) -> what builds the inert value of a call, or None: not allowed."""
Persistent = Callable[[object], object]

MAX_STEPS = 4_000_000
"""Opcodes; a checkpoint of 5,000 tensors has 300,000. Bounds memory too: no step makes more than one small object."""
MAX_NUMBER = 256  # bytes of one integer
MAX_LINE = 1 << 16  # bytes of one line of protocol 0
PROTOCOL = 5
_MARK = object()
_FINITE_KEY = 1 << 63


@dataclass(frozen=True, slots=True)
class Global:
    """A name that the pickle may use; calling it means calling `maker`, a function of ours."""

    module: str
    name: str
    maker: Maker


@dataclass(slots=True, eq=False)
class Record:
    """An object whose class means nothing here: what it was made from, kept and never looked into by the machine."""

    kind: str
    arguments: tuple[object, ...] = ()
    state: object = None


def record(kind: str) -> Maker:
    """A maker of `Record`s of this kind."""

    def make(*arguments: object) -> Record:
        return Record(kind, arguments)

    return make


def table(allowed: Mapping[tuple[str, str], Maker]) -> Lookup:
    """The lookup in a table of exact pairs."""
    return lambda module, name: allowed.get((module, name))


def load(cursor: Cursor, lookup: Lookup, persistent: Persistent | None = None) -> object:
    """The value of the pickle that begins at the cursor, which stands behind it afterwards.

    Raises `Diagnostic`: `pickle-forbidden` for a name that is not allowed, `damaged-file` for all else.
    """
    machine = _Machine(cursor, lookup, persistent)
    try:
        return machine.run()
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, struct.error) as fault:
        return machine.fail(f"its pickle does not make sense here ({type(fault).__name__})")


@dataclass(slots=True)
class _Machine:
    cursor: Cursor
    lookup: Lookup
    persistent: Persistent | None
    stack: list[object] = field(default_factory=list)
    memo: dict[int, object] = field(default_factory=dict)

    def run(self) -> object:
        take, steps = self.cursor.take, _STEPS
        for _ in range(MAX_STEPS):
            code = take(1)[0]
            if code == _STOP:
                value = self.stack.pop()
                return value if value is not _MARK else self.fail("its pickle ends with a mark")
            step = steps.get(code)
            if step is None:
                self.fail(f"0x{code:02x} is no pickle opcode that zoo reads")
            step(self)
        return self.fail(f"its pickle has more than {MAX_STEPS:,} steps")

    def fail(self, message: str) -> NoReturn:
        self.cursor.fail(message)

    def forbid(self, what: str) -> NoReturn:
        raise Diagnostic(
            "pickle-forbidden",
            f"its pickle {what}; zoo runs nothing from a file and knows only what weights are made of",
            where=Where(file=self.cursor.file, byte=self.cursor.position),
            hint="where the model's code is, save the weights alone: torch.save(model.state_dict(), path)",
        )

    def number(self, code: str) -> int:
        return int(struct.unpack("<" + code, self.cursor.take(struct.calcsize(code)))[0])

    def line(self, encoding: str = "utf-8") -> str:
        data = bytearray()
        while len(data) < MAX_LINE:
            byte = self.cursor.take(1)
            if byte == b"\n":
                return data.decode(encoding)
            data += byte
        return self.fail("a line of its pickle does not end")

    def marked(self) -> list[object]:
        """What was pushed since the last mark, which is removed."""
        start = len(self.stack) - 1
        while self.stack[start] is not _MARK:
            start -= 1
            if start < 0:
                self.fail("its pickle lacks a mark")
        items = self.stack[start + 1 :]
        del self.stack[start:]
        return items

    def find(self, module: str, name: str) -> Global:
        maker = self.lookup(module, name)
        if maker is None:
            self.forbid(f"names {module[:80]}.{name[:80]}")
        return Global(module, name, maker)

    def call(self, target: object, arguments: object, named: object = None) -> object:
        if not isinstance(target, Global):
            self.forbid(f"calls a {type(target).__name__}")
        if not isinstance(arguments, tuple) or named:
            self.fail(f"{target.name} is called with arguments that it cannot have")
        return target.maker(*arguments)

    def key(self, value: object) -> object:
        """A dictionary's key; only kinds whose hashes an attacker cannot choose to collide."""
        if not (
            value is None or isinstance(value, str | bytes) or (isinstance(value, int) and abs(value) < _FINITE_KEY)
        ):
            self.fail(f"a {type(value).__name__} is a key of a dictionary")
        return value

    def put(self, position: int) -> None:
        self.memo[position] = self.stack[-1]


Step = Callable[[_Machine], None]


def _push(value: Callable[[_Machine], object]) -> Step:
    return lambda machine: machine.stack.append(value(machine))


def _bytes(code: str) -> Callable[[_Machine], bytes]:
    return lambda machine: machine.cursor.take(machine.number(code))


def _text(code: str, encoding: str, errors: str = "strict") -> Callable[[_Machine], str]:
    read = _bytes(code)
    return lambda machine: read(machine).decode(encoding, errors)


def _long(code: str) -> Callable[[_Machine], int]:
    def read(machine: _Machine) -> int:
        size = machine.number(code)
        if size > MAX_NUMBER:
            machine.fail(f"a number of {size} bytes")
        return int.from_bytes(machine.cursor.take(size), "little", signed=True)

    return read


def _decimal(machine: _Machine) -> int | bool:
    text = machine.line()
    if len(text) > MAX_NUMBER:
        machine.fail("a number of too many digits")
    return text == "01" if text in ("00", "01") else int(text.rstrip("L"))


def _quoted(machine: _Machine) -> str:
    """A string of protocol 0, quoted as Python 2 does it."""
    import codecs

    text = machine.line().strip()
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "'\"":
        machine.fail("a string without quotes")
    return codecs.escape_decode(text[1:-1].encode("utf-8"))[0].decode("latin-1")


def _tuple(count: int) -> Step:
    def step(machine: _Machine) -> None:
        if len(machine.stack) < count:
            machine.fail("its stack is empty")
        start = len(machine.stack) - count
        machine.stack[start:] = [tuple(machine.stack[start:])]

    return step


def _append(machine: _Machine) -> None:
    item = machine.stack.pop()
    _list(machine, machine.stack[-1]).append(item)


def _appends(machine: _Machine) -> None:
    items = machine.marked()
    _list(machine, machine.stack[-1]).extend(items)


def _list(machine: _Machine, value: object) -> list[object]:
    if not isinstance(value, list):
        machine.fail(f"appends to a {type(value).__name__}")
    return value


def _dict(machine: _Machine, value: object) -> dict[object, object]:
    """The dictionary to fill; a record keeps its items where nobody looks."""
    if isinstance(value, Record):
        return {}
    if not isinstance(value, dict):
        machine.fail(f"sets an item of a {type(value).__name__}")
    return value


def _setitem(machine: _Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _dict(machine, machine.stack[-1])[machine.key(key)] = value


def _fill(machine: _Machine, target: dict[object, object], items: list[object]) -> dict[object, object]:
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[machine.key(key)] = value
    return target


def _setitems(machine: _Machine) -> None:
    items = machine.marked()
    _fill(machine, _dict(machine, machine.stack[-1]), items)


def _build(machine: _Machine) -> None:
    """Attributes of an object: kept in a record, meaningless for everything else (a state_dict's _metadata)."""
    state = machine.stack.pop()
    if isinstance(machine.stack[-1], Record):
        machine.stack[-1].state = state


def _reduce(machine: _Machine) -> None:
    arguments, target = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(machine.call(target, arguments))


def _new_ex(machine: _Machine) -> None:
    named, arguments, target = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    machine.stack.append(machine.call(target, arguments, named))


def _instance(machine: _Machine) -> None:
    target = machine.find(machine.line(), machine.line())
    machine.stack.append(machine.call(target, tuple(machine.marked())))


def _object(machine: _Machine) -> None:
    items = machine.marked()
    machine.stack.append(machine.call(items[0], tuple(items[1:])))


def _stack_global(machine: _Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        machine.fail("names something by no text")
    machine.stack.append(machine.find(module, name))


def _persistent(machine: _Machine, identity: object) -> object:
    if machine.persistent is None:
        machine.forbid("refers to something outside of it")
    return machine.persistent(identity)


def _extension(machine: _Machine) -> None:
    machine.forbid("uses the extension registry")


def _protocol(machine: _Machine) -> None:
    version = machine.number("B")
    if version > PROTOCOL:
        machine.fail(f"its pickle is of protocol {version}, the newest known is {PROTOCOL}")


def _frame(machine: _Machine) -> None:
    """A hint for buffered readers; that many bytes must follow."""
    size = machine.number("Q")
    if size > machine.cursor.remaining():
        machine.fail(f"a frame of {size} bytes")


def _memoize(machine: _Machine) -> None:
    machine.put(len(machine.memo))


_STOP = ord(".")
_STEPS: Mapping[int, Step] = {
    ord("("): _push(lambda _: _MARK),
    ord("0"): lambda machine: machine.stack.__delitem__(-1),
    ord("1"): lambda machine: machine.marked().clear(),
    ord("2"): _push(lambda machine: machine.stack[-1]),
    ord("F"): _push(lambda machine: float(machine.line())),
    ord("I"): _push(_decimal),
    ord("L"): _push(_decimal),
    ord("J"): _push(lambda machine: machine.number("i")),
    ord("K"): _push(lambda machine: machine.number("B")),
    ord("M"): _push(lambda machine: machine.number("H")),
    ord("N"): _push(lambda _: None),
    ord("P"): _push(lambda machine: _persistent(machine, machine.line())),
    ord("Q"): _push(lambda machine: _persistent(machine, machine.stack.pop())),
    ord("R"): _reduce,
    ord("S"): _push(_quoted),
    ord("T"): _push(_text("i", "latin-1")),
    ord("U"): _push(_text("B", "latin-1")),
    ord("V"): _push(lambda machine: machine.line("raw-unicode-escape")),
    ord("X"): _push(_text("I", "utf-8", "surrogatepass")),
    ord("a"): _append,
    ord("b"): _build,
    ord("c"): _push(lambda machine: machine.find(machine.line(), machine.line())),
    ord("d"): _push(lambda machine: _fill(machine, {}, machine.marked())),
    ord("}"): _push(lambda _: {}),
    ord("e"): _appends,
    ord("g"): _push(lambda machine: machine.memo[int(machine.line())]),
    ord("h"): _push(lambda machine: machine.memo[machine.number("B")]),
    ord("j"): _push(lambda machine: machine.memo[machine.number("I")]),
    ord("i"): _instance,
    ord("l"): _push(lambda machine: machine.marked()),
    ord("]"): _push(lambda _: []),
    ord("o"): _object,
    ord("p"): lambda machine: machine.put(int(machine.line())),
    ord("q"): lambda machine: machine.put(machine.number("B")),
    ord("r"): lambda machine: machine.put(machine.number("I")),
    ord("s"): _setitem,
    ord("t"): _push(lambda machine: tuple(machine.marked())),
    ord(")"): _push(lambda _: ()),
    ord("u"): _setitems,
    ord("G"): _push(lambda machine: struct.unpack(">d", machine.cursor.take(8))[0]),
    ord("B"): _push(_bytes("I")),
    ord("C"): _push(_bytes("B")),
    0x80: _protocol,
    0x81: _reduce,
    0x82: _extension,
    0x83: _extension,
    0x84: _extension,
    0x85: _tuple(1),
    0x86: _tuple(2),
    0x87: _tuple(3),
    0x88: _push(lambda _: True),
    0x89: _push(lambda _: False),
    0x8A: _push(_long("B")),
    0x8B: _push(_long("i")),
    0x8C: _push(_text("B", "utf-8", "surrogatepass")),
    0x8D: _push(_text("Q", "utf-8", "surrogatepass")),
    0x8E: _push(_bytes("Q")),
    0x8F: _push(lambda _: []),  # a set: its items as a list, which needs no hashes
    0x90: _appends,
    0x91: _push(lambda machine: machine.marked()),
    0x92: _new_ex,
    0x93: _stack_global,
    0x94: _memoize,
    0x95: _frame,
    0x96: _push(_bytes("Q")),
}
"""Opcode -> what it does (Lib/pickletools.py of CPython 3.11 lists and explains all of them)."""
