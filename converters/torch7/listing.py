"""The tree of a .t7 file for people: values, modules and tensors, each once, with types, shapes and sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from converters.torch7 import t7
from converters.torch7.objects import Object, Storage, Table, Tensor, Value, elements
from converters.tree import Entry

MAX_ENTRIES = 20_000
_SHOWN = 20  # entries of a long table of plain values
_HIDDEN = frozenset({"fg", "bg", "forwardnodes", "backwardnodes", "innode", "outnode", "_type", "train"})
"""The inside of an nngraph graph, and what every module has."""
_LONGEST = 60  # characters of a value


def tree(files: Mapping[str, Path]) -> Iterator[Entry]:
    """Every value of the file's first object; what occurs again is shown once and then named."""
    document = t7.read(files["model"])
    yield Entry(0, files["model"].name, f"Torch7 file, {document.spelling}")
    waiting: list[tuple[int, str, str, Value]] = [(1, "", "", document.value)]
    known: dict[int, str] = {}
    count = 0
    while waiting:
        depth, name, path, value = waiting.pop()
        count += 1
        if count > MAX_ENTRIES:
            yield Entry(1, "...", "and more")
            return
        if isinstance(value, Table | Object | Tensor | Storage):
            if id(value) in known:
                yield Entry(depth, name, f"the same as {known[id(value)] or 'the whole'}", path)
                continue
            known[id(value)] = path
        yield _entry(depth, name, path, value)
        waiting.extend(reversed([(depth + 1, label, step, inner) for label, step, inner in _inside(path, value)]))
    if document.rest:
        yield Entry(1, "", f"{document.rest:,} bytes after the first object")


def _entry(depth: int, name: str, path: str, value: Value) -> Entry:
    if isinstance(value, Tensor):
        size = elements(value.size) * value.dtype.itemsize
        return Entry(depth, name, value.kind, path, value.size or (0,), value.dtype.name, size)
    if isinstance(value, Storage):
        size = value.count * value.dtype.itemsize
        return Entry(depth, name, value.kind, path, (value.count,), value.dtype.name, size)
    if isinstance(value, Object):
        return Entry(depth, name, value.kind, path)
    return Entry(depth, name, _plain(value), path)


def _inside(path: str, value: Value) -> Iterator[tuple[str, str, Value]]:
    """Label, path and value of what a table or module holds; a module's own modules come as [1], [2]..."""
    if isinstance(value, Object):
        fields = value.fields.strings
        modules = fields.get("modules")
        for key, inner in sorted(fields.items(), key=lambda entry: entry[0]):
            if key != "modules" and key not in _HIDDEN and not _empty(inner):
                yield key, _join(path, key), inner
        if isinstance(modules, Table):
            for position, module in enumerate(modules.array(), 1):
                yield f"[{position}]", _join(path, f"modules.{position}"), module
    elif isinstance(value, Table):
        strings = sorted(value.strings.items(), key=lambda entry: entry[0])
        entries: list[tuple[Value, Value]] = [*value.numbers.items(), *strings, *value.others]
        plain = all(not isinstance(inner, Table | Object | Tensor | Storage) for _, inner in entries)
        shown = entries[:_SHOWN] if plain else entries
        for entry, inner in shown:
            label = entry if isinstance(entry, str) else _plain(entry)
            yield label, _join(path, label), inner
        if len(shown) < len(entries):
            yield "...", path, f"and {len(entries) - len(shown)} more"


def _empty(value: Value) -> bool:
    if isinstance(value, Tensor):
        return elements(value.size) == 0
    return value is None or (isinstance(value, Table) and len(value) == 0)


def _join(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{int(value) if value.is_integer() else value}"
    if isinstance(value, str):
        shown = value if value.isprintable() else ascii(value)
        return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}... ({len(value)} characters)"
    if isinstance(value, Table):
        return f"table of {len(value)}"
    return "nil" if value is None else type(value).__name__.lower()
