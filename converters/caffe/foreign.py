"""Fields that no schema of ours knows: found with their places, so that a fork's file can be read without guessing."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"""(?P<space>[\s;,]+|\#[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<open>[{<])|(?P<close>[}>])|(?P<colon>:)|(?P<list>[\[\]])|(?P<word>[^\s;,"'{}<>:\[\]\#]+)"""
)
MAX_DEPTH = 100  # protobuf's own limit


@dataclass(frozen=True, slots=True)
class Foreign:
    """One field: the names that lead to it from the net, which top-level block it is in, its value as text."""

    path: tuple[str, ...]
    block: int  # how many blocks of the same name stand before the one at the top of the path
    value: str | None  # None: a block
    line: int
    column: int

    @property
    def name(self) -> str:
        """The field's own name."""
        return self.path[-1]

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} (line {self.line})"


def find(text: str, descriptor: Any) -> list[Foreign]:
    """Every field of `text` that the message `descriptor` does not have; its own fields below it are not listed."""
    return list(_Walk(text).message(descriptor, ()))


class _Walk:
    """Reads text format token by token beside a schema; what is no text format is the parser's to name."""

    def __init__(self, text: str) -> None:
        self._ends = [match.end() for match in re.finditer("\n", text)]
        self._tokens = [match for match in _TOKEN.finditer(text) if match.lastgroup != "space"]
        self._next = 0
        self._blocks: dict[str, int] = {}

    def message(self, descriptor: Any, path: tuple[str, ...]) -> Iterator[Foreign]:
        """The unknown fields of one message up to its closing bracket."""
        while self._next < len(self._tokens) and len(path) < MAX_DEPTH:
            token = self._take()
            if token.lastgroup == "close":
                return
            if token.lastgroup != "word":
                continue
            name = token.group()
            if not path:
                self._blocks[name] = self._blocks.get(name, -1) + 1
            yield from self._field(descriptor, (*path, name), token)

    def _field(self, descriptor: Any, path: tuple[str, ...], token: re.Match[str]) -> Iterator[Foreign]:
        field = None if descriptor is None else descriptor.fields_by_name.get(path[-1])
        self._skip("colon")
        opened = self._skip("open")
        if field is None and descriptor is not None:
            start = self._next
            for _ in self.message(None, path) if opened else self._value():
                pass
            value = None if opened else " ".join(found.group() for found in self._tokens[start : self._next])
            line = bisect_right(self._ends, token.start())
            column = token.start() - (self._ends[line - 1] if line else 0) + 1
            yield Foreign(path, self._blocks[path[0]], value, line + 1, column)
        elif opened:
            yield from self.message(None if field is None else field.message_type, path)
        else:
            yield from self._value()

    def _value(self) -> Iterator[Foreign]:
        """Step over a scalar, a list of them, or strings that stand side by side."""
        if self._peek() == "list":
            self._take()
            while self._peek() not in (None, "list"):
                self._take()
            self._skip("list")
        elif self._skip("string"):
            while self._skip("string"):
                pass
        else:
            self._skip("word")
        return iter(())

    def _take(self) -> re.Match[str]:
        self._next += 1
        return self._tokens[self._next - 1]

    def _peek(self) -> str | None:
        return self._tokens[self._next].lastgroup if self._next < len(self._tokens) else None

    def _skip(self, kind: str) -> bool:
        found = self._peek() == kind
        self._next += found
        return found
