"""Slots of the staging folder: bytes lie there until they are verified, and a killed download is taken up again."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.diagnostics import IntegrityFault
from zoo.supply import lease as leases
from zoo.supply.checksums import CHUNK, Streamed
from zoo.supply.sources import MirrorFailure

if TYPE_CHECKING:
    from zoo.catalog.schema import Checksum
    from zoo.supply.mirrors import Pace

MAX_UNDECLARED = 64 << 30  # bytes accepted of a file whose size nobody published
_HEAD = 4096  # bytes that tell a web page from a model
_SLOTS = 64  # downloads of one file at the same time
_SPARE = 16 << 20  # bytes that a download leaves free on the disk
_BEHIND = (
    8 << 20
)  # bytes after which the system is told to bring them to the disk, so that the sync at the end is short


@dataclass
class Sink:
    """Takes the bytes of one file in order, hashes them and refuses to grow past the declared size."""

    path: Path
    size: int | None
    checksums: tuple[Checksum, ...]
    advance: Callable[[int], None] = lambda _count: None
    head: bytes = b""
    position: int = 0
    held: Callable[[], bool] = lambda: True
    pace: Pace | None = None
    _sent: int = 0  # bytes that are on their way to the disk
    _digests: Streamed = field(init=False, repr=False)
    _stream: FileIO = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._digests = Streamed(self.checksums, self.size)
        self._stream = self.path.open("a+b", buffering=0)
        self._take_up()

    def _take_up(self) -> None:
        """Hash what an earlier process left in this slot; too much is no beginning of the file."""
        self._stream.seek(0)
        if self.size is not None and os.fstat(self._stream.fileno()).st_size > self.size:
            self.restart()
        while chunk := self._stream.read(CHUNK):
            self._count(chunk)
        self._sent = self.position

    def write(self, chunk: bytes) -> None:
        """Append the next bytes.

        Raises:
            MirrorFailure: more bytes than declared.
            IntegrityFault: `disk-full`, or `lease-lost`: this process slept so long that another took over.
            TooSlow: the pace says so; the bytes are taken.
        """
        if not self.held():
            told = f"another process took {self.path.name} over"
            raise IntegrityFault("lease-lost", told, hint="run the command again")
        limit = MAX_UNDECLARED if self.size is None else self.size
        if self.position + len(chunk) > limit:
            self.head = (self.head + chunk)[:_HEAD]
            verdict = self.verdict(f"it sends more than the {limit:,} bytes of the file")
            self.restart()
            raise MirrorFailure(verdict)
        try:
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._stream.write(rest) :]
        except OSError as error:
            self.restart()
            raise unwritable(self.path.parent, error) from error
        self._count(chunk)
        self._send_on()
        self.advance(len(chunk))
        if self.pace is not None and self.size is not None:
            self.pace.took(len(chunk), self.size - self.position)

    def _send_on(self) -> None:
        """Start to bring the latest bytes to the disk without waiting for it; Linux and most Unixes take the advice.

        Linux writes dirty pages of the range and drops only clean ones (mm/fadvise.c): these have just been written, so
        they stay in memory for whoever reads the model next.
        """
        if self.position - self._sent >= _BEHIND and hasattr(os, "posix_fadvise"):
            with suppress(OSError):
                length = self.position - self._sent
                os.posix_fadvise(self._stream.fileno(), self._sent, length, os.POSIX_FADV_DONTNEED)
            self._sent = self.position

    def _count(self, chunk: bytes) -> None:
        if len(self.head) < _HEAD:
            self.head = (self.head + chunk)[:_HEAD]
        self._digests.update(chunk)
        self.position += len(chunk)

    def restart(self) -> None:
        """Forget everything taken so far."""
        self.advance(-self.position)
        self._stream.truncate(0)
        self._digests.settled()
        self._digests = Streamed(self.checksums, self.size)
        self.head, self.position, self._sent = b"", 0, 0
        self.origin = None

    @property
    def protected(self) -> bool:
        """Whether size and published checksums tell any wrong byte of the whole, wherever each part came from."""
        return self.size is not None and bool(self.checksums)

    @property
    def origin(self) -> dict[str, str] | None:
        """Where the bytes so far came from (url and validator), when they may be continued from there."""
        try:
            told = json.loads(self.path.with_suffix(".origin").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        fair = isinstance(told, dict) and all(isinstance(value, str) for value in told.values())
        return told if fair else None

    @origin.setter
    def origin(self, told: dict[str, str] | None) -> None:
        note = self.path.with_suffix(".origin")
        if told is None:
            note.unlink(missing_ok=True)
            return
        if told == self.origin:
            return
        fresh = self.path.with_suffix(".origin-new")  # a kill in between must not cost the part its origin
        try:
            fresh.write_text(json.dumps(told), encoding="utf-8")
            fresh.replace(note)
        except OSError as error:
            raise unwritable(note.parent, error) from error

    def verdict(self, problem: str) -> str:
        """The problem, with what the first bytes look like when they are no model."""
        from converters.sniffing import no_model

        what = no_model(self.head)
        return f"{problem}; it looks like {what}" if what else problem

    def problem(self) -> str | None:
        """Why the bytes so far are not the file; None when size and every checksum agree."""
        if self.size is not None and self.position != self.size:
            return self.verdict(f"it has {self.position:,} bytes, expected {self.size:,}")
        mismatches = self._digests.settled().mismatches()
        return self.verdict("; ".join(mismatches)) if mismatches else None

    @property
    def sha256(self) -> str:
        """The sha256 of the bytes so far, in hex."""
        return self._digests.settled().sha256

    def finish(self) -> None:
        """Bring the bytes to the disk, past every cache."""
        try:
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise unwritable(self.path.parent, error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()

    def reserve(self, total: int | None) -> None:
        """Refuse, with numbers, when the disk cannot hold the rest of `total` bytes.

        Raises:
            IntegrityFault: `disk-full`.
        """
        wanted = total if total is not None else self.size
        if wanted is not None:
            require_space(self.path.parent, wanted - self.position)


@contextmanager
def slot(
    staging: Path,
    key: str,
    size: int | None,
    checksums: Iterable[Checksum],
    advance: Callable[[int], None] = lambda _count: None,
    waiting: Callable[[leases.Holder, float], None] = lambda _holder, _seconds: None,
) -> Iterator[Sink]:
    """The sink for `key`, once no other living process writes to it; what a dead one left is taken up.

    The bytes stay in the slot when the body fails, for a later try; `Store.commit` moves them away.
    """
    path = staging / f"{key}.part"
    with ExitStack() as stack:
        try:
            staging.mkdir(parents=True, exist_ok=True)
            lease = stack.enter_context(leases.held(path.with_suffix(".lease"), waiting))
        except OSError as error:
            raise unwritable(staging, error) from error
        yield stack.enter_context(_filling(path, lease, size, tuple(checksums), advance))


@contextmanager
def private_slot(staging: Path, key: str, size: int | None, checksums: Iterable[Checksum]) -> Iterator[Sink]:
    """A sink for `key` that nobody else has, without waiting; one that a dead process left is taken up."""
    try:
        staging.mkdir(parents=True, exist_ok=True)
        lease, path = _claim(staging, key)
    except OSError as error:
        raise unwritable(staging, error) from error
    try:
        with _filling(path, lease, size, tuple(checksums), lambda _count: None) as sink:
            yield sink
    finally:
        lease.end()


@contextmanager
def _filling(
    path: Path, lease: leases.Lease, size: int | None, checksums: tuple[Checksum, ...], advance: Callable[[int], None]
) -> Iterator[Sink]:
    sink = Sink(path, size, checksums, advance, held=lambda: not lease.lost.is_set())
    try:
        yield sink
    finally:
        sink.close()
        if not lease.lost.is_set():
            if path.exists() and path.stat().st_size == 0:
                path.unlink()
            if not path.exists():
                path.with_suffix(".origin").unlink(missing_ok=True)


def _claim(staging: Path, key: str) -> tuple[leases.Lease, Path]:
    for number in range(_SLOTS):
        path = staging / f"{key}-{number}.part"
        mark = path.with_suffix(".lease")
        if mark.exists() and leases.holder(mark).gone:
            leases.take_away(mark, leases.holder(mark).token)
        lease = leases.attempt(mark)
        if lease is not None:
            return lease, path
    raise IntegrityFault("staging-busy", f"{_SLOTS} downloads of one file are under way in {staging}")


def leftovers(staging: Path) -> tuple[Path, ...]:
    """Every file in the staging folder."""
    return tuple(sorted(path for path in staging.glob("*") if path.is_file())) if staging.is_dir() else ()


def sweep(staging: Path) -> None:
    """Remove everything that no living process holds."""
    for path in leftovers(staging):
        stem, _, _ = path.name.rpartition(".lease")
        mark = staging / f"{stem}.lease" if stem else path.with_suffix(".lease")
        if leases.abandoned(mark):
            path.unlink(missing_ok=True)


def require_space(folder: Path, wanted: int) -> None:
    """Refuse when the disk of `folder` has less than `wanted` bytes and some to spare.

    Raises:
        IntegrityFault: `disk-full`, with both numbers.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise unwritable(folder, error) from error
    if wanted + _SPARE > free:
        raise IntegrityFault(
            "disk-full",
            f"{wanted:,} bytes are to come and {free:,} are free in {folder}",
            hint="zoo cache prune, or set ZOO_HOME to a folder on a larger disk",
        )


def unwritable(folder: Path, error: OSError) -> IntegrityFault:
    """The diagnostic for a write that the system refused; nothing half-written is ever in the store."""
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        hint = "zoo cache prune, or set ZOO_HOME to a folder on a larger disk"
        return IntegrityFault("disk-full", f"{folder} takes no more: {reason}; the store is as it was", hint=hint)
    hint = "set ZOO_HOME to a folder that you may write to"
    return IntegrityFault("store-unwritable", f"{folder} cannot be written: {reason}", hint=hint)
