"""Small MXNet files written by an encoder that shares nothing with the reader it tests."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

FLAGS = {"float32": 0, "float64": 1, "float16": 2, "uint8": 3, "int32": 4, "int8": 5, "int64": 6, "bool": 7,
         "int16": 8, "uint16": 9, "uint32": 10, "uint64": 11}  # fmt: skip
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA


def params(arrays: Mapping[str, np.ndarray], *, version: int = 2, device: tuple[int, int] = (1, 0)) -> bytes:
    """A list of named dense arrays in one of the versions 0 to 3."""
    return listed([dense(array, version=version, device=device) for array in arrays.values()], list(arrays))


def listed(bodies: Sequence[bytes], names: Sequence[str]) -> bytes:
    """The list around arrays that are encoded already."""
    encoded = b"".join(struct.pack("<Q", len(name.encode())) + name.encode() for name in names)
    head = struct.pack("<QQQ", 0x112, 0, len(bodies))
    return head + b"".join(bodies) + struct.pack("<Q", len(names)) + encoded


def dense(array: np.ndarray, *, version: int = 2, device: tuple[int, int] = (1, 0), flag: int | None = None) -> bytes:
    """One dense array."""
    flag = FLAGS[array.dtype.name] if flag is None else flag
    head = {
        0: struct.pack(f"<I{array.ndim}I", array.ndim, *array.shape),
        1: struct.pack("<I", V1) + shape(array.shape),
        2: struct.pack("<Ii", V2, 0) + shape(array.shape),
        3: struct.pack("<Ii", V3, 0) + shape(array.shape),
    }[version]
    return head + struct.pack("<iii", *device, flag) + array.tobytes()


def row_sparse(array: np.ndarray, rows: Sequence[int]) -> bytes:
    """Only the given rows of an array."""
    held = array[list(rows)]
    head = struct.pack("<Ii", V2, 1) + shape(held.shape) + shape(array.shape)
    head += struct.pack("<iii", 1, 0, FLAGS[array.dtype.name]) + struct.pack("<i", 6) + shape((len(rows),))
    return head + held.tobytes() + np.array(rows, "<i8").tobytes()


def csr(array: np.ndarray) -> bytes:
    """The non-zero values of a matrix, row by row."""
    rows, columns = np.nonzero(array)
    pointers = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(array)))]).astype("<i8")
    values = array[rows, columns]
    head = struct.pack("<Ii", V2, 2) + shape(values.shape) + shape(array.shape)
    head += struct.pack("<iii", 1, 0, FLAGS[array.dtype.name])
    head += struct.pack("<i", 6) + shape(pointers.shape) + struct.pack("<i", 6) + shape(columns.shape)
    return head + values.tobytes() + pointers.tobytes() + columns.astype("<i8").tobytes()


def shape(dims: Sequence[int]) -> bytes:
    """A shape with 64-bit dimensions."""
    return struct.pack(f"<i{len(dims)}q", len(dims), *dims)


def variable(name: str, **attrs: str) -> dict[str, object]:
    """A variable's node."""
    return {"op": "null", "name": name, "inputs": [], **({"attrs": attrs} if attrs else {})}


def node(op: str, name: str, inputs: Sequence[object], **attrs: str) -> dict[str, object]:
    """An operator's node; an input is a node's number, or (number, output)."""
    entries = [[*entry, 0] if isinstance(entry, tuple) else [entry, 0, 0] for entry in inputs]
    return {"op": op, "name": name, "attrs": attrs, "inputs": entries}


def symbol(nodes: Sequence[dict[str, object]], heads: Sequence[object] | None = None, version: int = 10901) -> str:
    """A symbol's JSON; the last node is the head unless others are named."""
    ends = [[*head, 0] if isinstance(head, tuple) else [head, 0, 0] for head in heads or [len(nodes) - 1]]
    variables = [position for position, item in enumerate(nodes) if item["op"] == "null"]
    attrs = {"mxnet_version": ["int", version]}
    return json.dumps({"nodes": list(nodes), "arg_nodes": variables, "heads": ends, "attrs": attrs})


def write(folder: Path, name: str, text: str, arrays: Mapping[str, np.ndarray] | None = None) -> dict[str, Path]:
    """A symbol and its parameters as files by role."""
    graph = folder / f"{name}-symbol.json"
    graph.write_text(text)
    if not arrays:
        return {"graph": graph}
    weights = folder / f"{name}-0000.params"
    weights.write_bytes(params(arrays))
    return {"graph": graph, "weights": weights}
