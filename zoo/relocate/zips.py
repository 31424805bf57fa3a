"""Zip archives laid out anew: some members get new bytes, all others keep theirs, and every header says what is true.

Archives that PyTorch wrote keep the starts of their members aligned, by a padding of "FB" and Zs in the local headers
(caffe2/serialize/inline_container.cc), and carry zip64 fields as its zip writer puts them (miniz): local ones hold the
member's own offset too.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from zoo.relocate.plan import Copy, Piece, joined, size
from zoo.relocate.source import Source, Stream

STORED, DEFLATED = 0, 8
_MAX_DIRECTORY = 32 << 20
_FULL = 0xFFFF_FFFF
_ENTRY, _LOCAL, _DESCRIPTOR = b"PK\x01\x02", b"PK\x03\x04", b"PK\x07\x08"
_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ZIP64, _PADDING = 1, 0x4246
_ENCRYPTED, _DESCRIBED = 1, 8
_ALIGNMENTS = tuple(64 << shift for shift in range(11))  # torch's default first


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its directory entry, its local header, its bytes `[data, data + packed)` and its descriptor."""

    name: str
    entry: bytes
    extra: bytes
    comment: bytes
    header: int
    local: bytes
    fields: tuple[tuple[int, bytes], ...]
    data: int
    packed: int
    size: int
    crc: int
    method: int
    flags: int
    descriptor: int
    order: int = 0

    @property
    def end(self) -> int:
        """Where the member ends, its descriptor included."""
        return self.data + self.packed + self.descriptor


@dataclass(frozen=True, slots=True)
class Content:
    """The new bytes of a member as they stand in the archive, and what its headers say of them."""

    pieces: tuple[Piece, ...]
    packed: int
    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive with members in the order of their places; `start`, `size` and `count` are the directory's."""

    members: tuple[Member, ...]
    start: int
    size: int
    tail: bytes


def read(origin: Source) -> Archive:
    """The archive; one that is truncated, overlapping, encrypted or contradicts itself is refused."""
    start, length = _directory(origin)
    entries = origin.stream(start, start + length)
    members: list[Member] = []
    while entries.left():
        members.append(replace(_member(origin, entries), order=len(members)))
    members.sort(key=lambda member: member.header)
    for member, after in zip(members, [*(member.header for member in members[1:]), start], strict=False):
        if member.end > after:
            origin.refuse(f'the member "{member.name}" reaches into what follows it', member.header)
    if len({member.name for member in members}) != len(members):
        origin.refuse("two members have the same name")
    return Archive(tuple(members), start, length, origin.read(start + length, origin.size - start - length))


def unpacked(origin: Source, member: Member, limit: int) -> bytes:
    """The bytes of a small member, checked by its CRC."""
    if member.size > limit:
        origin.refuse(f'the member "{member.name}" has {member.size:,} bytes, more than it may have', member.header)
    raw = origin.read(member.data, member.packed)
    if member.method == DEFLATED:
        machine = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            raw = machine.decompress(raw, member.size + 1)
        except zlib.error:
            origin.refuse(f'the member "{member.name}" cannot be unpacked', member.data)
    if len(raw) != member.size or zlib.crc32(raw) != member.crc:
        origin.refuse(f'the member "{member.name}" is damaged: its checksum is another one', member.data)
    return raw


def checked(origin: Source, member: Member) -> None:
    """Refuses a member that is not packed and whose bytes have another CRC than the directory says."""
    crc = 0
    for chunk in origin.chunks((Copy(member.data, member.data + member.packed),)):
        crc = zlib.crc32(chunk, crc)
    if crc != member.crc:
        origin.refuse(f'the member "{member.name}" is damaged: its checksum is another one', member.data)


def packed(member: Member, raw: bytes) -> Content:
    """New bytes for a member, packed as it was."""
    body = raw
    if member.method == DEFLATED:
        machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        body = machine.compress(raw) + machine.flush()
    return Content((body,), len(body), len(raw), zlib.crc32(raw))


def stored(origin: Source, pieces: tuple[Piece, ...]) -> Content:
    """New bytes for a member that is not packed, given as pieces of the file."""
    crc = 0
    for chunk in origin.chunks(pieces):
        crc = zlib.crc32(chunk, crc)
    length = sum(map(size, pieces))
    return Content(pieces, length, length, crc)


