"""The certificate's place in an ONNX file: one record of `metadata_props`, the last; every other byte stays as it was.

What a certificate vouches for is the file without it: the digest leaves the record out, wherever it stands. Nothing
here parses the model, so a file of 2 GB is read once, in chunks.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from converters import wire
from converters.binary import Cursor, mapped, opened
from converters.diagnostic import Diagnostic, Where
from converters.outputs import sha256, together

KEY = "zoo.parity"
LIMIT = (1 << 31) - 1  # bytes: protobuf reads no larger message
_MOST = 4 << 20  # bytes of a certificate
_CHUNK = 1 << 20
_DEPTH = 64
_METADATA, _EXTERNAL = 14, "entry"

# Where external tensors can stand: message -> field number -> the message that it holds (onnx.proto).
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: _EXTERNAL},
}


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file without its certificate: digest, size, the files of its external tensors, and the records found in it."""

    sha256: str
    size: int
    external: tuple[str, ...]
    records: tuple[bytes, ...]


def read(path: Path) -> Sealed:
    """The file's digest without certificates, and every certificate that stands in it.

    Raises:
        Diagnostic: it is no ONNX file, or a damaged one.
    """
    with mapped(path) as cursor:
        spans, records = _spans(cursor)
        external = tuple(dict.fromkeys(_locations(cursor.within(0, cursor.end), "model", 0)))
    total = hashlib.sha256()
    for chunk in _chunks(path, spans):
        total.update(chunk)
    return Sealed(total.hexdigest(), sum(end - start for start, end in spans), external, tuple(records))


def write(path: Path, certificate: bytes, sidecar: Path, beside: bytes) -> str:
    """Put the certificate at the file's end, in the place of earlier ones, and the sidecar next to it.

    Both appear or neither does. Returns the file's new sha256.
    """
    place = path.resolve()  # a link goes on being one
    with mapped(place) as cursor:
        spans, _ = _spans(cursor)
    record = _record(certificate)
    size = sum(end - start for start, end in spans) + len(record)
    if size > LIMIT:
        raise Diagnostic(
            "too-large", f"would have {size:,} bytes with its certificate, more than ONNX reads in one file",
            where=Where(str(path)), hint="keep the weights in a file of their own: zoo convert --external-data",
        )  # fmt: skip
    mode = place.stat().st_mode & 0o777
    with together(place, sidecar) as (main, side):
        for chunk in _chunks(place, spans):
            main.write(chunk)
        main.write(record)
        side.write(beside)
    place.chmod(mode)
    return main.digest()


def external_files(path: Path, locations: tuple[str, ...]) -> dict[str, str]:
    """Location -> sha256 of the files that hold external tensors; they lie under the model's folder.

    Raises:
        Diagnostic: `path-escape` or `external-data-missing`.
    """
    folder = path.resolve().parent
    found = {}
    for location in locations:
        file = (folder / PurePosixPath(location)).resolve()
        if not location or not file.is_relative_to(folder):
            raise Diagnostic(
                "path-escape", f"a tensor points to {location!r}, outside its folder", where=Where(str(path))
            )
        if not file.is_file():
            raise Diagnostic(
                "external-data-missing", f"the file {location!r} with its weights is missing", where=Where(str(path))
            )
        found[location] = sha256(file)
    return found


def _record(certificate: bytes) -> bytes:
    """A StringStringEntryProto as field 14 of ModelProto."""
    key = KEY.encode()
    entry = wire.header(1, len(key)) + key + wire.header(2, len(certificate)) + certificate
    return wire.header(_METADATA, len(entry)) + entry


def _spans(cursor: Cursor) -> tuple[list[tuple[int, int]], list[bytes]]:
    """The pieces of the file between certificates, and the certificates."""
    spans: list[tuple[int, int]] = []
    records = []
    for field in wire.fields(cursor):
        entry = _entry(cursor.within(field.start, field.end)) if _is_small_entry(field) else None
        if entry is not None:
            records.append(entry)
        elif spans and spans[-1][1] == field.tag_start:
            spans[-1] = (spans[-1][0], field.end)
        else:
            spans.append((field.tag_start, field.end))
    return spans, records


def _is_small_entry(field: wire.Field) -> bool:
    return field.number == _METADATA and field.wire == wire.BYTES and field.end - field.start <= _MOST


def _entry(cursor: Cursor) -> bytes | None:
    """The value of an entry that bears our key; None for another's."""
    found = _texts(cursor)
    return found.get(2, b"") if found.get(1) == KEY.encode() else None


def _texts(cursor: Cursor) -> dict[int, bytes]:
    return {
        field.number: cursor.within(field.start, field.end).take(field.end - field.start)
        for field in wire.fields(cursor)
        if field.wire == wire.BYTES
    }


def _locations(cursor: Cursor, message: str, depth: int) -> Iterator[str]:
    if depth > _DEPTH:
        cursor.fail(f"graphs lie {depth} levels deep in each other")
    for field in wire.fields(cursor):
        inner = _MESSAGES[message].get(field.number) if field.wire == wire.BYTES else None
        if inner == _EXTERNAL:
            texts = _texts(cursor.within(field.start, field.end))
            if texts.get(1) == b"location":
                yield texts.get(2, b"").decode("utf-8", "replace")
        elif inner is not None:
            yield from _locations(cursor.within(field.start, field.end), inner, depth + 1)


def _chunks(path: Path, spans: list[tuple[int, int]]) -> Iterator[bytes]:
    with opened(path) as descriptor, os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
        for start, end in spans:
            file.seek(start)
            left = end - start
            while left:
                chunk = file.read(min(_CHUNK, left))
                if not chunk:
                    raise Diagnostic(
                        "damaged-file", "the file became shorter while it was read", where=Where(str(path), byte=end)
                    )
                left -= len(chunk)
                yield chunk
