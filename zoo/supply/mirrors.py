"""The mirrors of one file: tried in order, each goes on where the one before broke off, a slow one is left for another.

Going on with another mirror's bytes is safe only where published checksums and the size protect the whole file
(`Sink.protected`); when the whole then proves wrong, the last mirror is asked for all of it before it is blamed.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.diagnostics import TransferFault
from zoo.supply.sources import Mirror, MirrorFailure, TooSlow, sources

if TYPE_CHECKING:
    from zoo.supply.staging import Sink
    from zoo.supply.transit import Network, Transit


def preferred(entry_id: str, name: str) -> tuple[Mirror, ...]:
    """ZOO_MIRROR, tried before all others: a folder or an address with `id/name` under it, as `pull --out` makes it."""
    base = os.environ.get("ZOO_MIRROR", "")
    if not base:
        return ()
    place = f"{base.rstrip('/')}/{entry_id}/{name}"
    if base.startswith(("s3://", "gs://")):
        kind, value = "cloud", {"object": place}
    elif base.startswith(("http://", "https://")):
        kind, value = "http", {"url": place}
    else:
        kind, value = "file", {"path": str(Path(place).expanduser().absolute())}
    mirror: Mirror = sources()[kind].mirror(**value, note="ZOO_MIRROR")
    return (mirror,)


@dataclass
class Pace:
    """Watches a transfer: one that stays below `floor` bytes a second for `Network.hedge` seconds is left."""

    floor: float
    network: Network
    clock: Callable[[], float] = time.monotonic
    _began: float | None = None
    _count: int = 0

    def took(self, count: int, rest: int) -> None:
        """Take note of `count` more bytes, with `rest` still to come.

        Raises:
            TooSlow: another mirror may do better, and there is enough left for that to matter.
        """
        now = self.clock()
        if self._began is None:
            self._began = now
            return
        self._count += count
        taken = now - self._began
        if taken < self.network.hedge:
            return
        rate = self._count / taken
        if rate < self.floor and rest > rate * self.network.hedge:
            raise TooSlow(rate)
        self._began, self._count = now, 0


@dataclass
class Round:
    """The mirrors that are still to be asked, those that were slow with their rates, and what went wrong."""

    untried: deque[Mirror]
    slow: dict[Mirror, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def turn(self, network: Network) -> tuple[Mirror, float] | None:
        """The next mirror, and the rate below which it is left; the fastest of the slow before those known as dead.

        The last of the untried need only be faster than the best of the slow.
        """
        best = max(self.slow.values(), default=0.0)
        if self.untried and not (self.slow and self.untried[0].status == "dead"):
            mirror = self.untried.popleft()
            others = any(other.status != "dead" for other in self.untried)
            return mirror, network.hurry if others else best
        if self.slow:
            mirror = max(self.slow, key=lambda one: self.slow[one])
            del self.slow[mirror]
            return mirror, 0.0
        return None


def first_good(
    mirrors: tuple[Mirror, ...],
    sink: Sink,
    transit: Transit,
    judge: Callable[[], str | None],
    label: str,
) -> Mirror:
    """The mirror that delivered the end of the file, all of it verified; `judge` says what is wrong with the bytes.

    Raises:
        TransferFault: `no-mirror`; every failure is listed.
    """
    asked = Round(deque(mirrors))
    while (turn := asked.turn(transit.network)) is not None:
        mirror, floor = turn
        sink.pace = Pace(floor, transit.network) if floor and sink.protected else None
        try:
            problem = _fetched(mirror, sink, transit, judge)
        except TooSlow as slow:
            asked.slow[mirror] = slow.rate
            transit.note(f"{label}: {mirror} gives {slow.rate / 1000:,.0f} kB/s; trying another mirror")
            continue
        except MirrorFailure as failure:
            problem = str(failure)
        else:
            if problem is None:
                return mirror
            sink.restart()
        asked.failures.append(f"{mirror}: {problem}" + (f" [{mirror.note}]" if mirror.note else ""))
        transit.note(f"{label}: {asked.failures[-1]}")
    raise TransferFault(
        "no-mirror",
        f"{label.replace(' ', ': ', 1)} came from none of its {len(mirrors)} mirrors",
        details=asked.failures,
        hint="try again later, or name a mirror of your own in a registry (docs/registry.md)",
    )


def _fetched(mirror: Mirror, sink: Sink, transit: Transit, judge: Callable[[], str | None]) -> str | None:
    """What is wrong with the file after this mirror; None when nothing is."""
    source = sources()[mirror.kind]
    taken_up = sink.position > 0
    source.fetch(mirror, sink, transit)
    problem = judge()
    if problem and taken_up:  # a dead process may have left less than it wrote, another mirror something else
        sink.restart()
        source.fetch(mirror, sink, transit)
        problem = judge()
    return problem
