"""Zip archives, bounded: every member's name is harmless, lies inside the file, and overlaps no other."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from converters.binary import Cursor, opened
from converters.diagnostic import Diagnostic, Where
from converters.pytorch.places import Packed, Place, Plain, pread

STORED, DEFLATED = 0, 8
MAX_DIRECTORY = 64 << 20  # bytes of the central directory
MAX_MEMBERS = 200_000
MAX_RATIO = 100  # unpacked over packed bytes: trained weights hardly shrink, a bomb is made of zeros
_END, _END64, _LOCATOR, _ENTRY, _LOCAL = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02", b"PK\x03\x04"
_UNKNOWN16, _UNKNOWN32 = 0xFFFF, 0xFFFF_FFFF
_LOCAL_SIZE, _END_SIZE, _END64_SIZE, _LOCATOR_SIZE = 30, 22, 56, 20
_ENCRYPTED = 1


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of the central directory; `header` is where its local header begins."""

    name: str
    header: int
    packed: int
    size: int
    method: int


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip archive whose directory was checked; members are opened by name."""

    path: Path
    members: Mapping[str, Member]

    def place(self, name: str) -> Place:
        """Where a member's bytes lie, by its local header, which must agree with the directory."""
        member = self.members[name]
        head = pread(self.path, member.header, _LOCAL_SIZE)
        _, flags, method = struct.unpack_from("<HHH", head, 4)
        name_size, extra_size = struct.unpack_from("<HH", head, 26)
        if head[:4] != _LOCAL or method != member.method or flags & _ENCRYPTED:
            self.refuse(f'the member "{name}" has another header than the directory says', member.header)
        start = member.header + _LOCAL_SIZE + name_size + extra_size
        if pread(self.path, member.header + _LOCAL_SIZE, name_size) != name.encode():
            self.refuse(f'the member "{name}" has another name in its own header', member.header)
        if method == STORED:
            return Plain(self.path, start, member.size)
        return Packed(self.path, start, member.packed, member.size)

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a small member."""
        size = self.members[name].size
        if size > limit:
            self.refuse(f'the member "{name}" has {size:,} bytes, more than the {limit:,} that it may have', None)
        return self.place(name).read(0, size)

    def refuse(self, message: str, byte: int | None) -> NoReturn:
        """Refuse the archive."""
        raise Diagnostic("damaged-file", message, where=Where(file=str(self.path), byte=byte))


def open_archive(path: Path) -> Archive:
    """The archive at `path`; a truncated one, a bomb, or one with strange members is a `Diagnostic`."""
    end, start, size = _directory(path)
    cursor = Cursor(pread(path, start, size), str(path))
    members: dict[str, Member] = {}
    archive = Archive(path, members)
    for member in _entries(cursor):
        if member.name in members:
            archive.refuse(f'two members are called "{member.name}"', member.header)
        if len(members) >= MAX_MEMBERS:
            archive.refuse(f"it has more than {MAX_MEMBERS:,} members", None)
        _check(archive, member)
        members[member.name] = member
    _apart(archive, start)
    if end != start + size:
        archive.refuse("its directory does not end where it should", end)
    return archive


def _directory(path: Path) -> tuple[int, int, int]:
    """(where the end record begins, where the directory begins, its size)."""
    with opened(path) as descriptor:
        total = os.fstat(descriptor).st_size
    tail_start = max(0, total - _END_SIZE - _UNKNOWN16)
    tail = pread(path, tail_start, total - tail_start)
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_SIZE:
        raise Diagnostic(
            "damaged-file",
            "the zip archive has no directory at its end: it is truncated",
            where=Where(file=str(path), byte=total),
            hint="fetch the file again and compare its size with the publisher's",
        )
    size, start = struct.unpack_from("<II", tail, place + 12)
    end, start, size = _directory64(path, tail_start + place, start, size)
    if size > MAX_DIRECTORY or start + size > end:
        raise Diagnostic(
            "damaged-file",
            f"its directory of {size:,} bytes does not fit in it",
            where=Where(file=str(path), byte=start),
        )
    return end, start, size


def _directory64(path: Path, end: int, start: int, size: int) -> tuple[int, int, int]:
    """The same from the zip64 record, where there is one: PyTorch writes it into every file."""
    locator = pread(path, max(0, end - _LOCATOR_SIZE), min(end, _LOCATOR_SIZE))
    if not locator.startswith(_LOCATOR):
        return end, start, size
    place = struct.unpack_from("<Q", locator, 8)[0]
    record = pread(path, place, _END64_SIZE)
    if not record.startswith(_END64):
        raise Diagnostic("damaged-file", "its zip64 record is missing", where=Where(file=str(path), byte=place))
    size, start = struct.unpack_from("<QQ", record, 40)
    return place, start, size


def _entries(cursor: Cursor) -> Iterator[Member]:
    while cursor.remaining():
        head = cursor.take(46)
        if not head.startswith(_ENTRY):
            cursor.fail("its directory holds something else than members")
        flags, method = struct.unpack_from("<HH", head, 8)
        packed, size, name_size, extra_size, comment_size = struct.unpack_from("<IIHHH", head, 20)
        header = struct.unpack_from("<I", head, 42)[0]
        raw, extra = cursor.take(name_size), cursor.take(extra_size)
        cursor.skip(comment_size)
        size, packed, header = _wide(cursor, extra, (size, packed, header))
        if flags & _ENCRYPTED:
            cursor.fail("a member is encrypted")
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError:
            cursor.fail("a member's name is no text")
        yield Member(name, header, packed, size, method)


def _wide(cursor: Cursor, extra: bytes, values: tuple[int, int, int]) -> tuple[int, int, int]:
    """The sizes and the offset, from the zip64 field where the short ones are full."""
    if _UNKNOWN32 not in values:
        return values
    inner = Cursor(extra, cursor.file)
    while inner.remaining():
        kind, size = struct.unpack("<HH", inner.take(4))
        body = inner.take(size)
        if kind == 1:
            wide = iter(struct.unpack(f"<{size // 8}Q", body[: size // 8 * 8]))
            return tuple(next(wide, value) if value == _UNKNOWN32 else value for value in values)  # type: ignore[return-value] # three in, three out
    return values


def _check(archive: Archive, member: Member) -> None:
    parts = member.name.replace("\\", "/").split("/")
    if member.name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in member.name:
        raise Diagnostic(
            "path-escape",
            f"the member {member.name[:200]!r} points outside of the archive",
            where=Where(file=str(archive.path), byte=member.header),
        )
    if member.method not in (STORED, DEFLATED):
        archive.refuse(f'the member "{member.name}" is packed by method {member.method}', member.header)
    if member.method == STORED and member.size != member.packed:
        archive.refuse(f'the member "{member.name}" has two sizes', member.header)
    if member.size > MAX_RATIO * member.packed + 1024:
        raise Diagnostic(
            "zip-bomb",
            f'the member "{member.name}" would unpack from {member.packed:,} to {member.size:,} bytes',
            where=Where(file=str(archive.path), byte=member.header),
        )


def _apart(archive: Archive, directory: int) -> None:
    """No member reaches into the next one or into the directory."""
    ordered = sorted(archive.members.values(), key=lambda member: member.header)
    for member, following in zip(ordered, [*(later.header for later in ordered[1:]), directory], strict=False):
        if member.header + _LOCAL_SIZE + len(member.name.encode()) + member.packed > following:
            archive.refuse(f'the member "{member.name}" reaches into what follows it', member.header)
