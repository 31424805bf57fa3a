"""A fork's own caffe.proto, read as far as fields go: messages, fields, enumerations; the rest is stepped over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from converters.binary import opened, unreadable
from converters.diagnostic import Diagnostic, Where

MAX_BYTES = 16 << 20
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[\w.+-]+|[{}=;\[\],<>()]')
_FIELD = re.compile(r"(optional|required|repeated) ([\w.]+) (\w+) = (\d+)(?: \[ (.*) \])?")
_DEFAULT = re.compile(r'(?:^|, )default = ("(?:\\.|[^"\\])*"|[^ ,]+)')
_SCALARS = frozenset({"bool", "bytes", "double", "float", "int32", "int64", "string", "uint32", "uint64"})


@dataclass(slots=True)
class Declared:
    """What a file declares: per message its fields as (label, type, name, default), and enumerations by name."""

    messages: dict[str, list[tuple[str, str, str, str | None]]] = field(default_factory=dict)
    enums: dict[str, dict[str, int]] = field(default_factory=dict)


def read(path: Path) -> Declared:
    """The declarations of a .proto file; one that declares no LayerParameter is refused."""
    try:
        with opened(path):
            raw = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
    except OSError as fault:
        raise unreadable(path, fault) from fault
    declared = Declared()
    tokens = iter(_TOKEN.findall(_COMMENT.sub(" ", raw.decode("utf-8", "replace"))))
    _block(tokens, "", declared)
    if not declared.messages.get("LayerParameter"):
        raise Diagnostic(
            "not-a-proto", "declares no message LayerParameter; it is no caffe.proto", where=Where(file=str(path))
        )
    return declared


def _block(tokens: Iterator[str], owner: str, declared: Declared) -> None:
    """One message's body, or the file's: statements end with `;`, blocks with `}`."""
    statement: list[str] = []
    for part in tokens:
        if part == "}":
            return
        if part == "{":
            _nested(tokens, statement, owner, declared)
            statement = []
        elif part == ";":
            _statement(" ".join(statement), owner, declared)
            statement = []
        else:
            statement.append(part)


def _nested(tokens: Iterator[str], head: list[str], owner: str, declared: Declared) -> None:
    keyword, name = (*head, "", "")[:2]
    if keyword == "message":
        declared.messages.setdefault(name, [])
        _block(tokens, name, declared)
    elif keyword == "enum":
        declared.enums[f"{owner}.{name}" if owner else name] = _labels(tokens)
    else:
        _block(tokens, "", Declared())


def _labels(tokens: Iterator[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    statement: list[str] = []
    for part in tokens:
        if part == "}":
            break
        if part == ";":
            if len(statement) >= 3 and statement[1] == "=" and statement[2].lstrip("-").isdigit():
                found[statement[0]] = int(statement[2])
            statement = []
        else:
            statement.append(part)
    return found


def _statement(text: str, owner: str, declared: Declared) -> None:
    match = _FIELD.fullmatch(text)
    if match and owner:
        label, kind, name, _, options = match.groups()
        default = _DEFAULT.search(options or "")
        declared.messages[owner].append((label, kind, name, default[1].strip('"') if default else None))


def lines(declared: Declared, known: Mapping[str, frozenset[str]]) -> dict[str, list[str]]:
    """The fields that `known` (message -> names) lacks, in the notation of caffe.schema, numbered from 3000."""
    table: dict[str, list[str]] = {}
    for owner, fields in declared.messages.items():
        new = [entry for entry in fields if entry[2] not in known.get(owner, frozenset())]
        spelled = [_line(number, owner, entry, declared, known) for number, entry in enumerate(new, 3000)]
        table[owner] = [line for line in spelled if line]
    return table


def _line(
    number: int, owner: str, entry: tuple[str, str, str, str | None], declared: Declared, known: Mapping[str, object]
) -> str | None:
    label, kind, name, default = entry
    star = "*" if label == "repeated" else ""
    labels = declared.enums.get(f"{owner}.{kind}") or declared.enums.get(kind)
    short = kind.rsplit(".", 1)[-1]
    if labels:
        kind = "{" + ",".join(f"{label}={value}" for label, value in labels.items()) + "}"
    elif kind not in _SCALARS:
        if short not in declared.messages and short not in known:
            return None
        kind, default = short, None
    return f"{number} {kind}{star} {name}" + (f"={default}" if default is not None and not star else "")
