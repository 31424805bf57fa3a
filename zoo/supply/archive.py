"""One member of an archive as a stream of bytes; nothing is unpacked to a path that the archive names."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BufferedReader, RawIOBase
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from zoo.supply.checksums import CHUNK
from zoo.supply.sources import MirrorFailure

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from zoo.supply.staging import Sink

MAX_RATIO = 100  # unpacked bytes for each packed one that are read on the way to a member
MAX_SLACK = 64 << 20  # bytes that are always fine
MAX_MEMBERS = 100_000
_BROKEN = (  # what the standard readers raise on altered bytes
    OSError,
    EOFError,
    LookupError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def member_name(name: str) -> str:
    """The name itself when it is a plain relative path with forward slashes.

    Raises:
        ValueError: absolute, `..`, a drive, a backslash, an empty part.
    """
    parts = name.split("/")
    if not name or len(name) > 1000 or any(part in ("", ".", "..") for part in parts) or re.search(r"[\\:\x00]", name):
        raise ValueError("not a relative path inside an archive")
    return name


def read_member(path: Path, member: str, size: int | None) -> Iterator[bytes]:
    """The bytes of the regular file `member`, and no more than `size` of them where that is given.

    Raises:
        MirrorFailure: no archive, no such member, a link, a name that stands twice, a member that grows past its
            size, an archive that unpacks to a hundred times its size.
    """
    limit = _bound(path) if size is None else size
    count = 0
    try:
        read = next((reader for is_kind, reader in _READERS.items() if is_kind(path)), None)
        if read is None:
            raise MirrorFailure(f"{path.name} is neither a zip nor a tar archive")
        for chunk in read(path, member_name(member)):
            count += len(chunk)
            if count > limit:
                raise MirrorFailure(f"{member} is larger than {limit:,} bytes")
            yield chunk
    except _BROKEN as error:
        raise MirrorFailure(f"{path.name} is damaged: {error}") from error


def extract(path: Path, member: str, sink: Sink) -> None:
    """Write a member into the sink, from its beginning.

    Raises:
        MirrorFailure: as `read_member` does.
    """
    sink.restart()
    sink.reserve(None)
    for chunk in read_member(path, member, sink.size):
        sink.write(chunk)


def _read_zip(path: Path, member: str) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as whole:
        infos = [info for info in whole.infolist() if PurePosixPath(info.filename) == PurePosixPath(member)]
        _exactly_one(len(infos), member)
        info = infos[0]
        file_type = info.external_attr >> 28
        if info.is_dir() or file_type not in (0, 8):  # the upper bits are a Unix mode: 8 is a regular file
            raise MirrorFailure(f"{member} is not a regular file")
        if info.flag_bits & 1:
            raise MirrorFailure(f"{member} is encrypted")
        with whole.open(info) as stream:
            yield from iter(lambda: stream.read(CHUNK), b"")


def _read_tar(path: Path, member: str) -> Iterator[bytes]:
    """Walks the archive once, to its end, so that a second member of the same name is seen."""
    found = 0
    with _unpacked(path) as plain, tarfile.open(fileobj=plain, mode="r:") as whole:
        for number, info in enumerate(whole):
            if number >= MAX_MEMBERS:
                raise MirrorFailure(f"{path.name} has more than {MAX_MEMBERS:,} members")
            if PurePosixPath(info.name) != PurePosixPath(member):
                continue
            found += 1
            _exactly_one(found, member)
            stream = whole.extractfile(info) if info.isreg() else None
            if stream is None:
                raise MirrorFailure(f"{member} is not a regular file")
            yield from iter(lambda stream=stream: stream.read(CHUNK), b"")  # type: ignore[misc] # mypy cannot infer the default
    _exactly_one(found, member)


def _exactly_one(count: int, member: str) -> None:
    if count != 1:
        raise MirrorFailure(f"it has {'two members' if count else 'no member'} named {member}")


class _Bounded(RawIOBase):
    """A readable, seekable view of a stream that refuses to go past `limit` bytes."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream = stream
        self._limit = limit

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        chunk = self._stream.read(len(view))
        self._check(self._stream.tell())
        view[: len(chunk)] = chunk
        return len(chunk)

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 0:
            self._check(offset)
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _check(self, position: int) -> None:
        if position > self._limit:
            raise MirrorFailure(f"it unpacks to more than {self._limit:,} bytes")


def _unpacked(path: Path) -> BufferedReader:
    openers: Mapping[bytes, Callable[[Path], Any]] = {
        b"\x1f\x8b": gzip.open,
        b"BZh": bz2.open,
        b"\xfd7zXZ\0": lzma.open,
    }
    with path.open("rb") as stream:
        head = stream.read(8)
    opener = next((make for magic, make in openers.items() if head.startswith(magic)), lambda place: place.open("rb"))
    return BufferedReader(_Bounded(opener(path), _bound(path)), CHUNK)


def _bound(path: Path) -> int:
    return path.stat().st_size * MAX_RATIO + MAX_SLACK


_READERS: Mapping[Callable[[Path], bool], Callable[[Path, str], Iterator[bytes]]] = {
    tarfile.is_tarfile: _read_tar,
    zipfile.is_zipfile: _read_zip,
}
