"""A lease on a name: one process holds it and shows that it lives; the others wait, and take over from the dead.

A lease is a file that exists (made with O_EXCL, which holds on network file systems too); nothing relies on flock.
Its holder touches it every two seconds. A waiter takes over at once when the holder was a process of this machine that
is gone, else when the file was not touched for half a minute on the waiter's own clock.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from uuid import uuid4

BEAT = 2.0  # seconds between two signs of life
SILENCE = 30.0  # seconds without one after which a holder counts as gone
_POLL = 0.1


@dataclass(frozen=True)
class Holder:
    """Who holds a lease, as its file says it; `token` is empty while the file is being written."""

    token: str = ""
    pid: int = 0
    host: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host.partition(' ')[0]}" if self.pid else "another process"

    @property
    def gone(self) -> bool:
        """Whether it certainly lives no more: it was a process of this very machine, and there is none of its id."""
        if not self.pid or self.host != _here() or os.name == "nt":  # os.kill(pid, 0) ends a process on Windows
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False


@dataclass
class Lease:
    """A lease that this process holds; `lost` is set when another process took it over."""

    path: Path
    token: str = field(default_factory=lambda: uuid4().hex)
    lost: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)
    beat: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to give signs of life."""
        threading.Thread(target=self._live, name="zoo-lease", daemon=True).start()

    def end(self) -> None:
        """Give the lease back."""
        self._ended.set()
        if holder(self.path).token == self.token:
            self.path.unlink(missing_ok=True)

    def _live(self) -> None:
        while not self._ended.wait(BEAT):
            if holder(self.path).token != self.token:
                self.lost.set()
                return
            with suppress(OSError):
                os.utime(self.path)
            self.beat()


def attempt(path: Path) -> Lease | None:
    """The lease, when nobody holds it.

    Raises:
        OSError: the folder cannot be written.
    """
    lease = Lease(path)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump({"token": lease.token, "pid": os.getpid(), "host": _here()}, stream)
    lease.start()
    return lease


@contextmanager
def held(path: Path, waiting: Callable[[Holder, float], None], silence: float = SILENCE) -> Iterator[Lease]:
    """The lease, as soon as it is free; `waiting` hears again and again who has it and since when we wait."""
    began = seen_at = time.monotonic()
    seen: tuple[str, int] | None = None
    while (lease := attempt(path)) is None:
        who, now = holder(path), time.monotonic()
        sign = (who.token, _touched(path))
        if sign != seen:
            seen, seen_at = sign, now
        if who.gone or now - seen_at > silence:
            take_away(path, who.token)
            continue
        waiting(who, now - began)
        time.sleep(_POLL)
    try:
        yield lease
    finally:
        lease.end()


def holder(path: Path) -> Holder:
    """Who holds the lease; nobody in particular where the file cannot be read."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Holder(str(told["token"]), int(told["pid"]), str(told["host"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()


def take_away(path: Path, token: str) -> None:
    """Free a lease of which `token` is the dead holder; a living one that came in between gets it back."""
    aside = path.with_name(f"{path.name}.{uuid4().hex}")
    try:
        path.rename(aside)
    except OSError:
        return
    if holder(aside).token != token:
        with suppress(OSError):
            os.link(aside, path)
    aside.unlink(missing_ok=True)


def abandoned(path: Path) -> bool:
    """Whether nobody who lives holds the lease, as far as one look can tell."""
    touched = _touched(path)
    return touched == 0 or holder(path).gone or time.time() - touched / 1e9 > SILENCE


def _touched(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@cache
def _here() -> str:
    """The machine and, on Linux, the container: a process id means nothing elsewhere."""
    try:
        namespace = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        namespace = ""
    return f"{socket.gethostname()} {namespace}".strip()
