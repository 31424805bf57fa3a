"""What sources share while one command brings files: network settings, the session, archives already here."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from requests import Session

    from zoo.supply.staging import Sink

_OFF = frozenset({"", "0", "false", "no", "off"})
T = TypeVar("T")
Progress = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True)
class Network:
    """How patient a download is, in seconds; `tries` counts for each mirror.

    `silence` is the time without a byte, or with fewer than `slowest` bytes a second, after which a transfer counts as
    broken; after `spoken` seconds of it a line says so. `patience` is the time after which one slow connection may
    become `connections`. After `hedge` seconds below `hurry` bytes a second another mirror is tried, if there
    is one. `longest_pause` bounds what a Retry-After may ask for.
    """

    connect: float = 10.0
    silence: float = 60.0
    spoken: float = 10.0
    slowest: float = 1024.0
    tries: int = 4
    pause: float = 0.5
    longest_pause: float = 120.0
    patience: float = 3.0
    connections: int = 4
    hedge: float = 10.0
    hurry: float = 500_000.0
    ca_bundle: Path | None = None
    drive: str = "https://drive.google.com/uc"


@dataclass
class Transit:
    """One command's journey; leaving it closes connections and removes archives. Threads may share it."""

    staging: Path
    network: Network = Network()
    note: Callable[[str], None] = lambda _text: None
    sleep: Callable[[float], None] = time.sleep
    progress: Progress | None = None
    archived: int = 0  # bytes of archives that came, whose members wait meanwhile
    _archives: dict[str, Path] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _turns: defaultdict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))

    @cached_property
    def session(self) -> Session:
        """One session for all requests; proxies, netrc and REQUESTS_CA_BUNDLE are honoured as requests does.

        Without a bundle that somebody names, the system's certificates count beside those of requests.
        """
        import requests

        from zoo import __version__
        from zoo.supply.trust import SystemTrust, named_by_environment

        session: Session = self.keep(requests.Session())
        session.headers["User-Agent"] = f"zoo/{__version__}"
        session.headers["Accept-Encoding"] = "identity"
        if self.network.ca_bundle is not None:
            session.verify = str(self.network.ca_bundle)
        elif not named_by_environment():
            session.mount("https://", SystemTrust())
        return session

    def archive(self, key: str, fetch: Callable[[], Path]) -> Path:
        """The archive under `key`, fetched by the first that asks while the others wait."""
        with self._lock:
            turn = self._turns[key]
        with turn:
            if key not in self._archives:
                self._archives[key] = fetch()
            return self._archives[key]

    @contextmanager
    def shown(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Show the bytes of an archive going by, as `Console.progress` does; they count as signs of life."""
        with ExitStack() as stack:
            show = stack.enter_context(self.progress(label, total)) if self.progress else None

            def advance(count: int) -> None:
                self.archived += count
                if show is not None:
                    show(count)

            yield advance

    def keep(self, resource: AbstractContextManager[T]) -> T:
        """Enter a context that lasts as long as the journey."""
        with self._lock:
            return self._stack.enter_context(resource)

    def finally_do(self, act: Callable[[], None]) -> None:
        """Run `act` at the end of the journey."""
        with self._lock:
            self._stack.callback(act)

    @staticmethod
    def key(text: str) -> str:
        """A file name that stands for `text`."""
        return f"archive-{hashlib.sha256(text.encode()).hexdigest()[:24]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    @property
    def verify(self) -> str | None:
        """The bundle to be given with each request: requests lets REQUESTS_CA_BUNDLE win over that of a session."""
        return str(self.network.ca_bundle) if self.network.ca_bundle else None

    @property
    def timeout(self) -> tuple[float, float]:
        """In the form that requests takes."""
        return self.network.connect, self.network.silence


def offline_by_environment() -> bool:
    """Whether ZOO_OFFLINE forbids the network."""
    return os.environ.get("ZOO_OFFLINE", "").strip().lower() not in _OFF


@contextmanager
def stalls_told(sink: Sink, label: str, transit: Transit) -> Iterator[None]:
    """While the body runs, a silence of `Network.spoken` seconds is told, and its end."""
    ended, network = threading.Event(), transit.network

    def watch() -> None:
        seen, since, told = (sink.position, transit.archived), time.monotonic(), False
        while not ended.wait(min(1.0, network.spoken / 4)):
            now = time.monotonic()
            if (sink.position, transit.archived) != seen:
                if told:
                    transit.note(f"{label}: bytes come again")
                seen, since, told = (sink.position, transit.archived), now, False
            elif not told and now - since >= network.spoken:
                transit.note(f"{label}: no byte for {now - since:.0f} s; giving up at {network.silence:.0f} s")
                told = True

    threading.Thread(target=watch, name="zoo-stalls", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
