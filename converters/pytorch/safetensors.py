"""Safetensors: a JSON header of names, types, shapes and byte ranges, then the bytes; and indexes of several files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

from converters.binary import mapped
from converters.diagnostic import Diagnostic, Where
from converters.pytorch.places import Plain
from converters.pytorch.tensors import Storage, Stored, element, stored

MAX_HEADER = 100 << 20  # bytes, the limit of the library
MAX_SHARDS = 10_000
_TYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "BOOL": "bool",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "C64": "complex64",
}  # fmt: skip


def read(path: Path) -> dict[object, object]:
    """The tensors by name; every byte of the data belongs to exactly one of them, as the format demands."""
    with mapped(path) as cursor:
        size = int.from_bytes(cursor.take(8), "little")
        if size > MAX_HEADER:
            cursor.fail(f"a header of {size:,} bytes")
        header = _json(path, cursor.take(size))
        begin, total = cursor.position, cursor.remaining()
    tensors: dict[object, object] = {}
    ranges: list[tuple[int, int]] = []
    for name, entry in header.items():
        if name != "__metadata__":
            tensors[name], place = _tensor(path, name, entry, begin, total)
            ranges.append(place)
    reached = 0
    for start, end in sorted(ranges):
        if start != reached:
            _refuse(path, f"its tensors overlap or leave a gap at byte {start} of the data")
        reached = end
    if reached != total:
        _refuse(path, f"its tensors take {reached:,} bytes of {total:,}")
    return tensors


def _tensor(path: Path, name: str, entry: object, begin: int, total: int) -> tuple[Stored, tuple[int, int]]:
    try:
        assert isinstance(entry, dict)
        kind, shape, (start, end) = _TYPES[entry["dtype"]], entry["shape"], entry["data_offsets"]
        strides = _strides(shape)
        if not 0 <= start <= end <= total:
            _refuse(path, f'the tensor "{name}" lies outside of it')
        made = stored(
            Storage(kind, end - start, name, place=Plain(path, begin + start, end - start)), 0, shape, strides
        )
    except (AssertionError, KeyError, TypeError, ValueError) as fault:
        _refuse(path, f'the entry of the tensor "{name[:100]}" makes no sense ({type(fault).__name__}: {fault})')
    count = 1
    for dim in made.shape:
        count *= dim
    if count * element(kind).itemsize != end - start:
        _refuse(path, f'the tensor "{name}" of shape {list(shape)} has {end - start} bytes of numbers')
    return made, (start, end)


def _strides(shape: list[int]) -> tuple[int, ...]:
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(int(size), 1)
    return tuple(reversed(strides))


def read_index(path: Path) -> dict[object, object]:
    """The tensors of all files that an index names; the files lie beside it."""
    with mapped(path) as cursor:
        if cursor.remaining() > MAX_HEADER:
            cursor.fail("an index of more than 100 MiB")
        places = _json(path, cursor.take(cursor.remaining())).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        _refuse(path, "its weight_map is none")
    shards: dict[str, dict[object, object]] = {}
    for name in sorted(set(places.values())):
        if len(shards) >= MAX_SHARDS or Path(name).name != name or name in (".", ".."):
            raise Diagnostic("path-escape", f"names the file {name[:200]!r}, which is not beside it",
                             where=Where(file=str(path)))  # fmt: skip
        shards[name] = _shard(path, path.with_name(name))
    lacking = [name for name, shard in places.items() if name not in shards[shard]]
    if lacking:
        _refuse(path, f"{len(lacking)} tensors are not in the files that it names, the first: {lacking[0]}")
    return {name: shards[shard][name] for name, shard in places.items()}


def _shard(index: Path, path: Path) -> dict[object, object]:
    from converters.pytorch import checkpoint

    if not path.is_file():
        raise Diagnostic(
            "file-missing", f"names {path.name}, which is not beside it", where=Where(file=str(index)),
            hint="put all files of the model into one folder",
        )  # fmt: skip
    tree = checkpoint.load(path, sharded=False)
    if not isinstance(tree, dict):
        _refuse(path, "holds no table of tensors")
    return tree


def _json(path: Path, data: bytes) -> dict[str, object]:
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as fault:
        _refuse(path, f"its header is no JSON: {str(fault)[:200]}")
    if not isinstance(found, dict):
        _refuse(path, "its header is no table")
    return found


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice")
    return made


def _refuse(path: Path, message: str) -> NoReturn:
    raise Diagnostic("damaged-file", message, where=Where(file=str(path)))
