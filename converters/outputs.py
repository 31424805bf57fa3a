"""Outputs appear whole or not at all: written beside their place, hashed on the way, renamed when complete."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from converters.binary import opened
from converters.diagnostic import Diagnostic, OutputFault, Where

_HASHED = 32 << 20  # bytes a read when a whole file is hashed
_AHEAD = 4  # chunks that may wait for the hash


class Sink:
    """A file being written; `write` hands each chunk to the disk and, in another thread, to the hash."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor
        self._hash = hashlib.sha256()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sha256")
        self._waiting: list[Future[None]] = []
        self.size = 0

    def write(self, chunk: bytes | memoryview) -> None:
        """Append a chunk, which must not change afterwards."""
        self._waiting.append(self._pool.submit(self._hash.update, chunk))
        if len(self._waiting) > _AHEAD:
            self._waiting.pop(0).result()
        assert self._descriptor is not None
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self.size += len(chunk)

    def close(self) -> None:
        """Close the file; does nothing the second time."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def digest(self) -> str:
        """The sha256 of all that was written."""
        self._pool.shutdown()
        return self._hash.hexdigest()


@contextmanager
def whole(path: Path) -> Iterator[Sink]:
    """A sink whose file takes the place of `path` when the block ends well, and disappears when it does not."""
    with together(path) as (sink,):
        yield sink


@contextmanager
def together(*paths: Path) -> Iterator[tuple[Sink, ...]]:
    """Sinks whose files take their places when the block ends well, all of them or none."""
    parts = {path: path.with_name(f".{path.name}.{secrets.token_hex(4)}.part") for path in paths}
    sinks: list[Sink] = []
    try:
        for path, part in parts.items():
            sinks.append(_sink(path, part))
        yield tuple(sinks)
        for sink in sinks:
            sink.close()
        _exchange(parts)
    except OSError as fault:
        raise unwritable(paths[min(len(sinks), len(paths) - 1)], fault) from fault
    finally:
        for sink in sinks:
            sink.digest()
            sink.close()
        for _, part in zip(sinks, parts.values(), strict=False):  # only those that were made
            part.unlink(missing_ok=True)


def _sink(path: Path, part: Path) -> Sink:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Sink(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666))
    except OSError as fault:
        raise unwritable(path, fault) from fault


def _exchange(parts: Mapping[Path, Path]) -> None:
    """Rename each part to its place; when one of several cannot, put back what was there before."""
    if len(parts) == 1:  # a rename over the old file: no moment without one
        ((path, part),) = parts.items()
        part.replace(path)
        return
    before: dict[Path, Path | None] = {}
    try:
        for path, part in parts.items():
            before[path] = _aside(path, part)
            part.replace(path)
    except OSError as fault:
        for path, old in before.items():
            _restore(path, old, made=not parts[path].exists())
        raise unwritable(path, fault) from fault
    for old in before.values():
        if old is not None:
            old.unlink()


def _aside(path: Path, part: Path) -> Path | None:
    """Move an earlier file out of the way."""
    if not path.is_file():
        return None
    old = path.with_name(f"{part.name}.old")
    path.rename(old)
    return old


def _restore(path: Path, old: Path | None, *, made: bool) -> None:
    if old is not None:
        old.replace(path)
    elif made:
        path.unlink()


@contextmanager
def beside(path: Path, *, durable: bool = False) -> Iterator[int]:
    """A descriptor whose file takes the place of `path` when the block ends well: `whole` without the hash.

    durable  its bytes reach the disk before it takes the place, and the new name after
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    made = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        made = True
        try:
            yield descriptor
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError as fault:
        raise unwritable(path, fault) from fault
    finally:
        if made:
            part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if os.name != "nt":  # Windows has no descriptors of folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """A small text file, whole or not at all."""
    with whole(path) as sink:
        sink.write(text.encode("utf-8"))


def unwritable(path: Path, fault: OSError) -> Diagnostic:
    """The refusal for an output that the system does not let us write."""
    if fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OutputFault("disk-full", "the disk is full; nothing was written", where=Where(file=str(path)))
    return OutputFault("unwritable", f"cannot be written: {fault.strerror or fault}", where=Where(file=str(path)))


class Digest:
    """The sha256 of a file, computed in a thread while other work goes on."""

    def __init__(self, path: Path) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sha256")
        self._future = self._pool.submit(sha256, path)
        self._pool.shutdown(wait=False)

    def result(self) -> str:
        """Wait for it."""
        return self._future.result()


def sha256(path: Path) -> str:
    """The sha256 of a file, read in chunks.

    They are large because each one asks for Python's lock, which another thread may hold for milliseconds.
    """
    total = hashlib.sha256()
    with opened(path) as descriptor, os.fdopen(descriptor, "rb", buffering=0, closefd=False) as stream:
        buffer = memoryview(bytearray(min(_HASHED, os.fstat(descriptor).st_size + 1)))
        while count := stream.readinto(buffer):
            total.update(buffer[:count])
    return total.hexdigest()
