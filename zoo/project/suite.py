"""Many checks side by side: each is remembered when it is done, and one that cannot begin does not stop the others."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from zoo.catalog.naming import Choice, order, siblings
from zoo.catalog.registry import Registry
from zoo.catalog.schema import Entry
from zoo.certificate import attesting
from zoo.console import Console, document, table
from zoo.diagnostics import Diagnostic, UsageFault
from zoo.parity.account import Account, Place
from zoo.parity.request import Access, Performed, Request, accounted, perform, prepare, refused
from zoo.parity.show import human
from zoo.project import memory
from zoo.project.file import NAME, Listed, find, folder_of, read


@dataclass(frozen=True, slots=True)
class Finished:
    """A check's account and its text for a person; `done` and the digests `before` where it is to be attested."""

    account: Account
    text: str
    done: Performed | None = None
    before: Mapping[Path, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manner:
    """How many at a time, whether what is remembered may be used, and whether every check attests what it can."""

    jobs: int = 1
    cache: bool = True
    attest: bool = False


def listed(project: Path | None, backends: Sequence[str]) -> list[Listed]:
    """The checks of this project's file, or of the nearest one from the working folder up.

    Raises:
        UsageFault: `no-subject`: there is none.
    """
    path = project or find(Path.cwd())
    if path is None:
        raise UsageFault(
            "no-subject",
            f"nothing to check: no SUBJECT is named, and there is no {NAME} here or above",
            hint=f"zoo check-parity SUBJECT..., or list what must agree in {NAME} (docs/ci.md)",
        )
    return read(path, backends)


def everything(registry: Registry, request: Request) -> list[Listed]:
    """One check for each set of the registry's artifacts that hold the same weights, under `request`'s conditions."""
    groups = _groups(registry.entries.values())
    return [
        Listed(group[0].id, replace(request, subjects=tuple(entry.id for entry in group)), Place("registry", 0))
        for group in groups
    ]


def deepened(checks: Sequence[Listed], request: Request, folder: Path | None) -> list[Listed]:
    """The checks with what the command line says of all of them: how deep to look.

    What --bisect writes of each lies in a folder of its own, below `folder` where one is named.
    """

    def one(check: Listed) -> Listed:
        mine = check.request
        own = folder / folder_of(check.name) if folder else mine.bisect_to
        deep = replace(
            mine,
            layers=mine.layers or request.layers,
            no_layers=mine.no_layers or request.no_layers,
            bisect=mine.bisect or request.bisect,
            bisect_to=own,
        )
        return replace(check, request=deep)

    return [one(check) for check in checks]


def _groups(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Entries of one name that say that they hold the same weights and give outputs of the same kinds."""
    every = sorted(entries, key=order)
    seen: set[str] = set()
    for entry in every:
        if entry.id in seen:
            continue
        others = tuple(other for other in every if other.name == entry.name and other is not entry)
        group = list(siblings(Choice(entry, others, exact=False)))
        seen |= {one.id for one in group}
        yield group


def run(checks: Sequence[Listed], manner: Manner, console: Console, access: Access) -> list[Finished]:
    """All checks, `jobs` at a time, in their own order; on Ctrl-C the workers are told to stop and nothing is left.

    What is done by then is remembered, unless the cache is switched off.
    """
    stop = Event()
    with ThreadPoolExecutor(max_workers=manner.jobs, thread_name_prefix="check") as pool:
        futures = {pool.submit(_one, check, manner, console, access, stop.is_set): check for check in checks}
        try:
            _tell(futures, console)
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return _attested([future.result() for future in futures], console)


def _attested(finished: Sequence[Finished], console: Console) -> list[Finished]:
    """Certificates when all checks are done, in their order: no file changes while another check reads it.

    A file has one certificate: that of the first check that says yes of it.
    """
    taken: set[Path] = set()
    return [_certified(one, taken, console) for one in finished]


def _certified(one: Finished, taken: set[Path], console: Console) -> Finished:
    if one.done is None:
        return one
    account = one.account
    for path in one.before:
        if path.resolve() in taken:
            console.note(f"{account.name}: {path} has the certificate of an earlier check of this list")
    left = {path: sha256 for path, sha256 in one.before.items() if path.resolve() not in taken}
    try:
        written = attesting.attest(one.done, dict(account.report), left)
    except Diagnostic as fault:
        report = refused(one.done.prepared.request, fault).report
        return Finished(account._replace(report=report), f"error[{fault.code}]: {fault}")
    taken |= {Path(item["file"]).resolve() for item in written}
    for item in written:
        console.note(f"{account.name}: {item['file']} has its certificate, and {item['sidecar']} lies beside it")
    if account.status:
        console.note(f"{account.name}: no certificate is written: the check does not say yes")
    return replace(one, account=account._replace(report={**account.report, "attested": written}), done=None)


def _tell(futures: dict[Future[Finished], Listed], console: Console) -> None:
    began = time.monotonic()
    for count, future in enumerate(as_completed(futures), 1):
        account = future.result().account
        how = "remembered" if account.cached else f"{time.monotonic() - began:.0f} s"
        console.note(f"[{count}/{len(futures)}] {account.name}: {account.report['verdict']} ({how})")


def _one(check: Listed, manner: Manner, console: Console, access: Access, stop: Callable[[], bool]) -> Finished:
    attest = check.attest or manner.attest
    try:
        prepared = prepare(check.request, console, access)
        name = memory.key(prepared)
        kept = memory.recall(name) if manner.cache and not attest else None
        if kept is not None and not (check.request.bisect and kept["report"]["status"]):  # its files are to be written
            return Finished(Account(check.name, kept["report"], cached=True, place=check.place), kept["text"])
        able = check.attest or (manner.attest and attesting.targets(prepared.plan))
        before = attesting.demand_targets(prepared.plan) if able else {}
        done = perform(prepared, stop)
    except Diagnostic as fault:
        account = refused(check.request, fault)
        return Finished(account._replace(name=check.name, place=check.place), f"error[{fault.code}]: {fault}")
    report = json.loads(document("parity", accounted(done, detailed=True)))
    text = human(done.report)
    if manner.cache:
        memory.keep(name, report, text)
    return Finished(Account(check.name, report, place=check.place), text, done if before else None, before)


def told(finished: Sequence[Finished]) -> str:
    """A line a check; then, of those that do not say yes, everything."""
    rows = [
        (one.account.name, one.account.report["verdict"], "yes" if one.account.cached else "",
         one.account.report["explanation"])
        for one in finished
    ]  # fmt: skip
    parts = [table(("check", "verdict", "remembered", ""), rows, width=120)]
    parts += [f"{one.account.name}\n{one.text}" for one in finished if one.account.status]
    yes = sum(not one.account.status for one in finished)
    return "\n\n".join([*parts, f"{yes} of {len(finished)} checks say yes."])
