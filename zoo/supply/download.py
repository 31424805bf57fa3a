"""Bringing an entry's files into the store: `plan` decides, `apply` acts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.diagnostics import IntegrityFault, TransferFault
from zoo.supply.arrival import objection
from zoo.supply.lease import Holder
from zoo.supply.mirrors import first_good, preferred
from zoo.supply.sources import Mirror, sources
from zoo.supply.staging import Sink, require_space, slot
from zoo.supply.store import Record, Store
from zoo.supply.threads import side_by_side
from zoo.supply.transit import Network, Transit, offline_by_environment, stalls_told

if TYPE_CHECKING:
    from zoo.catalog.schema import Entry, File
    from zoo.console import Console

_WORD = 15.0  # seconds between two words about waiting


@dataclass(frozen=True)
class Keep:
    """The file is in the store, whole and verified."""

    entry_id: str
    file: File
    record: Record


@dataclass(frozen=True)
class Fetch:
    """The file must come from one of the mirrors, tried in this order; `why` says what the store has instead."""

    entry_id: str
    file: File
    mirrors: tuple[Mirror, ...]
    why: str
    sha256: str | None = None


Step = Keep | Fetch


@dataclass(frozen=True)
class Brought:
    """One file in its place: `source` names where it came from, `fetched` whether it came just now."""

    entry_id: str
    file: File
    path: Path
    record: Record
    fetched: bool


def plan(entry: Entry, store: Store, *, extras: bool = False) -> tuple[Step, ...]:
    """What must happen so that every file of the entry is in the store; nothing is changed and no socket opened.

    A file is kept when the store has the published sha256, or, where none is published, the one that was learnt
    when the published checksums (or the first use) were verified. Mirrors known to be dead come last. `extras` are
    the files that the network runs without.
    """
    return tuple(_step(entry.id, file, store) for file in (*entry.files, *(entry.extras if extras else ())))


def _step(entry_id: str, file: File, store: Store) -> Step:
    known = store.record(entry_id, file.name)
    learnt = known.sha256 if known and known.checksums == checksum_list(file) else None
    sha256 = file.sha256 or learnt
    state = store.state(sha256) if sha256 else "absent"
    if sha256 and state == "whole":
        source = known.source if known and known.sha256 == sha256 else "the store"
        size = store.object_path(sha256).stat().st_size
        return Keep(entry_id, file, Record(sha256, size, file.role, source, checksum_list(file)))
    mirrors = (*preferred(entry_id, file.name), *sorted(file.mirrors, key=lambda mirror: mirror.status == "dead"))
    return Fetch(entry_id, file, mirrors, state, sha256)


def apply(
    steps: Sequence[Step],
    store: Store,
    *,
    console: Console,
    offline: bool = False,
    trust_first_use: bool = False,
    network: Network | None = None,
    jobs: int = 1,
) -> tuple[Brought, ...]:
    """Bring what the steps say, `jobs` files at a time; each file enters the store verified, or not at all.

    No socket is opened when `offline`, or when ZOO_OFFLINE is set. A file that fails does not keep the others back.

    Raises:
        TransferFault: `offline`, or `no-mirror` with what every mirror answered.
        IntegrityFault: `no-checksum` without `trust_first_use`, `disk-full`, `store-unwritable`.
    """
    fetches = [step for step in steps if isinstance(step, Fetch)]
    _refuse_unverifiable(fetches, trust_first_use=trust_first_use)
    offline = offline or offline_by_environment()
    if offline:
        _refuse_network(fetches)
    _require_space(fetches, store)
    total = sum(step.file.size or 0 for step in fetches)
    with ExitStack() as stack:
        transit = stack.enter_context(
            Transit(store.staging, network or Network(), console.note, progress=console.progress)
        )
        overall = stack.enter_context(console.progress("all files", total)) if len(fetches) > 1 else _unseen
        way = Way(store, transit, console, overall, offline=offline)
        found = side_by_side([partial(_carry_out, step, way) for step in steps], jobs if len(fetches) > 1 else 1)
        return _results(found)


@dataclass(frozen=True)
class Way:
    """What every step of one command needs."""

    store: Store
    transit: Transit
    console: Console
    overall: Callable[[int], None]
    offline: bool


def _unseen(_count: int) -> None:
    """The overall bar of a single file."""


def _results(futures: Sequence[Future[Brought]]) -> tuple[Brought, ...]:
    """Everything that was brought, or every fault at once."""
    faults = [fault for fault in (future.exception() for future in futures) if fault is not None]
    if not faults:
        return tuple(future.result() for future in futures)
    bug = next((fault for fault in faults if not isinstance(fault, IntegrityFault)), None)
    if bug is not None or len(faults) == 1:
        raise bug or faults[0]
    raise TransferFault("several-files", f"{len(faults)} files could not be brought", details=[str(f) for f in faults])


def _carry_out(step: Step, way: Way) -> Brought:
    store, transit = way.store, way.transit
    if isinstance(step, Fetch):
        step = _step(step.entry_id, step.file, store)  # it may have come in the meantime
    if isinstance(step, Keep):
        return _kept(step, store)
    if step.why == "damaged":
        way.console.note(f"{step.entry_id}: the stored {step.file.name} was altered; fetching it again")
    label = f"{step.entry_id} {step.file.name}"
    with ExitStack() as stack:
        waiting = _Waiting(label, way.console.note)
        advance = _both(stack.enter_context(way.console.progress(label, step.file.size)), way.overall)
        key, file = _slot_key(step), step.file
        sink = stack.enter_context(slot(transit.staging, key, file.size, file.checksums, advance, waiting))
        again = _step(step.entry_id, file, store) if waiting.spoken else step
        if isinstance(again, Keep):  # whom we waited for brought it
            sink.restart()
            return _kept(again, store)
        with stalls_told(sink, label, transit):
            usable = tuple(m for m in step.mirrors if not (way.offline and sources()[m.kind].needs_network))
            mirror = first_good(usable, sink, transit, partial(_problem, step, sink), label)
        sink.finish()
        sink.close()
        store.commit(sink.path, sink.sha256)
        record = _record(step, sink.sha256, store, str(mirror))
        path = store.expose(step.entry_id, file.name, record)
    return Brought(step.entry_id, step.file, path, record, fetched=True)


def _kept(step: Keep, store: Store) -> Brought:
    path = store.expose(step.entry_id, step.file.name, step.record)
    return Brought(step.entry_id, step.file, path, step.record, fetched=False)


def _both(one: Callable[[int], None], other: Callable[[int], None]) -> Callable[[int], None]:
    def advance(count: int) -> None:
        one(count)
        other(count)

    return advance


@dataclass
class _Waiting:
    """Says now and then that another process is fetching the same file."""

    label: str
    say: Callable[[str], None]
    spoken: bool = False
    _next: float = 0.0

    def __call__(self, holder: Holder, seconds: float) -> None:
        self.spoken = True
        if seconds >= self._next:
            self.say(f"{self.label}: {holder} is fetching it; waiting ({seconds:.0f} s)")
            self._next = seconds + _WORD


def _record(step: Fetch, sha256: str, store: Store, source: str) -> Record:
    size = store.object_path(sha256).stat().st_size
    return Record(sha256, size, step.file.role, source, checksum_list(step.file))


def _problem(step: Fetch, sink: Sink) -> str | None:
    """Why the bytes are not the file; without published checksums the sha256 of the first use counts."""
    problem = sink.problem()
    if problem is None and step.sha256 is not None and not step.file.checksums and sink.sha256 != step.sha256:
        return f"sha256 is {sink.sha256}, at first use it was {step.sha256}"
    return problem if problem or step.file.checksums else objection(sink.path)


def checksum_list(file: File) -> str:
    """The published checksums of a file as one line; empty where there are none."""
    return " ".join(sorted(f"{checksum.alg}:{checksum.value}" for checksum in file.checksums))


def _slot_key(step: Fetch) -> str:
    """The same for every process that wants this file, and for no other file."""
    told = checksum_list(step.file) or f"{step.entry_id}/{step.file.name}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _refuse_unverifiable(fetches: Sequence[Fetch], *, trust_first_use: bool) -> None:
    unknown = [step for step in fetches if not step.file.checksums and step.sha256 is None]
    if unknown and not trust_first_use:
        raise IntegrityFault(
            "no-checksum",
            f"nobody published a checksum of {len(unknown)} file(s)",
            details=[f"{step.entry_id} {step.file.name}: {step.file.unverified}" for step in unknown],
            hint="--trust-first-use takes what comes now and demands the same bytes ever after",
        )


def _refuse_network(fetches: Sequence[Fetch]) -> None:
    remote = [step for step in fetches if all(sources()[mirror.kind].needs_network for mirror in step.mirrors)]
    if remote:
        raise TransferFault(
            "offline",
            f"{len(remote)} file(s) are not in the store, and the network is not to be used",
            details=[f"{step.entry_id} {step.file.name} ({step.why})" for step in remote],
            hint=f"without --offline and ZOO_OFFLINE: zoo pull {' '.join(sorted({s.entry_id for s in remote}))}",
        )


def _require_space(fetches: Sequence[Fetch], store: Store) -> None:
    """All files together must fit before the first byte of any comes."""
    wanted = sum(step.file.size or 0 for step in fetches)
    if wanted:
        require_space(store.staging, wanted)
