"""Where each layer stands in a prototxt: the parser of protobuf forgets, people want the line."""

from __future__ import annotations

import re
from bisect import bisect_right

_TOKEN = re.compile(r"""\#[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[{}<>]|\blayers?\b""")
_OPEN, _CLOSE = "{<", "}>"


def layer_lines(text: str, field: str) -> tuple[int, ...]:
    """The lines (from 1) on which the top-level blocks `field { ... }` begin, in order."""
    starts = [match.end() for match in re.finditer("\n", text)]
    lines: list[int] = []
    depth = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in _OPEN:
            depth += 1
        elif token in _CLOSE:
            depth -= 1
        elif depth == 0 and token == field:
            lines.append(bisect_right(starts, match.start()) + 1)
    return tuple(lines)
