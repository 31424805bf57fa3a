"""A pickle walked and never run: every opcode only says what it pushes, so that strings are known by place and meaning.

Classes and functions are names here, calls are records of a name and its arguments. What the walk cannot follow is an
opaque value; what makes no sense refuses the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from zoo.relocate.plan import Patch
from zoo.relocate.source import Stream
from zoo.relocate.strings import Text, Use, respell

_MARK = object()
_SHORT = 256  # characters; a longer string is neither a device nor a name


@dataclass(frozen=True, slots=True)
class Global:
    """A class or function by its name, `module name`; `[start, end)` is where the name stands."""

    name: str
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Tuple:
    """A tuple or a list."""

    items: list[object]


@dataclass(slots=True, eq=False)
class Dict:
    """A dictionary as the pairs that were put into it; `state` is what BUILD gave it."""

    pairs: list[tuple[object, object]] = field(default_factory=list)
    state: object = None


@dataclass(slots=True, eq=False)
class Call:
    """The result of calling `function`."""

    function: str
    arguments: list[object]


@dataclass(slots=True, eq=False)
class Persistent:
    """What the pickle keeps outside of itself: a storage, by what identifies it."""

    identity: object


@dataclass(slots=True)
class Walk:
    """What a pickle holds: `texts` in the order of their definitions, and the meaning of its parts."""

    value: object = None
    texts: list[Text] = field(default_factory=list)
    identities: list[Persistent] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    dicts: list[Dict] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    frames: list[tuple[int, int]] = field(default_factory=list)

    def patches(self) -> list[Patch]:
        """The patches for all that is wanted, the lengths of frames included."""
        found = list(respell(self.texts))
        for start, size in self.frames:
            grown = sum(
                len(patch.new) - (patch.end - patch.start)
                for patch in found
                if start + 8 <= patch.start and patch.end <= start + 8 + size
            )
            if grown:
                found.append(Patch(start, start + 8, struct.pack("<Q", size + grown)))
        return found


def walk(stream: Stream) -> Walk:
    """Walk one pickle from the stream's position to its STOP."""
    machine = _Machine(stream)
    try:
        return machine.run()
    except (IndexError, KeyError, ValueError, struct.error) as fault:
        stream.fail(f"its pickle makes no sense here ({type(fault).__name__})")


