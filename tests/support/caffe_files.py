"""Small Caffe files written by an encoder that shares nothing with the reader it tests."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np


def write_caffemodel(
    path: Path,
    layers: Mapping[str, Sequence[np.ndarray]],
    *,
    generation: int = 2,
    packed: bool = True,
    double: bool = False,
    legacy: bool = False,
    topology: Mapping[str, tuple[Sequence[str], Sequence[str]]] | None = None,
) -> Path:
    """A binary NetParameter with the blobs of each layer.

    `generation` 1 writes V1 layers; `topology` gives bottoms and tops.
    """
    body = field(1, b"net")
    for name, blobs in layers.items():
        bottoms, tops = (topology or {}).get(name, ((), ()))
        body += stored_layer(
            name, blobs, bottoms, tops, generation=generation, packed=packed, double=double, legacy=legacy
        )
    path.write_bytes(body)
    return path


def stored_layer(
    name: str,
    blobs: Sequence[np.ndarray],
    bottoms: Sequence[str] = (),
    tops: Sequence[str] = (),
    *,
    generation: int = 2,
    packed: bool = True,
    double: bool = False,
    legacy: bool = False,
) -> bytes:
    """One field `layer` (generation 2) or `layers` (1)."""
    numbers = {"net": 100, "name": 1, "bottom": 3, "top": 4, "blobs": 7}
    if generation == 1:
        numbers = {"net": 2, "name": 4, "bottom": 2, "top": 3, "blobs": 6}
    inner = b"".join(field(numbers["bottom"], text.encode()) for text in bottoms)
    inner += b"".join(field(numbers["top"], text.encode()) for text in tops)
    inner += field(numbers["name"], name.encode())
    messages = [blob(array, packed=packed, double=double, legacy=legacy) for array in blobs]
    inner += b"".join(field(numbers["blobs"], message) for message in messages)
    return field(numbers["net"], inner)


def blob(values: np.ndarray, *, packed: bool = True, double: bool = False, legacy: bool = False) -> bytes:
    """A BlobProto: shape in today's style, or `legacy` as num, channels, height, width."""
    if legacy:
        dims = (1,) * (4 - values.ndim) + values.shape
        head = b"".join(varint(number << 3) + varint(dim) for number, dim in enumerate(dims, 1))
    else:
        head = field(7, field(1, b"".join(varint(dim) for dim in values.shape)))
    number, code = (8, "<f8") if double else (5, "<f4")
    numbers = values.astype(code)
    if packed:
        return head + field(number, numbers.tobytes())
    tag = varint(number << 3 | (1 if double else 5))
    return head + b"".join(tag + item.tobytes() for item in numbers.reshape(-1))


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(value: int) -> bytes:
    """A protobuf varint."""
    out = b""
    while value > 127:
        out += struct.pack("B", value & 127 | 128)
        value >>= 7
    return out + struct.pack("B", value)
