"""Digests computed while bytes stream by, and compared with every published one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

    from zoo.catalog.schema import Checksum

CHUNK = 1 << 20


def _git_blob(size: int | None) -> _Hash:
    """Git's name for a file: sha1 over `blob <size>`, a zero byte, and the content."""
    assert size is not None, "the schema demands a size beside git-blob-sha1"
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


_MAKERS: Mapping[str, Callable[[int | None], _Hash]] = {
    "sha256": lambda _size: hashlib.sha256(),
    "sha384": lambda _size: hashlib.sha384(),
    "sha1": lambda _size: hashlib.sha1(usedforsecurity=False),
    "md5": lambda _size: hashlib.md5(usedforsecurity=False),
    "git-blob-sha1": _git_blob,
}
_COMPUTED_AS = {"sha256-prefix": "sha256"}


class Digests:
    """Running digests for a set of checksums; sha256 is always among them, for it names the object."""

    def __init__(self, checksums: Iterable[Checksum], size: int | None) -> None:
        self._checksums = tuple(checksums)
        wanted = {_COMPUTED_AS.get(checksum.alg, checksum.alg) for checksum in self._checksums}
        self._running = {alg: _MAKERS[alg](size) for alg in sorted(wanted | {"sha256"})}

    def update(self, chunk: bytes) -> None:
        """Take the next bytes of the file."""
        for running in self._running.values():
            running.update(chunk)

    @property
    def sha256(self) -> str:
        """The sha256 of all bytes so far, in hex."""
        return self._running["sha256"].hexdigest()

    def mismatches(self) -> tuple[str, ...]:
        """One sentence for each published checksum that the bytes do not have."""
        found = []
        for checksum in self._checksums:
            got = self._running[_COMPUTED_AS.get(checksum.alg, checksum.alg)].hexdigest()
            if not got.startswith(checksum.value):
                found.append(f"{checksum.alg} is {got}, expected {checksum.value} ({checksum.origin})")
        return tuple(found)


def sha256_of(path: Path) -> str:
    """The sha256 of a file on disk, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
