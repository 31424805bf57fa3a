"""Protobuf's wire format, walked field by field without building messages: payloads stay in the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from converters.binary import Cursor

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_SIZE = {FIXED64: 8, FIXED32: 4}


class Field(NamedTuple):
    """One field: its number, wire type, value (varints only), and where tag and payload lie in the file."""

    number: int
    wire: int
    value: int
    tag_start: int
    start: int
    end: int


def fields(cursor: Cursor) -> Iterator[Field]:
    """Walk the fields of one message; `cursor` ends up at the message's end. Groups and unknown types refuse."""
    while cursor.remaining():
        tag_start = cursor.position
        tag = cursor.varint()
        number, wire = tag >> 3, tag & 7
        if number == 0:
            cursor.fail("a protobuf field has the number 0")
        if wire == VARINT:
            start = cursor.position
            value = cursor.varint()
            yield Field(number, wire, value, tag_start, start, cursor.position)
            continue
        if wire == BYTES:
            size = cursor.varint()
        elif wire in _FIXED_SIZE:
            size = _FIXED_SIZE[wire]
        else:
            cursor.fail(f"protobuf field {number} has the wire type {wire}")
        start = cursor.skip(size)
        yield Field(number, wire, 0, tag_start, start, cursor.position)


def varint(value: int) -> bytes:
    """The varint encoding of a non-negative number."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def header(number: int, size: int) -> bytes:
    """Tag and length that come before a length-delimited payload of `size` bytes."""
    return varint(number << 3 | BYTES) + varint(size)