def relaid(origin: Source, archive: Archive, contents: Mapping[str, Content]) -> tuple[Piece, ...]:
    """The whole archive with new contents for some members."""
    alignment = _alignment(archive.members)
    made: list[Piece] = []
    entries: dict[int, bytes] = {}
    position = place = 0
    for member in archive.members:
        made.append(Copy(position, member.header))
        place += member.header - position
        content = contents.get(member.name) or _same(member)
        wide = bool(alignment) and (content.size >= _FULL or content.packed >= _FULL or place >= _FULL)
        header = _local(member, content, place, alignment, wide=wide)
        ending = _descriptor(origin, member, content, wide=wide if alignment else _has_zip64(member))
        made += [_unless_same(origin, member.header, header), *content.pieces]
        made.append(_unless_same(origin, member.end - member.descriptor, ending))
        entries[member.order] = _entry(origin, member, content, place)
        place += len(header) + content.packed + len(ending)
        position = member.end
    made.append(Copy(position, archive.start))
    place += archive.start - position
    directory = b"".join(entries[order] for order in range(len(entries)))
    made.append(_unless_same(origin, archive.start, directory))
    tail = _ending(origin, archive, place, len(directory))
    made.append(_unless_same(origin, archive.start + archive.size, tail))
    return joined(made)


def _unless_same(origin: Source, start: int, new: bytes) -> Piece:
    return Copy(start, start + len(new)) if origin.read(start, len(new)) == new else new


def _same(member: Member) -> Content:
    return Content((Copy(member.data, member.data + member.packed),), member.packed, member.size, member.crc)


def _directory(origin: Source) -> tuple[int, int]:
    """(start, length) of the central directory."""
    base = max(0, origin.size - 22 - 0xFFFF)
    tail = origin.read(base, origin.size - base)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        origin.refuse("the zip archive has no directory at its end: it is truncated", origin.size)
    length, start = struct.unpack_from("<II", tail, at + 12)
    if at >= 20 and tail[at - 20 : at - 16] == _LOCATOR:
        place = struct.unpack_from("<Q", tail, at - 12)[0]
        record = origin.read(place, 56) if place < origin.size else b""
        if not record.startswith(_END64) or len(record) < 56:
            origin.refuse("the zip64 record is missing", min(place, origin.size))
        length, start = struct.unpack_from("<QQ", record, 40)
    if length > _MAX_DIRECTORY or start + length > base + at:
        origin.refuse("the zip directory does not fit in the file", base + at)
    return start, length


def _member(origin: Source, entries: Stream) -> Member:
    entry = entries.take(46)
    if not entry.startswith(_ENTRY):
        entries.fail("the zip directory holds something else than members")
    flags, method = struct.unpack_from("<HH", entry, 8)
    crc, packed, length, name_size, extra_size, comment_size = struct.unpack_from("<IIIHHH", entry, 16)
    header = struct.unpack_from("<I", entry, 42)[0]
    raw, extra, comment = entries.take(name_size), entries.take(extra_size), entries.take(comment_size)
    name = raw.decode("utf-8", "replace")
    length, packed, header = _wide(_fields(entries, extra), (length, packed, header))
    if flags & _ENCRYPTED:
        origin.refuse(f'the member "{name}" is encrypted', header, "encrypted")
    if method not in (STORED, DEFLATED) or (method == STORED and packed != length):
        origin.refuse(f'the member "{name}" is packed by method {method} or has two sizes', header)
    local = origin.stream(header, origin.size)
    head = local.take(30) if header + 30 <= origin.size else b""
    if not head.startswith(_LOCAL) or local.take(struct.unpack_from("<H", head, 26)[0]) != raw:
        origin.refuse(f'the member "{name}" has another header than the directory says', header)
    fields = tuple(_fields(local, local.take(struct.unpack_from("<H", head, 28)[0])))
    data = local.skip(0)
    if data + packed > origin.size:
        origin.refuse(f'the member "{name}" is longer than the file', header)
    member = Member(
        name, entry + raw, extra, comment, header, head + raw, fields, data, packed, length, crc, method, flags, 0
    )
    return replace(member, descriptor=len(_old_descriptor(origin, member)))


