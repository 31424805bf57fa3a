"""Files that are tables: where the modules in them are, and which of them is meant."""

from __future__ import annotations

from collections.abc import Iterator

from converters.diagnostic import Diagnostic, Where
from converters.torch7.objects import Object, Table, Tensor, Value

_NO_MODULE = ("Criterion", "optim.", "torch.", "graph.", "nngraph.")


def model(value: Value, key: str | None, file: str) -> tuple[Object, str]:
    """The module to convert and the key under which it lies ("" for the file's own object).

    `key` is a path of names and numbers such as `state.net` or `1`; without one, the only module of the file is it.
    """
    where = Where(file=file)
    if key:
        found = pick(value, key, file)
        if isinstance(found, Object) and is_module(found):
            return found, key
        raise Diagnostic("no-module", f'"{key}" is {describe(found)}, not a module', where=where, hint=_list_hint(file))
    if isinstance(value, Object) and is_module(value):
        return value, ""
    inside = list(modules(value))
    if len(inside) == 1:
        return inside[0][1], inside[0][0]
    if inside:
        raise Diagnostic(
            "several-modules",
            f"holds {len(inside)} modules",
            where=where,
            details=[f"{path}: {module.kind}" for path, module in inside],
            hint=f"--key {inside[0][0]} picks one",
        )
    hint = f"zoo convert {file} --to npy" if isinstance(value, Tensor) else _list_hint(file)
    raise Diagnostic("no-module", f"holds {describe(value)} and no module", where=where, hint=hint)


def pick(value: Value, key: str, file: str) -> Value:
    """The value at a path of names and numbers; refuses a step that leads nowhere, naming what is there."""
    for step in key.split("."):
        table = value.fields if isinstance(value, Object) else value
        entries = dict(_entries(table)) if isinstance(table, Table) else {}
        if step not in entries:
            raise Diagnostic(
                "unknown-key",
                f'has nothing under "{step}" (in {key})',
                where=Where(file=file),
                hint=f"there are: {', '.join(list(entries)[:20])}" if entries else _list_hint(file),
            )
        value = entries[step]
    return value


def modules(value: Value) -> Iterator[tuple[str, Object]]:
    """The outermost modules in nested tables, each once, with the path to it."""
    waiting: list[tuple[str, Value]] = [("", value)]
    known: set[int] = set()
    while waiting:
        path, item = waiting.pop()
        if id(item) in known:
            continue
        if isinstance(item, Object) and is_module(item):
            known.add(id(item))
            yield path, item
        elif isinstance(item, Table):
            known.add(id(item))
            inner = [(f"{path}.{name}" if path else name, entry) for name, entry in _entries(item)]
            waiting.extend(reversed(inner))


def is_module(item: Object) -> bool:
    """Whether a class is a network's: neither a criterion nor a part of Torch's own."""
    return not item.kind.endswith(_NO_MODULE[0]) and not item.kind.startswith(_NO_MODULE[1:])


def describe(value: Value) -> str:
    """A value in words."""
    if isinstance(value, Tensor):
        return f"a {value.kind} of size {'x'.join(map(str, value.size)) or '0'}"
    if isinstance(value, Object):
        return f"an object of class {value.kind}"
    if isinstance(value, Table):
        return f"a table of {len(value)} entries"
    return {"str": "a string", "float": "a number", "bool": "a boolean", "NoneType": "nil"}.get(
        type(value).__name__, f"a {type(value).__name__.lower()}"
    )


def _entries(table: Table) -> Iterator[tuple[str, Value]]:
    for key, value in table.items():
        if isinstance(key, str):
            yield key, value
        elif isinstance(key, float):
            yield f"{int(key) if key.is_integer() else key}", value


def _list_hint(file: str) -> str:
    return f"zoo inspect {file} lists what it holds"
