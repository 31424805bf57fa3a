"""MXNet's .params and .ndarray, Gluon's too: the context of every array, in all versions of the format."""

from __future__ import annotations

import math
import struct
from collections import Counter

from zoo.relocate.plan import Patch, Plan, Request, pieces
from zoo.relocate.source import Source, Stream

MAGIC = b"\x12\x01\0\0\0\0\0\0"
_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_MAX_RANK = 32
_SIZES = (4, 8, 2, 1, 4, 1, 8, 1, 2, 2, 4, 8, 2)  # bytes by element type (mshadow/base.h); 12 is bfloat16
_INDEX_ARRAYS = {0: 0, 1: 1, 2: 2}  # storage type (dense, row-sparse, csr) -> arrays of indices
_CPU, _GPU, _PINNED, _SHARED = 1, 2, 3, 5  # device types (include/mxnet/base.h); the last two are the CPU's memory


def plan(origin: Source, request: Request) -> Plan:
    """The plan for one file: eight bytes an array at most."""
    stream = origin.stream(len(MAGIC))
    stream.skip(8)  # reserved
    before, after = Counter[str](), Counter[str]()
    patches: list[Patch] = []
    for _ in range(_count(stream, 4, "arrays")):
        place = _array(stream)
        if place is None:
            continue
        kind, number = struct.unpack("<ii", origin.read(place, 8))
        old = _device(stream, kind, number)
        new = request.device(old)
        before[old] += 1
        after[new] += 1
        if new != old:
            patches.append(Patch(place, place + 8, _context(new)))
    for _ in range(_count(stream, 8, "names")):
        stream.skip(_count(stream, 1, "bytes of a name"))
    if stream.left():
        stream.fail(f"{stream.left():,} bytes follow the last name")
    return Plan("MXNet parameter file", origin.size, pieces(patches, 0, origin.size), dict(before), dict(after))


def _device(stream: Stream, kind: int, number: int) -> str:
    if kind not in (_CPU, _GPU, _PINNED, _SHARED) or not 0 <= number < 1000:
        stream.fail(f"an array is on device ({kind}, {number}), which MXNet does not know")
    return f"cuda:{number}" if kind == _GPU else "cpu"


def _context(device: str) -> bytes:
    name, _, number = device.partition(":")
    return struct.pack("<ii", _CPU if name == "cpu" else _GPU, int(number or 0))


def _array(stream: Stream) -> int | None:
    """Step over one array (ndarray.cc, NDArray::Load and LegacyLoad); where its context stands, None without one."""
    magic = _number(stream, "<I")
    indices, stored = 0, None
    if magic in (_V2, _V3):
        storage = _number(stream, "<i")
        if storage not in _INDEX_ARRAYS:
            stream.fail(f"storage type {storage} is none of MXNet's")
        indices = _INDEX_ARRAYS[storage]
        stored = _shape(stream) if indices else None
    shape = _shape(stream) if magic in (_V1, _V2, _V3) else _dims(stream, magic, "I")
    if shape is None or (not shape and magic != _V3):
        return None
    place = stream.skip(8)
    width = _size(stream)
    parts = [(_size(stream), math.prod(_shape(stream) or ())) for _ in range(indices)]
    count = math.prod(shape)
    if stored is not None:  # cast_storage leaves a stored shape of 0 behind: MXNet goes by the last array of indices
        count = parts[-1][1] * math.prod(stored[1:])
    for size, items in [(width, count), *parts]:
        stream.skip(size * items)
    return place


def _size(stream: Stream) -> int:
    kind = _number(stream, "<i")
    if not 0 <= kind < len(_SIZES):
        stream.fail(f"element type {kind} is none of MXNet's")
    return _SIZES[kind]


def _shape(stream: Stream) -> tuple[int, ...] | None:
    """A shape with a signed rank and 64-bit dimensions; None where it is unknown."""
    rank = _number(stream, "<i")
    return None if rank < 0 else _dims(stream, rank, "q")


def _dims(stream: Stream, rank: int, code: str) -> tuple[int, ...] | None:
    if rank > _MAX_RANK:
        stream.fail(f"an array of {rank} dimensions is announced here")
    dims = struct.unpack(f"<{rank}{code}", stream.take(rank * struct.calcsize(code)))
    return None if any(dim < 0 for dim in dims) else dims


def _count(stream: Stream, least: int, what: str) -> int:
    count = _number(stream, "<Q")
    if count * least > stream.left():
        stream.fail(f"{count:,} {what} are announced here, {stream.left():,} bytes are left")
    return count


def _number(stream: Stream, code: str) -> int:
    return int(struct.unpack(code, stream.take(struct.calcsize(code)))[0])
