"""`zoo pull ID...`: bring published models into the store, verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.commands.arguments import names
from zoo.console import Console

if TYPE_CHECKING:
    from zoo.catalog.lock import Lock
    from zoo.catalog.schema import Entry
    from zoo.supply.download import Brought, Step
    from zoo.supply.store import Store

STYLES = ("auto", "plain", "json", "none")


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), help="Also copy the files to OUT/ID/.")
@click.option("--every", is_flag=True, help="Of a name: also the same weights in every other format.")
@click.option("--extras", is_flag=True, help="Also the files that the network runs without (mean images, test data).")
@click.option("--lock", is_flag=True, help="Write the sha256 of every file to ./zoo.lock.")
@click.option("--allow-license", "policy", metavar="NAMES", envvar="ZOO_ALLOW_LICENSE",
              help="Refuse other licences: SPDX names, or commercial.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 32), default=4, show_default=True, help="Files that come at a time.")
@click.option("--ca-bundle", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Certificates that https servers are checked against.")  # fmt: skip
@click.option("--progress", type=click.Choice(STYLES), default="auto", help="Bars, lines or JSON events on stderr.")
@click.option(
    "--offline", is_flag=True, help="Use what the store has; open no connection (ZOO_OFFLINE=1 says the same)."
)
@click.option(
    "--trust-first-use", is_flag=True, help="Accept files without a published checksum, and demand them ever after."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def pull(
    ids: tuple[str, ...],
    out: Path | None,
    policy: str | None,
    jobs: int,
    ca_bundle: Path | None,
    progress: str,
    *,
    every: bool,
    extras: bool,
    lock: bool,
    offline: bool,
    trust_first_use: bool,
    as_json: bool,
) -> None:
    """Bring published models into the store, verified.

    ID is a model of one publisher (resnet50@torchvision) or a name (resnet50), which means its documented default; a
    pin (resnet50@torchvision@sha256:0676ba61) demands bytes. Without ID, everything in ./zoo.lock.
    """
    from zoo.catalog import lock as locks
    from zoo.catalog.policy import require
    from zoo.supply.download import apply
    from zoo.supply.store import Store, default_root
    from zoo.supply.transit import Network

    console = Console("json" if as_json else "human", progress=progress)
    place = Path(locks.NAME)
    held = locks.read(place)
    entries = {entry.id: entry for entry in _entries(ids, held, console, every=every)}
    require(entries.values(), names(policy))
    store = Store(default_root())
    steps = _steps(entries, store, extras=extras)
    brought = apply(
        steps, store, console=console, offline=offline, trust_first_use=trust_first_use,
        network=Network(ca_bundle=ca_bundle), jobs=jobs,
    )  # fmt: skip
    if lock:
        locks.write(place, locks.extended(held, brought))
        console.note(f"{place}: {len(brought)} file(s) of {len(entries)} model(s) are locked")
    for name in dict.fromkeys(item.entry_id for item in brought if item.fetched):
        console.note(f"{name}: licence as published: {entries[name].licence.published}")
    places = {item: _copied(item, out) for item in brought}
    console.result("pull", _payload(entries, places), lambda: _human(places))


def _entries(ids: Sequence[str], lock: Lock, console: Console, *, every: bool) -> list[Entry]:
    from zoo.catalog.artifact import say_default
    from zoo.catalog.lock import NAME, obeyed
    from zoo.catalog.naming import siblings
    from zoo.catalog.registry import load
    from zoo.catalog.schema import Entry
    from zoo.diagnostics import UsageFault

    wanted = ids or tuple(lock.models)
    if not wanted:
        raise UsageFault("no-id", f"no ID is given, and there is no {NAME} here", hint="zoo ls shows every model")
    registry, found = load(), list[Entry]()
    for name in wanted:
        choice = registry.pick(name)
        if not every:
            say_default(choice, name, console)
        found += siblings(choice) if every else (choice.entry,)
    return [obeyed(entry, lock) for entry in found]


def _steps(entries: Mapping[str, Entry], store: Store, *, extras: bool) -> list[Step]:
    from zoo.supply.download import plan

    return [step for entry in entries.values() for step in plan(entry, store, extras=extras)]


def _copied(item: Brought, out: Path | None) -> Path:
    from zoo.diagnostics import OutputFault, Where
    from zoo.supply.store import copy_whole

    if out is None:
        return item.path
    target = out / item.entry_id / item.file.name
    try:
        copy_whole(item.path, target)
    except OSError as error:
        raise OutputFault("unwritable", error.strerror or str(error), where=Where(str(target))) from error
    return target


def _payload(entries: Mapping[str, Entry], places: Mapping[Brought, Path]) -> dict[str, object]:
    from zoo.catalog.plain import values

    return {
        "files": [
            {
                "id": item.entry_id,
                "role": item.file.role,
                "name": item.file.name,
                "state": "fetched" if item.fetched else "kept",
                "source": item.record.source,
                "bytes": item.record.size,
                "sha256": item.record.sha256,
                "path": str(path),
            }
            for item, path in places.items()
        ],
        "licences": {entry.id: values(entry.licence) for entry in entries.values()},
    }


def _human(places: Mapping[Brought, Path]) -> str:
    lines = []
    for item, path in places.items():
        state = "fetched" if item.fetched else "kept"
        lines += [
            f"{item.entry_id}: {state} {item.file.name}, {item.record.size:,} bytes, sha256 {item.record.sha256}",
            f"  from {item.record.source}",
            f"  at   {path}",
        ]
    return "\n".join(lines)
