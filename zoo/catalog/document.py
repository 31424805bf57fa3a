"""A YAML file as plain values whose lines are known: mappings, tuples, strings, numbers, booleans, nulls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_VALUES = 2_000_000  # after aliases are written out: an alias bomb stops here
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
    try:
        root = yaml.compose(text, Loader=_loader())
    except yaml.YAMLError as error:
        return Document(None, None, (_syntax(error),), {})
    if root is None:
        return Document(None, None, (), {})
    builder = _Builder()
    value = builder.build(root, "") if builder.affordable(root) else None
    return Document(value, root, tuple(sorted(builder.faults)), builder.tables)


@dataclass
class _Builder:
    faults: list[Fault] = field(default_factory=list)
    tables: dict[int, dict[str, tuple[Node, Node]]] = field(default_factory=dict)
    _built: dict[int, Any] = field(default_factory=dict)
    _open: set[int] = field(default_factory=set)

    def affordable(self, root: Node) -> bool:
        """Whether the values stay under the limit and no alias lies inside its own anchor."""
        sizes: dict[int, int] = {}
        stack: list[tuple[Node, bool]] = [(root, False)]
        inside: set[int] = set()
        while stack:
            node, done = stack.pop()
            if done:
                inside.discard(id(node))
                sizes[id(node)] = 1 + sum(sizes[id(child)] for child in _children(node))
            elif id(node) in inside:
                self.faults.append(Fault(_line(node), "", "an alias stands inside the value that it names"))
                return False
            elif id(node) not in sizes:
                inside.add(id(node))
                stack.append((node, True))
                stack.extend((child, False) for child in _children(node) if id(child) not in sizes)
        if sizes[id(root)] > MAX_VALUES:
            self.faults.append(Fault(1, "", f"aliases expand to more than {MAX_VALUES:,} values"))
            return False
        return True

    def build(self, node: Node, path: str) -> Any:
        if id(node) not in self._built:
            self._built[id(node)] = self._fresh(node, path)
        return self._built[id(node)]

    def _fresh(self, node: Node, path: str) -> Any:
        if not isinstance(node, ScalarNode) and node.tag not in _COLLECTIONS:
            self.faults.append(Fault(_line(node), path, f"tag {node.tag} is not allowed"))
            return None
        if isinstance(node, MappingNode):
            table = self._table(node, path)
            self.tables[id(node)] = table
            return {key: self.build(value, f"{path}.{key}" if path else key) for key, (_, value) in table.items()}
        if isinstance(node, SequenceNode):
            return tuple(self.build(item, f"{path}.{index}") for index, item in enumerate(node.value))
        return self._scalar(node, path)

    def _table(self, node: MappingNode, path: str) -> dict[str, tuple[Node, Node]]:
        """Own keys over merged ones (`<<`); a key that stands twice or is no string is a fault."""
        merged: dict[str, tuple[Node, Node]] = {}
        own: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                merged = self._merge(value, path) | merged
            elif not isinstance(key, ScalarNode) or key.tag != _TAG + "str":
                self.faults.append(Fault(_line(key), path, "a key must be a plain string"))
            elif key.value in own:
                first = _line(own[key.value][0])
                self.faults.append(Fault(_line(key), path, f'key "{key.value}" stands twice (first on line {first})'))
            else:
                own[key.value] = (key, value)
        return merged | own

    def _merge(self, value: Node, path: str) -> dict[str, tuple[Node, Node]]:
        parts = value.value if isinstance(value, SequenceNode) else [value]
        table: dict[str, tuple[Node, Node]] = {}
        for part in reversed(parts):
            if isinstance(part, MappingNode):
                table |= self._table(part, path)
            else:
                self.faults.append(Fault(_line(part), path, "<< takes a mapping or a list of mappings"))
        return table

    def _scalar(self, node: Node, path: str) -> Any:
        make = _SCALARS.get(node.tag.removeprefix(_TAG)) if node.tag.startswith(_TAG) else None
        if make is None:
            self.faults.append(Fault(_line(node), path, f"tag {node.tag} is not allowed"))
            return None
        try:
            return make(node.value)
        except ValueError:
            self.faults.append(Fault(_line(node), path, f"{node.value} is no {node.tag.removeprefix(_TAG)}"))
            return None


_SCALARS: Mapping[str, Callable[[str], Any]] = {
    "str": str,
    "int": lambda text: int(text.replace("_", "")),
    "float": lambda text: float(text.replace("_", "")),
    "bool": lambda text: text.lower() == "true",
    "null": lambda _text: None,
}


@cache
def _loader() -> type[yaml.SafeLoader]:
    """The C loader where PyYAML has it, with the scalars of YAML 1.2: decimal numbers, true, false, null."""
    import re

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: type[yaml.SafeLoader] = type("_Loader", (base,), {"yaml_implicit_resolvers": {}})
    loader.add_implicit_resolver(_TAG + "bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF"))
    loader.add_implicit_resolver(_TAG + "null", re.compile(r"^(?:~|null|Null|)$"), ["~", "n", "N", ""])
    loader.add_implicit_resolver(_TAG + "int", re.compile(r"^[-+]?[0-9][0-9_]*$"), list("-+0123456789"))
    loader.add_implicit_resolver(
        _TAG + "float", re.compile(r"^[-+]?[0-9][0-9_]*\.[0-9]*(?:[eE][-+]?[0-9]+)?$"), list("-+0123456789")
    )
    loader.add_implicit_resolver(_MERGE, re.compile(r"^<<$"), ["<"])
    return loader


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, SequenceNode):
        yield from node.value
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            yield key
            yield value


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _syntax(error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return Fault(mark.line + 1 if mark else 1, "", f"YAML syntax: {problem}")
