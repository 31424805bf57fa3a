"""The records of a .t7 file as a file again: unchanged ones as copies of their bytes, definitions where first met."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from zoo.relocate.plan import Copy, Piece, Recast
from zoo.relocate.t7file import (
    FUNCTION,
    OBJECT,
    TABLE,
    Document,
    Function,
    Leaf,
    Object,
    Slot,
    Spelling,
    Table,
    trampoline,
)


def write(document: Document) -> list[Piece]:
    """The pieces of the file that holds the records as they are now."""
    writer = _Writer(document.spelling)
    for root in document.roots:
        trampoline(writer.slot(root))
    return writer.made


class _Writer:
    """Writes records, the first time whole and then as back references."""

    def __init__(self, spelling: Spelling) -> None:
        self.spelling = spelling
        self.made: list[Piece] = []
        self.written: set[int] = set()

    def slot(self, slot: Slot) -> Generator[Any, Any, None]:
        node = slot.node
        if isinstance(node, Leaf):
            self.made.append(Copy(node.start, node.end) if node.new is None else node.new)
        elif id(node) not in self.written:
            self.written.add(id(node))
            yield _WRITE[type(node)](self, node)
        elif slot.end and not slot.moved:
            self.made.append(Copy(slot.start, slot.end))
        else:
            tag = {Table: TABLE, Object: OBJECT}.get(type(node), getattr(node, "tag", FUNCTION))
            self.made.append(self.spelling.integer(tag) + self.spelling.integer(node.index))

    def table(self, node: Table) -> Generator[Any, Any, None]:
        self.made.append(Copy(node.start, node.middle))
        same = len(node.entries) == node.count
        self.made.append(Copy(node.middle, node.end) if same else self.spelling.integer(len(node.entries)))
        for key, value in node.entries:
            yield self.slot(key)
            yield self.slot(value)

    def object(self, node: Object) -> Generator[Any, Any, None]:
        spell = self.spelling
        if node.upgrade is None:
            self.made.append(Copy(node.start, node.middle))
        else:
            version = spell.string(b"V %d" % node.upgrade)
            self.made.append(spell.integer(OBJECT) + spell.integer(node.index) + version)
        name = self.spelling.string(node.name.encode("utf-8", "surrogateescape"))
        self.made.append(Copy(node.middle, node.end) if node.name == node.old else name)
        if node.recast:
            self.made += [Copy(node.end, node.numbers), Recast(node.numbers, node.raw, *node.recast)]
        elif node.raw:
            self.made.append(Copy(node.end, node.raw))
        for part in node.parts:
            yield self.slot(part)

    def function(self, node: Function) -> Generator[Any, Any, None]:
        self.made.append(Copy(node.start, node.end))
        yield self.slot(node.upvalues[0])


_WRITE: dict[type, Callable[[_Writer, Any], Generator[Any, Any, None]]] = {
    Table: _Writer.table,
    Object: _Writer.object,
    Function: _Writer.function,
}
