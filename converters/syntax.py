"""Python source as a syntax tree, from one thread at a time."""

from __future__ import annotations

import ast
from threading import Lock

_LOCK = Lock()


def parse(source: str | bytes, filename: str = "<unknown>") -> ast.Module:
    """The tree of a module, whatever other threads parse meanwhile.

    Parsers of two threads share a recursion counter in CPython before 3.11.8, and one ends with SystemError "AST
    constructor recursion depth mismatch" (https://github.com/python/cpython/issues/106905).
    """
    with _LOCK:
        return ast.parse(source, filename=filename)
