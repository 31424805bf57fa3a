"""A YAML file as plain values whose lines are known: mappings, tuples, strings, numbers, booleans, nulls."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_VALUES = 2_000_000  # after aliases are written out: an alias bomb stops here
MAX_DEPTH = 64
_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_COLLECTIONS = (_TAG + "map", _TAG + "seq")


class Fault(NamedTuple):
    """One thing that is wrong, at a line counted from 1; faults sort by line."""

    line: int
    path: str
    text: str

    def __str__(self) -> str:
        """Reads `line 12: files.0.size: not a whole number`."""
        return f"line {self.line}: {self.path}: {self.text}" if self.path else f"line {self.line}: {self.text}"


@dataclass(frozen=True)
class Document:
    """The values of a file, the faults found while reading it, and the way back from a value to its line."""

    value: Any
    root: Node | None
    faults: tuple[Fault, ...]
    _tables: dict[int, dict[str, tuple[Node, Node]]] = field(repr=False)

    def line(self, path: Sequence[str | int]) -> int:
        """The line where the value at `path` stands; the nearest one around it where the path ends early."""
        node, line = self.root, 1
        if node is not None:
            line = _line(node)
        for step in path:
            table = self._tables.get(id(node), {})
            if isinstance(node, MappingNode) and isinstance(step, str) and step in table:
                key, node = table[step]
                line = _line(key)
            elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = _line(node)
        return line


def read(text: str) -> Document:
    """The document in `text`; a syntax error is its only fault, otherwise all faults are there.

    Only true and false are booleans and nothing is a date (YAML 1.2), so `commercial: no` is a word.
    """
    builder = _Builder()
    try:
        with _collector_paused():
            root = yaml.compose(text, Loader=_loader())
            value, count = builder.build(root) if root is not None else (None, 0)
    except yaml.YAMLError as error:
        return Document(None, None, (_syntax(error),), {})
    if count > MAX_VALUES:
        return Document(None, root, (Fault(1, "", f"aliases expand to more than {MAX_VALUES:,} values"),), {})
    return Document(value, root, tuple(sorted(builder.faults)), builder.tables)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Nodes are many and live on: looking for garbage among them takes three times as long as reading them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass
class _Builder:
    faults: list[Fault] = field(default_factory=list)
    tables: dict[int, dict[str, tuple[Node, Node]]] = field(default_factory=dict)
    _built: dict[int, tuple[Any, int]] = field(default_factory=dict)  # node -> value, how many values it is written out
    _open: set[int] = field(default_factory=set)
    _path: list[str] = field(default_factory=list)

    def build(self, node: Node) -> tuple[Any, int]:
        """The value of a node and the number of values in it; an alias is built once."""
        known = self._built.get(id(node))
        if known is not None:
            return known
        if isinstance(node, ScalarNode):
            return self._scalar(node), 1
        if id(node) in self._open:
            self.fault(node, "an alias stands inside the value that it names")
            return None, 1
        self._open.add(id(node))
        self._built[id(node)] = built = self._collection(node)
        self._open.discard(id(node))
        return built

    def fault(self, node: Node, text: str) -> None:
        self.faults.append(Fault(_line(node), ".".join(self._path), text))

    def _collection(self, node: Node) -> tuple[Any, int]:
        if node.tag not in _COLLECTIONS:
            self.fault(node, f"tag {node.tag} is not allowed")
            return None, 1
        if isinstance(node, MappingNode):
            table = self._table(node)
            self.tables[id(node)] = table
            parts = {key: self._under(key, value) for key, (_, value) in table.items()}
            return {key: value for key, (value, _) in parts.items()}, 1 + sum(count for _, count in parts.values())
        items = [self._under(str(index), item) for index, item in enumerate(node.value)]
        return tuple(value for value, _ in items), 1 + sum(count for _, count in items)

    def _under(self, step: str, node: Node) -> tuple[Any, int]:
        self._path.append(step)
        built = self.build(node)
        self._path.pop()
        return built

    def _table(self, node: MappingNode) -> dict[str, tuple[Node, Node]]:
        """Own keys over merged ones (`<<`); a key that stands twice or is no string is a fault."""
        merged: dict[str, tuple[Node, Node]] = {}
        own: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                merged = self._merge(value) | merged
            elif not isinstance(key, ScalarNode) or key.tag != _TAG + "str":
                self.fault(key, "a key must be a plain string")
            elif key.value in own:
                first = _line(own[key.value][0])
                self.fault(key, f'key "{key.value}" stands twice (first on line {first})')
            else:
                own[key.value] = (key, value)
        return merged | own

    def _merge(self, value: Node) -> dict[str, tuple[Node, Node]]:
        parts = value.value if isinstance(value, SequenceNode) else [value]
        table: dict[str, tuple[Node, Node]] = {}
        for part in reversed(parts):
            if isinstance(part, MappingNode):
                table |= self._table(part)
            else:
                self.fault(part, "<< takes a mapping or a list of mappings")
        return table

    def _scalar(self, node: ScalarNode) -> Any:
        make = _SCALARS.get(node.tag)
        if make is None:
            self.fault(node, f"tag {node.tag} is not allowed")
            return None
        try:
            return make(node.value)
        except ValueError:
            self.fault(node, f"{node.value[:40]} is no {node.tag.removeprefix(_TAG)}")
            return None


_SCALARS: Mapping[str, Callable[[str], Any]] = {
    _TAG + "str": str,
    _TAG + "int": lambda text: int(text.replace("_", "")),
    _TAG + "float": lambda text: float(text.replace("_", "")),
    _TAG + "bool": lambda text: text.lower() == "true",
    _TAG + "null": lambda _text: None,
}


@cache
def _loader() -> type[yaml.SafeLoader]:
    """The C loader where PyYAML has it, with the scalars of YAML 1.2: decimal numbers, true, false, null."""
    import re

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    own = {"yaml_implicit_resolvers": {}, "depth": 0, "descend_resolver": _descend, "ascend_resolver": _ascend}
    loader: type[yaml.SafeLoader] = type("_Loader", (base,), own)
    loader.add_implicit_resolver(_TAG + "bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF"))
    loader.add_implicit_resolver(_TAG + "null", re.compile(r"^(?:~|null|Null|)$"), ["~", "n", "N", ""])
    loader.add_implicit_resolver(_TAG + "int", re.compile(r"^[-+]?[0-9][0-9_]*$"), list("-+0123456789"))
    loader.add_implicit_resolver(
        _TAG + "float", re.compile(r"^[-+]?[0-9][0-9_]*\.[0-9]*(?:[eE][-+]?[0-9]+)?$"), list("-+0123456789")
    )
    loader.add_implicit_resolver(_MERGE, re.compile(r"^<<$"), ["<"])
    return loader


def _descend(self: Any, _parent: Node | None, _index: object) -> None:
    """Called by PyYAML before every node; its C code would overflow the stack without a bound."""
    self.depth += 1
    if self.depth > MAX_DEPTH:
        raise yaml.YAMLError("nested too deeply")


def _ascend(self: Any) -> None:
    self.depth -= 1


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _syntax(error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return Fault(mark.line + 1 if mark else 1, "", f"YAML syntax: {problem}")
