"""The functions that a written module may need, as text: read from the folder `functions`, never imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from converters.syntax import parse


def needed(names: Iterable[str]) -> list[str]:
    """The source of the functions and of those that they call, callees first."""
    sources = functions()
    order: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in order:
            return
        for inner in ast.walk(parse(sources[name])):
            if isinstance(inner, ast.Name) and inner.id in sources and inner.id != name:
                visit(inner.id)
        order[name] = None

    for name in names:
        visit(name)
    return [sources[name] for name in order]


@cache
def functions() -> dict[str, str]:
    """Name -> source of every function of the folder `functions`, which is read as text and never imported."""
    found: dict[str, str] = {}
    for path in sorted((Path(__file__).parent / "functions").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        for node in parse(source).body:
            if isinstance(node, ast.FunctionDef):
                if node.name in found:
                    raise ValueError(f"two functions are called {node.name}; the second is in {path.name}")
                found[node.name] = ast.get_source_segment(source, node) or ""
    return found
