"""Digests computed while bytes stream by, and compared with every published one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

    from zoo.catalog.schema import Checksum

CHUNK = 1 << 20
_AHEAD = 4  # chunks that wait to be hashed
_SHORT = 8 << 20  # bytes that are hashed sooner than a thread could help


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


class Streamed:
    """Digests that a thread of their own computes, so that hashing, reading and writing run side by side.

    At most `_AHEAD` chunks wait; short files are hashed at once.
    """

    def __init__(self, checksums: Iterable[Checksum], size: int | None) -> None:
        self._digests = Digests(checksums, size)
        self._chunks: Queue[bytes | None] = Queue(_AHEAD)
        self._worker: Thread | None = None
        self._taken = 0

    def update(self, chunk: bytes) -> None:
        """Take the next bytes of the file."""
        self._taken += len(chunk)
        if self._worker is None and self._taken > _SHORT:
            self._worker = Thread(target=self._work, name="zoo-digests", daemon=True)
            self._worker.start()
        if self._worker is None:
            self._digests.update(chunk)
        else:
            self._chunks.put(chunk)

    def settled(self) -> Digests:
        """The digests of all bytes so far."""
        if self._worker is not None:
            self._chunks.put(None)
            self._worker.join()
            self._worker = None
        return self._digests

    def _work(self) -> None:
        while (chunk := self._chunks.get()) is not None:
            self._digests.update(chunk)


def sha256_of(path: Path) -> str:
    """The sha256 of a file on disk, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
