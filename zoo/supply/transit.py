"""What sources share while one command brings files: network settings, the session, archives already here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from requests import Session

_OFF = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True)
class Network:
    """How patient a download is: seconds to connect, seconds without a byte, tries a mirror, seconds between tries."""

    connect: float = 10.0
    silence: float = 60.0
    tries: int = 4
    pause: float = 0.5

    @property
    def timeout(self) -> tuple[float, float]:
        """In the form that requests takes."""
        return self.connect, self.silence


@dataclass
class Transit:
    """One command's journey; leaving it closes connections and removes archives."""

    staging: Path
    network: Network = Network()
    note: Callable[[str], None] = lambda _text: None
    sleep: Callable[[float], None] = time.sleep
    archives: dict[str, Path] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def session(self) -> Session:
        """One session for all requests; opened by the first source that needs the network."""
        import requests

        from zoo import __version__

        session = self.stack.enter_context(requests.Session())
        session.headers["User-Agent"] = f"zoo/{__version__}"
        session.headers["Accept-Encoding"] = "identity"
        return session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stack.close()


def offline_by_environment() -> bool:
    """Whether ZOO_OFFLINE forbids the network."""
    return os.environ.get("ZOO_OFFLINE", "").strip().lower() not in _OFF
