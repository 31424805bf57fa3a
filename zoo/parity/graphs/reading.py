"""The graph of an ONNX file, read once for everybody who only looks at it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import onnx_ir as ir

import converters

_FILES = 8  # a check looks at a few, each of them several times


def graph_of(model: Path) -> ir.Graph:
    """The main graph of an ONNX file, the same object until the file is another one: nobody may change it."""
    stat = model.stat()
    return _read(model.absolute(), stat.st_ino, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=_FILES)
def _read(model: Path, _inode: int, _size: int, _time: int) -> ir.Graph:
    return converters.read([model]).ir.graph
