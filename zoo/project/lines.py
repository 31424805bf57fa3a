"""The line of every key of a TOML text, which tomllib does not tell."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]
_LONGEST = 500  # lines of one statement; each of them is tried as its end


def lines(text: str) -> dict[Path, int]:
    """Path -> line, counted from 1, of every table and key; `text` is valid TOML.

    A statement is the shortest run of lines that tomllib reads. What an inline table holds has its statement's line.
    """
    found: dict[Path, int] = {}
    count: Counter[Path] = Counter()
    here: Path = ()
    for line, statement, value in _statements(text):
        if statement.startswith("["):
            path = _only(value)
            if statement.startswith("[["):
                here = (*path, count[path])
                count[path] += 1
            else:
                here = path
            for end in range(1, len(here) + 1):
                found.setdefault(here[:end], line)
        else:
            for path in _paths(value):
                found.setdefault((*here, *path), line)
    return found


def line_of(found: Mapping[Path, int], path: Path) -> int:
    """The line of the value at `path`, or of the nearest thing around it."""
    return next((found[path[:end]] for end in range(len(path), 0, -1) if path[:end] in found), 1)


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    start, held = 0, ""
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not held:
            start = number
        held += line
        value = _read(held) if number - start < _LONGEST else {}
        if value is not None:
            if value:
                yield start, held.lstrip(), value
            held = ""


def _read(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _only(value: Any) -> Path:
    """The keys of a header, from the nested tables that it alone gives."""
    path: list[str] = []
    while value:
        value = value[0] if isinstance(value, list) else value
        if not value:
            break
        ((key, value),) = value.items()
        path.append(key)
    return tuple(path)


def _paths(value: Any) -> Iterator[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (key,)
        yield from ((key, *rest) for rest in _paths(inner))
