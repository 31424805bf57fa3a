"""Checkpoints made byte by byte, as PyTorch, MXNet and old tars have them, without any framework."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

END = b"."
ORDERED = b"ccollections\nOrderedDict\n)R"


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def storage(key: str, location: bytes, count: int, kind: str = "Float", tail: bytes = b"") -> bytes:
    """The persistent id of a storage; `location` is the opcodes that push its device."""
    return (
        b"("
        + text("storage")
        + f"ctorch\n{kind}Storage\n".encode()
        + text(key)
        + location
        + number(count)
        + tail
        + b"tQ"
    )


def tensor(key: str, location: bytes, count: int, kind: str = "Float", tail: bytes = b"") -> bytes:
    """The call that rebuilds a tensor of one dimension."""
    body = storage(key, location, count, kind, tail) + number(0) + b"(" + number(count) + b"t(" + number(1) + b"t\x89"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + body + ORDERED + b"tR"


def table(*pairs: tuple[bytes, bytes], start: bytes = b"}") -> bytes:
    return start + b"(" + b"".join(key + value for key, value in pairs) + b"u"


def pickled(body: bytes) -> bytes:
    return b"\x80\x02" + body + END


@dataclass
class Entry:
    """A member of a zip; `hole` bytes of nothing follow its body, so that files of many GB take no room."""

    name: str
    body: bytes = b""
    hole: int = 0
    method: int = 0
    flags: int = 0x0808
    crc: int | None = None

    @property
    def packed(self) -> bytes:
        if self.method == 0:
            return self.body
        machine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        return machine.compress(self.body) + machine.flush()


@dataclass
class Zip:
    """Writes as PyTorch's writer does (miniz with zip64 records, starts aligned by FB fields), or as others do."""

    path: Path
    alignment: int = 64
    described: bool = True
    records64: bool = True
    directory: list[bytes] = field(default_factory=list)

    def write(self, entries: Sequence[Entry], comment: bytes = b"") -> Path:
        with self.path.open("wb") as file:
            for entry in entries:
                self._member(file, entry)
            start, directory = file.tell(), b"".join(self.directory)
            file.write(directory)
            count, end = len(entries), file.tell()
            if self.records64:
                file.write(
                    b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 0x031E, 45, 0, 0, count, count, len(directory), start)
                )
                file.write(b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1))
            sizes = (count, count, len(directory), min(start, 0xFFFFFFFF), len(comment))
            file.write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, *sizes) + comment)
        return self.path

    def _member(self, file, entry: Entry) -> None:
        name, body, place = entry.name.encode(), entry.packed, file.tell()
        size, packed = len(entry.body) + entry.hole, len(body) + entry.hole
        crc = zlib.crc32(entry.body) if entry.crc is None else entry.crc
        flags = entry.flags if self.described else entry.flags & ~8
        big = [value for value in (size, packed, place) if value >= 0xFFFFFFFF]
        wide = struct.pack(f"<HH{len(big)}Q", 1, 8 * len(big), *big) if big else b""
        extra = wide
        if self.alignment:
            padding = -(place + 30 + len(name) + len(extra) + 4) % self.alignment
            extra += b"FB" + struct.pack("<H", padding) + b"Z" * padding
        facts = (0, 0, 0) if self.described else (crc, packed, size)
        head = struct.pack("<HHHHHIIIHH", 0, flags, entry.method, 0, 0, *facts, len(name), len(extra))
        file.write(b"PK\x03\x04" + head + name + extra + body)
        file.seek(entry.hole, 1)
        if self.described:
            file.write(b"PK\x07\x08" + struct.pack("<IQQ" if big else "<III", crc, packed, size))
        short = [min(value, 0xFFFFFFFF) for value in (packed, size, place)]
        entry_head = struct.pack(
            "<HHHHHHIIIHHHHHII",
            0,
            0,
            flags,
            entry.method,
            0,
            0,
            crc,
            *short[:2],
            len(name),
            len(wide),
            0,
            0,
            0,
            0,
            short[2],
        )
        self.directory.append(b"PK\x01\x02" + entry_head + name + wide)


