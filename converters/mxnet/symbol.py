"""symbol.json of every generation (0.7 to 1.9): nodes in topological order, attributes merged, older forms upgraded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from converters.binary import opened
from converters.diagnostic import Diagnostic, Where

MAX_BYTES = 256 << 20  # of JSON; the largest published symbol has 2 MiB
MAX_NODES = 200_000
FIRST = 800  # what a file without mxnet_version counts as (legacy_json_util.cc)
VARIABLE = "null"

Entry = tuple[int, int]
"""(node, output)."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node as it is stored: operator (VARIABLE for a variable), name, attributes as text, inputs."""

    op: str
    name: str
    attrs: Mapping[str, str]
    inputs: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Symbol:
    """A whole graph; `version` is 10901 for MXNet 1.9.1."""

    file: str
    nodes: tuple[Node, ...]
    heads: tuple[Entry, ...]
    version: int


def read(path: Path) -> Symbol:
    """Read a symbol; anything that MXNet's own loader would trip over is a Diagnostic."""
    document = _document(path)
    stored = document.get("nodes")
    if not isinstance(stored, list):
        _refuse(path, "it has no list of nodes")
    if len(stored) > MAX_NODES:
        _refuse(path, f"it has {len(stored)} nodes, more than {MAX_NODES}")
    nodes = tuple(_node(path, index, item) for index, item in enumerate(stored))
    heads = document.get("heads")
    if not isinstance(heads, list) or not heads:
        _refuse(path, "it has no heads (outputs)")
    ends = tuple(_entry(path, "its heads", item, len(nodes)) for item in heads)
    return Symbol(str(path), nodes, ends, _version(document.get("attrs")))


def _document(path: Path) -> Mapping[str, object]:
    with opened(path) as descriptor:
        import os

        size = os.fstat(descriptor).st_size
        if size > MAX_BYTES:
            _refuse(path, f"it has {size} bytes of JSON, more than {MAX_BYTES}")
        data = b"".join(iter(lambda: os.read(descriptor, 1 << 20), b""))
    try:
        document = json.loads(data)
    except RecursionError:
        _refuse(path, "its JSON is nested too deeply")
    except UnicodeDecodeError as fault:
        _refuse(path, f"it is no text: {fault.reason} at byte {fault.start}")
    except json.JSONDecodeError as fault:
        raise Diagnostic(
            "damaged-file",
            f"this is not JSON: {fault.msg}",
            where=Where(file=str(path), line=fault.lineno, column=fault.colno),
            hint="fetch the file again and compare its size and checksum with the publisher's",
        ) from None
    except ValueError as fault:
        _refuse(path, f"its JSON holds a number that is none: {fault}")
    if not isinstance(document, dict):
        _refuse(path, "its JSON is no object")
    return document


def _node(path: Path, index: int, item: object) -> Node:
    if not isinstance(item, dict):
        _refuse(path, f"node {index} is no object")
    op, name, inputs = item.get("op"), item.get("name"), item.get("inputs", [])
    if not isinstance(op, str) or not isinstance(name, str) or not isinstance(inputs, list):
        _refuse(path, f"node {index} lacks its op, its name or its inputs")
    attrs: dict[str, str] = {}
    for key in ("param", "attr", "attrs"):  # before 0.9, 0.9 to 0.12, since 1.0; some files mix them
        found = item.get(key) or {}
        if not isinstance(found, dict):
            _refuse(path, f'node {index} "{name}": {key} is no object')
        attrs.update({name: value if isinstance(value, str) else json.dumps(value) for name, value in found.items()})
    what = f'node {index} "{name}"'
    return Node(op, name, attrs, tuple(_entry(path, what, entry, index) for entry in inputs))


def _entry(path: Path, what: str, item: object, below: int) -> Entry:
    """[node, output] or [node, output, version]; only nodes that stand before may be read: so there is no cycle."""
    if isinstance(item, int) and not isinstance(item, bool):
        item = [item, 0]
    if not isinstance(item, list) or len(item) < 1 or not all(type(part) is int for part in item):
        _refuse(path, f"{what} reads something that is no [node, output]")
    node, output = item[0], item[1] if len(item) > 1 else 0
    if not 0 <= node < below or not 0 <= output < MAX_NODES:
        _refuse(path, f"{what} reads output {output} of node {node}, and only {below} nodes stand before it")
    return node, output


def _version(attrs: object) -> int:
    """The version from {"mxnet_version": ["int", 10400]}."""
    stored = attrs.get("mxnet_version") if isinstance(attrs, dict) else None
    if isinstance(stored, Sequence) and len(stored) == 2 and type(stored[1]) is int:
        return stored[1]
    return FIRST


def _refuse(path: Path, reason: str) -> NoReturn:
    raise Diagnostic(
        "damaged-file",
        f"this is no symbol that MXNet could load: {reason}",
        where=Where(file=str(path)),
        hint="fetch the file again and compare its size and checksum with the publisher's",
    )