def _fields(stream: Stream, extra: bytes) -> Iterator[tuple[int, bytes]]:
    """(id, body) of the extra fields."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        if position + 4 + length > len(extra):
            stream.fail("an extra field of a zip member does not end")
        yield kind, extra[position + 4 : position + 4 + length]
        position += 4 + length


def _wide(fields: Iterator[tuple[int, bytes]], values: tuple[int, int, int]) -> tuple[int, int, int]:
    """The sizes and the offset, from the zip64 field where the short ones are full."""
    for kind, body in fields:
        if kind == _ZIP64:
            wide = iter(struct.unpack(f"<{len(body) // 8}Q", body[: len(body) // 8 * 8]))
            length, packed, header = (next(wide, value) if value == _FULL else value for value in values)
            return length, packed, header
    return values


def _has_zip64(member: Member) -> bool:
    return any(kind == _ZIP64 for kind, _ in member.fields)


def _old_descriptor(origin: Source, member: Member) -> bytes:
    """The data descriptor behind a member, in whichever of its four forms it has."""
    if not member.flags & _DESCRIBED:
        return b""
    found = origin.read(member.data + member.packed, 24)
    for mark in (_DESCRIPTOR, b""):
        for code in ("<IQQ", "<III"):
            wanted = mark + struct.pack(code, member.crc, *_fit(code, member.packed, member.size))
            if found.startswith(wanted):
                return wanted
    return origin.refuse(f'the member "{member.name}" is not followed by what describes it', member.data)


def _fit(code: str, *values: int) -> tuple[int, ...]:
    return values if "Q" in code else tuple(min(value, _FULL) for value in values)


def _descriptor(origin: Source, member: Member, content: Content, *, wide: bool) -> bytes:
    if not member.descriptor:
        return b""
    mark = origin.read(member.data + member.packed, 4) if member.descriptor in (16, 24) else b""
    code = "<IQQ" if wide or (not mark and member.descriptor == 20) else "<III"
    return mark + struct.pack(code, content.crc, *_fit(code, content.packed, content.size))


def _alignment(members: Sequence[Member]) -> int:
    """The alignment that PyTorch wrote the members with; 0 for an archive of another writer."""
    padded = [(member, body) for member in members for kind, body in member.fields if kind == _PADDING]
    if len(padded) != len(members) or not members:
        return 0
    fits = (
        step for step in _ALIGNMENTS if all(len(body) < step and member.data % step == 0 for member, body in padded)
    )
    return next(fits, 0)


def _local(member: Member, content: Content, place: int, alignment: int, *, wide: bool) -> bytes:
    """The local header at its new place, with zip64 field and padding as the archive's writer would put them."""
    fields = [(kind, body) for kind, body in member.fields if not alignment or kind not in (_ZIP64, _PADDING)]
    head = bytearray(member.local)
    if not member.flags & _DESCRIBED:
        sizes = (_FULL, _FULL) if _has_zip64(member) else (content.packed, content.size)
        struct.pack_into("<III", head, 14, content.crc, *sizes)
        fields = [
            (kind, struct.pack("<QQ", content.size, content.packed) + body[16:] if kind == _ZIP64 else body)
            for kind, body in fields
        ]
    if alignment:
        wide_values = [value for value in (content.size, content.packed, place) if value >= _FULL]
        if wide:
            fields.insert(0, (_ZIP64, struct.pack(f"<{len(wide_values)}Q", *wide_values)))
        start = place + len(head) + sum(4 + len(body) for _, body in fields) + 4
        fields.append((_PADDING, b"Z" * (-start % alignment)))
    extra = b"".join(struct.pack("<HH", kind, len(body)) + body for kind, body in fields)
    struct.pack_into("<H", head, 28, len(extra))
    return bytes(head) + extra


def _entry(origin: Source, member: Member, content: Content, place: int) -> bytes:
    """The directory's entry."""
    head = bytearray(member.entry)
    values = (content.size, content.packed, place)
    short = [min(value, _FULL) for value in values]
    struct.pack_into("<III", head, 16, content.crc, short[1], short[0])
    struct.pack_into("<I", head, 42, short[2])
    fields = [(kind, body) for kind, body in _fields(origin.stream(), member.extra) if kind != _ZIP64]
    wide = [value for value in values if value >= _FULL]
    if wide:
        fields.insert(0, (_ZIP64, struct.pack(f"<{len(wide)}Q", *wide)))
    extra = b"".join(struct.pack("<HH", kind, len(body)) + body for kind, body in fields)
    struct.pack_into("<H", head, 30, len(extra))
    return bytes(head) + extra + member.comment


def _ending(origin: Source, archive: Archive, start: int, length: int) -> bytes:
    """The records after the directory, whose place and length they repeat."""
    tail = bytearray(archive.tail)
    end = tail.rfind(_END)
    record = tail.find(_END64, 0, max(end, 0))
    struct.pack_into("<II", tail, end + 12, min(length, _FULL), min(start, _FULL))
    if record >= 0:
        struct.pack_into("<QQ", tail, record + 40, length, start)
        struct.pack_into("<Q", tail, tail.find(_LOCATOR, record) + 8, start + length + record)
    elif start >= _FULL or length >= _FULL:
        origin.refuse("the archive would pass 4 GB and its writer left no room for that", code="zip64")
    return bytes(tail)
