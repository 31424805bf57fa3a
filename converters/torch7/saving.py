"""Values -> a binary .t7 file, as torch.save writes it on 64-bit Linux: streamed, without recursion.

Written from the format as real Torch reads it (the mirror of t7.py). The same Python object is the same Lua object:
it is written once and referred to by its index afterwards.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Union

import numpy as np

from converters.weights import Weight, cast

_NIL, _NUMBER, _STRING, _TABLE, _TORCH, _BOOLEAN = range(6)
_FLOAT = np.dtype("<f4")


class Output(Protocol):
    """Where bytes go, such as converters.outputs.Sink."""

    def write(self, chunk: bytes | memoryview) -> None:
        """Append a chunk."""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """An object to be written: class, class version, fields."""

    kind: str
    fields: Mapping[str, Saved] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Longs:
    """A torch.LongStorage of these numbers."""

    values: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Floats:
    """A torch.FloatTensor of a weight's numbers; None is the empty tensor."""

    weight: Weight | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Empty:
    """An empty tensor of another class, such as torch.LongTensor."""

    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """A Lua table: `items` under 1, 2, 3..."""

    items: tuple[Saved, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """A Lua table of any keys; more may be added until it is saved, so that tables can hold each other."""

    items: list[tuple[Saved, Saved]] = field(default_factory=list)


Saved = Union[None, bool, int, float, str, Made, Longs, Floats, Empty, Listed, Pairs]  # noqa: UP007 - recursive


def save(value: Saved, output: Output) -> None:
    """Write the value, its weights in chunks from wherever they lie."""
    indices: dict[int, int] = {}
    kept: list[Saved] = []  # ids stay valid while their objects live
    waiting: list[Iterator[Saved | bytes | Weight]] = [iter([value])]
    while waiting:
        step = next(waiting[-1], _END)
        if step is _END:
            waiting.pop()
        elif isinstance(step, bytes):
            output.write(step)
        elif isinstance(step, Weight):
            for chunk in step.chunks():
                output.write(chunk)
        else:
            known = indices.get(id(step))
            if known is not None:
                output.write(_integer(_TABLE if isinstance(step, Listed | Pairs) else _TORCH) + _integer(known))
                continue
            if isinstance(step, Made | Longs | Floats | Empty | Listed | Pairs):
                indices[id(step)] = len(indices) + 1
                kept.append(step)
            waiting.append(_steps(step, indices))


class _End:
    """Marks the end of an iterator."""


_END: _End = _End()


def _steps(value: object, indices: dict[int, int]) -> Iterator[Saved | bytes | Weight]:
    """Bytes, and values that are written in their place."""
    if isinstance(value, bool):
        yield _integer(_BOOLEAN) + _integer(int(value))
    elif isinstance(value, int | float):
        yield _integer(_NUMBER) + struct.pack("<d", value)
    elif isinstance(value, str):
        yield _integer(_STRING) + _text(value)
    elif value is None:
        yield _integer(_NIL)
    else:
        yield from _STEPS[type(value)](value, indices[id(value)], indices)


def _listed(value: Listed, index: int, _indices: dict[int, int]) -> Iterator[Saved | bytes | Weight]:
    yield _integer(_TABLE) + _integer(index) + _integer(len(value.items))
    for position, item in enumerate(value.items, 1):
        yield float(position)
        yield item


def _pairs(value: Pairs, index: int, _indices: dict[int, int]) -> Iterator[Saved | bytes | Weight]:
    yield _integer(_TABLE) + _integer(index) + _integer(len(value.items))
    for pair in value.items:
        yield from pair


def _made(value: Made, index: int, indices: dict[int, int]) -> Iterator[Saved | bytes | Weight]:
    yield _head(index, value.kind, value.version)
    yield _integer(_TABLE) + _integer(_next(indices)) + _integer(len(value.fields))
    for name in sorted(value.fields):
        yield name
        yield value.fields[name]


def _longs(value: Longs, index: int, _indices: dict[int, int]) -> Iterator[Saved | bytes | Weight]:
    yield _head(index, "torch.LongStorage") + struct.pack(
        f"<{len(value.values) + 1}q", len(value.values), *value.values
    )


def _empty(value: Empty, index: int, _indices: dict[int, int]) -> Iterator[Saved | bytes | Weight]:
    yield _head(index, value.kind) + _integer(0) + struct.pack("<q", 1) + _integer(_NIL)


def _floats(value: Floats, index: int, indices: dict[int, int]) -> Iterator[Saved | bytes | Weight]:
    if value.weight is None or math.prod(value.weight.shape) == 0:
        yield from _empty(Empty("torch.FloatTensor"), index, indices)
        return
    size = value.weight.shape or (1,)
    stride = [math.prod(size[axis + 1 :]) for axis in range(len(size))]
    yield _head(index, "torch.FloatTensor") + _integer(len(size))
    yield struct.pack(f"<{2 * len(size) + 1}q", *size, *stride, 1)
    yield _head(_next(indices), "torch.FloatStorage") + struct.pack("<q", math.prod(size))
    yield cast(value.weight, _FLOAT)


_STEPS: dict[type, Callable[[Any, int, dict[int, int]], Iterator[Saved | bytes | Weight]]] = {
    Listed: _listed,
    Pairs: _pairs,
    Made: _made,
    Longs: _longs,
    Empty: _empty,
    Floats: _floats,
}


def _next(indices: dict[int, int]) -> int:
    """An index for a table or storage that nothing else refers to."""
    index = len(indices) + 1
    indices[-index] = index
    return index


def _head(index: int, kind: str, version: int = 1) -> bytes:
    return _integer(_TORCH) + _integer(index) + _text(f"V {version}") + _text(kind)


def _integer(value: int) -> bytes:
    return struct.pack("<i", value)


def _text(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogateescape")
    return _integer(len(raw)) + raw
