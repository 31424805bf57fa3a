"""Python source as a syntax tree, from one thread at a time."""

from __future__ import annotations

import ast
from threading import Lock

PARSING = Lock()
"""Held while Python source is parsed. numpy parses the header of a `.npy` file as such: reading one holds it, too."""


def parse(source: str | bytes, filename: str = "<unknown>") -> ast.Module:
    """The tree of a module, whatever other threads parse meanwhile.

    Parsers of two threads share a recursion counter in CPython before 3.11.8, and one ends with SystemError "AST
    constructor recursion depth mismatch" (https://github.com/python/cpython/issues/106905).
    """
    with PARSING:
        return ast.parse(source, filename=filename)
