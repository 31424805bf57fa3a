"""What numbers an ONNX file's inputs hold: their type, and how large those may be that look something up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import onnx_ir as ir

from zoo.parity.graphs.reading import graph_of

_SAME = frozenset({
    "Cast", "Clip", "Expand", "Flatten", "Floor", "Identity", "Reshape", "Round", "Slice", "Split", "Squeeze", "Tile",
    "Transpose", "Unsqueeze",
})  # fmt: skip
"""Operators whose first output holds the numbers of their first input."""
_LOOKS_UP = frozenset({"Gather", "GatherElements", "OneHot"})
_TRUTH = 2
_FULL = {"bool": _TRUTH, "uint8": 2**8, "int8": 2**7, "uint16": 2**16, "int16": 2**15}
_WHOLE = frozenset({*_FULL, "int32", "int64", "uint32", "uint64"})
_NUMBERS = frozenset({*_WHOLE, "float16", "bfloat16", "float32", "float64", "undefined"})
_NUMPY = {"float": "float32", "double": "float64"}


class Domain(NamedTuple):
    """numpy's name of the type; `below`: whole numbers from 0 that are smaller than it, or None for any number."""

    dtype: str
    below: int | None


def domains(model: Path) -> Mapping[str, Domain]:
    """Of every input: the smallest table that its numbers are looked up in bounds them.

    Whole numbers that look nothing up take what their type holds where that is at most 16 bits, else 0 and 1: they are
    masks and switches, or no network could tell how large they may be.
    """
    graph = graph_of(model)
    found: dict[str, Domain] = {}
    for value in graph.inputs:
        name = value.dtype.name.lower() if value.dtype is not None else "float"
        dtype = _NUMPY.get(name, name)
        below = _smallest_table(value, set())
        if below is None and dtype in _WHOLE:
            below = _FULL.get(dtype, _TRUTH)
        found[str(value.name)] = Domain(dtype, below)
    return found


def beyond(model: Path) -> str | None:
    """Why no single array of numbers is what an output holds; None where all hold one."""
    for value in graph_of(model).outputs:
        kind, dtype = value.type, value.dtype.name.lower() if value.dtype is not None else "undefined"
        if kind is not None and not isinstance(kind, ir.TensorType):
            return f"its output {value.name} is no tensor"
        if _NUMPY.get(dtype, dtype) not in _NUMBERS:
            return f"its output {value.name} holds {dtype}"
    return None


def _smallest_table(value: ir.Value, seen: set[str]) -> int | None:
    """Through operators that pass numbers on, the fewest entries of all tables that they are indices of."""
    found: list[int] = []
    for node, place in value.uses():
        if node.op_type in _LOOKS_UP and node.domain in ("", "ai.onnx"):
            entries = _entries(node, place)
            found += [entries] if entries else []
        if node.op_type in _SAME and place == 0 and node.outputs and str(node.outputs[0].name) not in seen:
            for output in node.outputs:
                seen.add(str(output.name))
                below = _smallest_table(output, seen)
                found += [below] if below else []
    return min(found, default=None)


def _entries(node: ir.Node, place: int) -> int | None:
    """How many entries the table has that a node looks its input number `place` up in; None where it does not."""
    if node.op_type == "OneHot":
        depth = node.inputs[1].const_value if place == 0 and node.inputs[1] is not None else None
        return int(depth.numpy().reshape(-1)[0]) if depth is not None and depth.size else None
    table = node.inputs[0]
    if place != 1 or table is None or table.shape is None:
        return None
    attribute = node.attributes.get("axis")
    axis = attribute.as_int() if attribute is not None else 0
    size = table.shape[axis] if -len(table.shape) <= axis < len(table.shape) else None
    return size if isinstance(size, int) and size > 0 else None