class _Machine:
    """The stack and the memo of a pickle, holding records."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.stack: list[object] = []
        self.memo: dict[int, object] = {}
        self.found = Walk()
        self.start = 0

    def run(self) -> Walk:
        stream, steps = self.stream, _STEPS
        while True:
            self.start = stream.position
            code = stream.take(1)[0]
            if code == 0x2E:  # STOP
                self.found.value = self.stack.pop()
                return self.found
            step = steps.get(code)
            if step is None:
                stream.fail(f"0x{code:02x} is no pickle opcode")
            step(self)

    def push(self, value: object) -> None:
        self.stack.append(value)

    def number(self, code: str) -> int:
        return int(struct.unpack(code, self.stream.take(struct.calcsize(code)))[0])

    def popped(self) -> list[object]:
        """What lies above the last mark, which goes too."""
        start = len(self.stack) - 1
        while self.stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise IndexError
        items = self.stack[start + 1 :]
        del self.stack[start:]
        return items

    def text(self, code: int, size: int, encoding: str) -> None:
        if size > _SHORT:
            self.stream.skip(size)
            self.push(None)
            return
        self.define(code, self.stream.take(size).decode(encoding, "replace"))

    def define(self, code: int, value: str) -> None:
        text = Text(value, code)
        use = Use(text, self.start, self.stream.position)
        text.uses.append(use)
        self.found.texts.append(text)
        self.push(use)

    def put(self, number: int) -> None:
        old, value = self.memo.get(number), self.stack[-1]
        if isinstance(old, Text):
            old.memo = None
        if isinstance(value, Use):
            value.text.memo = number
            value = value.text
        self.memo[number] = value

    def get(self, number: int) -> None:
        value = self.memo[number]
        if isinstance(value, Text):
            value.uses.append(Use(value, self.start, self.stream.position))
            value = value.uses[-1]
        self.push(value)

    def tuple(self, count: int) -> None:
        items = self.stack[len(self.stack) - count :] if count else []
        if len(items) != count:
            raise IndexError
        del self.stack[len(self.stack) - count :]
        self.push(Tuple(items))

    def call(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        name = function.name if isinstance(function, Global) else ""
        items = arguments.items if isinstance(arguments, Tuple) else []
        if name == "collections OrderedDict":
            made = Dict(_pairs(items))
            self.found.dicts.append(made)
            self.push(made)
            return
        self.found.calls.append(Call(name, items))
        self.push(self.found.calls[-1])

    def build(self) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Dict):
            self.stack[-1].state = state

    def new_dict(self, items: list[object]) -> None:
        made = Dict(list(zip(items[::2], items[1::2], strict=True)))
        self.found.dicts.append(made)
        self.push(made)

    def set_items(self, items: list[object]) -> None:
        target = self.stack[-1]
        if isinstance(target, Dict):
            target.pairs += zip(items[::2], items[1::2], strict=True)

    def append(self, items: list[object]) -> None:
        target = self.stack[-1]
        if isinstance(target, Tuple):
            target.items += items

    def name(self, module: str, name: str, start: int) -> None:
        found = Global(f"{module} {name}", start, self.stream.position)
        self.found.globals.append(found)
        self.push(found)

    def identify(self, identity: object) -> None:
        found = Persistent(identity)
        self.found.identities.append(found)
        self.push(found)


def _pairs(arguments: list[object]) -> list[tuple[object, object]]:
    """The items of an OrderedDict that Python 2 wrote: one argument, a list of pairs."""
    rows = arguments[0].items if arguments and isinstance(arguments[0], Tuple) else []
    return [(row.items[0], row.items[1]) for row in rows if isinstance(row, Tuple) and len(row.items) == 2]


def _opaque(size: int) -> Callable[[_Machine], None]:
    def step(machine: _Machine) -> None:
        machine.stream.skip(size)
        machine.push(None)

    return step


def _counted(code: str) -> Callable[[_Machine], None]:
    def step(machine: _Machine) -> None:
        machine.stream.skip(machine.number(code))
        machine.push(None)

    return step


def _integer(code: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(machine.number(code))


def _string(code: str, encoding: str) -> Callable[[_Machine], None]:
    def step(machine: _Machine) -> None:
        opcode = ord(_SPELLED_AS[code, encoding])
        machine.text(opcode, machine.number(code), encoding)

    return step


def _line(machine: _Machine) -> None:
    machine.stream.line()
    machine.push(None)


def _quoted(machine: _Machine) -> None:
    raw = machine.stream.line(1 << 24)
    machine.define(ord("S"), raw[1:-1].decode("latin-1"))


def _unicode_line(machine: _Machine) -> None:
    machine.define(ord("V"), machine.stream.line(1 << 24).decode("raw-unicode-escape", "replace"))


def _global(machine: _Machine) -> None:
    module = machine.stream.line().decode("utf-8", "replace")
    machine.name(module, machine.stream.line().decode("utf-8", "replace"), machine.start)


def _stack_global(machine: _Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.name(
        module.value if isinstance(module, Use) else "?", name.value if isinstance(name, Use) else "?", machine.start
    )


def _instance(machine: _Machine) -> None:
    _global(machine)
    machine.stack.pop()
    machine.popped()
    machine.push(None)


def _object(machine: _Machine) -> None:
    machine.popped()
    machine.push(None)


def _duplicate(machine: _Machine) -> None:
    top = machine.stack[-1]
    machine.push(None if isinstance(top, Use) else top)


def _new_extended(machine: _Machine) -> None:
    machine.stack.pop()
    machine.call()


def _pop_above(machine: _Machine) -> None:
    machine.popped()


def _frame(machine: _Machine) -> None:
    at = machine.stream.position
    machine.found.frames.append((at, machine.number("<Q")))


def _pair(machine: _Machine) -> list[object]:
    value, key = machine.stack.pop(), machine.stack.pop()
    return [key, value]


def _nothing(_machine: _Machine) -> None:
    """An opcode that changes no value: READONLY_BUFFER."""


def _constant(value: object) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(value)


_SPELLED_AS = {
    ("<I", "utf-8"): "X",
    ("<i", "latin-1"): "T",
    ("<B", "latin-1"): "U",
    ("<B", "utf-8"): "\x8c",
    ("<Q", "utf-8"): "\x8d",
}


def _table() -> Iterator[tuple[int, Callable[[_Machine], None]]]:
    for symbol, step in {
        "N": _constant(None), "\x88": _constant(value=True), "\x89": _constant(value=False),
        "I": _line, "L": _line, "F": _line, "J": _integer("<i"), "K": _integer("<B"), "M": _integer("<H"),
        "\x8a": _counted("<B"), "\x8b": _counted("<i"), "G": _opaque(8),
        "S": _quoted, "T": _string("<i", "latin-1"), "U": _string("<B", "latin-1"), "V": _unicode_line,
        "X": _string("<I", "utf-8"), "\x8c": _string("<B", "utf-8"), "\x8d": _string("<Q", "utf-8"),
        "B": _counted("<I"), "C": _counted("<B"), "\x8e": _counted("<Q"), "\x96": _counted("<Q"),
        "(": _constant(_MARK), "0": lambda m: m.stack.pop(), "1": _pop_above, "2": _duplicate,
        ")": lambda m: m.push(Tuple([])), "t": lambda m: m.push(Tuple(m.popped())),
        "\x85": lambda m: m.tuple(1), "\x86": lambda m: m.tuple(2), "\x87": lambda m: m.tuple(3),
        "]": lambda m: m.push(Tuple([])), "l": lambda m: m.push(Tuple(m.popped())),
        "a": lambda m: m.append([m.stack.pop()]), "e": lambda m: m.append(m.popped()),
        "}": lambda m: m.new_dict([]), "d": lambda m: m.new_dict(m.popped()),
        "s": lambda m: m.set_items(_pair(m)), "u": lambda m: m.set_items(m.popped()),
        "\x8f": _opaque(0), "\x90": _pop_above, "\x91": _object,
        "c": _global, "\x93": _stack_global, "i": _instance, "o": _object,
        "R": lambda m: m.call(), "\x81": lambda m: m.call(), "\x92": _new_extended, "b": lambda m: m.build(),
        "P": _line, "Q": lambda m: m.identify(m.stack.pop()),
        "p": lambda m: m.put(int(m.stream.line())), "q": lambda m: m.put(m.number("<B")),
        "r": lambda m: m.put(m.number("<I")), "\x94": lambda m: m.put(len(m.memo)),
        "g": lambda m: m.get(int(m.stream.line())), "h": lambda m: m.get(m.number("<B")),
        "j": lambda m: m.get(m.number("<I")),
        "\x80": lambda m: m.stream.take(1), "\x95": _frame,
        "\x82": _opaque(1), "\x83": _opaque(2), "\x84": _opaque(4), "\x97": _opaque(0), "\x98": _nothing,
    }.items():  # fmt: skip
        yield ord(symbol), step


_STEPS: dict[int, Callable[[_Machine], None]] = dict(_table())