def checkpoint(path: Path, content: bytes, storages: Sequence[bytes] = (bytes(8),), **settings: int) -> Path:
    """A zip of torch.save with this pickle and storages 0, 1, ..."""
    entries = [Entry("archive/data.pkl", pickled(content)), Entry("archive/byteorder", b"little")]
    entries += [Entry(f"archive/data/{index}", body) for index, body in enumerate(storages)]
    return Zip(path, **settings).write([*entries, Entry("archive/version", b"3\n")])


def legacy(path: Path, content: bytes, storages: Sequence[tuple[str, int, bytes]]) -> Path:
    """A file of torch.save before 1.6: five pickles, then each storage's count and bytes; (key, count, bytes)."""
    keys = b"](" + b"".join(text(key) for key, _, _ in storages) + b"e"
    info = table((text("protocol_version"), b"M\xe9\x03"), (text("little_endian"), b"\x88"))
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    bodies = b"".join(struct.pack("<q", count) + body for _, count, body in storages)
    path.write_bytes(magic + b"\x80\x02M\xe9\x03." + pickled(info) + pickled(content) + pickled(keys) + bodies)
    return path


def params(arrays: Sequence[bytes], names: Sequence[str]) -> bytes:
    """An MXNet parameter file."""
    head = struct.pack("<QQQ", 0x112, 0, len(arrays)) + b"".join(arrays) + struct.pack("<Q", len(names))
    return head + b"".join(struct.pack("<Q", len(name)) + name.encode() for name in names)


def _signed(dims: Sequence[int]) -> bytes:
    return struct.pack(f"<i{len(dims)}q", len(dims), *dims)


def _context(kind: int, number: int, dtype: int) -> bytes:
    return struct.pack("<iii", kind, number, dtype)


def _sparse(
    storage: int, stored: Sequence[int], dims: Sequence[int], indices: Sequence[int]
) -> Callable[[int, int], bytes]:
    head = struct.pack("<Ii", 0xF993FAC9, storage) + _signed(stored) + _signed(dims)
    shapes = b"".join(struct.pack("<i", 6) + _signed((count,)) for count in indices)
    values = bytes(4 * (stored[0] * 2 if storage == 1 else indices[1]))
    return lambda kind, number: head + _context(kind, number, 0) + shapes + values + bytes(8 * sum(indices))


ARRAYS: dict[str, Callable[[int, int], bytes]] = {
    "no version": lambda kind, number: struct.pack("<III", 2, 1, 2) + _context(kind, number, 0) + bytes(8),
    "version 1": lambda kind, number: (
        struct.pack("<I", 0xF993FAC8) + _signed((2,)) + _context(kind, number, 1) + bytes(16)
    ),
    "version 2": lambda kind, number: (
        struct.pack("<Ii", 0xF993FAC9, 0) + _signed((3,)) + _context(kind, number, 2) + bytes(6)
    ),
    "version 3": lambda kind, number: (
        struct.pack("<Ii", 0xF993FACA, 0) + _signed(()) + _context(kind, number, 0) + bytes(4)
    ),
    "row-sparse": _sparse(1, (1, 2), (4, 2), (1,)),
    "csr": _sparse(2, (3,), (2, 4), (3, 3)),
    "csr as cast_storage leaves it": _sparse(2, (0,), (2, 4), (3, 3)),
}
"""Version of the format -> one array of it with this context (ndarray.cc)."""


def tar(members: Sequence[tuple[str, bytes]]) -> bytes:
    """A tar as Python 2 wrote it, with old headers."""
    made = b""
    for name, body in members:
        head = bytearray(512)
        head[: len(name)] = name.encode()
        head[100:124] = b"0000644\x000000000\x000000000\x00"
        head[124:148] = b"%011o\0%011o\0" % (len(body), 0)
        head[148:157] = b" " * 8 + b"0"
        head[148:156] = b"%06o\0 " % sum(head)
        made += bytes(head) + body + bytes(-len(body) % 512)
    return made + bytes(1024)
