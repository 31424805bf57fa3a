"""`zoo cache`: look after the store of downloaded files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from zoo.console import Console, table

if TYPE_CHECKING:
    from zoo.supply.remembered import Kept
    from zoo.supply.store import Store

_GRACE = 1 / 24  # days that an object may wait for its name: another process may be about to give it one
DAMAGED = 4  # the exit status of lost integrity


@click.group()
def cache() -> None:
    """Look after the store of downloaded files."""


@cache.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def path(*, as_json: bool) -> None:
    """Print where the store lies (ZOO_HOME, or the user's cache folder)."""
    root = _store().root
    _console(as_json=as_json).result("cache-path", {"path": str(root)}, lambda: str(root))


@cache.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(*, as_json: bool) -> int:
    """Read every object and compare it with its name; exit status 4 when one was altered."""
    store, console = _store(), _console(as_json=as_json)
    owners = _owners(store)
    rows: list[tuple[str, str, str]] = []
    for sha256, _place in store.objects():
        rows.append((store.state(sha256, thorough=True), sha256, ", ".join(sorted(owners.get(sha256, ())))))
    objects = [{"state": state, "sha256": sha256, "models": models} for state, sha256, models in rows]
    console.result("cache-verify", {"objects": objects}, lambda: table(("state", "sha256", "models"), rows))
    damaged = [row for row in rows if row[0] != "whole"]
    if damaged:
        console.note(f"{len(damaged)} object(s) were altered; zoo pull brings them again")
    return DAMAGED if damaged else 0


@cache.command()
@click.option(
    "--older-than",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    help="Also models and whatever is remembered of checks, not used for DAYS days.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def prune(older_than: float | None, *, dry_run: bool, as_json: bool) -> None:
    """Remove unfinished downloads, objects that no model uses, and remembered checks over their bounds.

    Pinned models stay.
    """
    store = _store()
    waste = find_waste(store, older_than)
    if not dry_run:
        _remove(store, waste)
    payload = {
        "models": waste.models,
        "objects": list(waste.objects),
        "remembered": len(waste.remembered),
        "bytes": waste.size,
        "dry_run": dry_run,
    }
    verb = "would free" if dry_run else "freed"
    text = "\n".join([*waste.models, f"{verb} {waste.size:,} bytes ({_counted(waste)})"])
    _console(as_json=as_json).result("cache-prune", payload, lambda: text)


@cache.command()
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--remove", is_flag=True, help="Lift the pin.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def pin(ids: tuple[str, ...], *, remove: bool, as_json: bool) -> None:
    """Keep models through prune; without ID, list the pins."""
    from zoo.catalog.registry import load

    store = _store()
    if ids:
        registry = load()
        for entry in (entry for name in ids for entry in registry.find(name)):
            store.pin(entry.id, pinned=not remove)
    pins = sorted(store.pins())
    _console(as_json=as_json).result("cache-pin", {"pins": pins}, lambda: "\n".join(pins) or "nothing is pinned")


@dataclass(frozen=True)
class Waste:
    """What prune removes: whole models, objects without an owner, unfinished downloads, remembered checks."""

    models: tuple[str, ...]
    objects: tuple[str, ...]
    size: int
    remembered: tuple[Kept, ...] = ()


def _counted(waste: Waste) -> str:
    objects = f"{len(waste.objects)} objects"
    return (
        f"{objects}, {len(waste.remembered)} remembered floors, looks inside and reports"
        if waste.remembered
        else objects
    )


def find_waste(store: Store, older_than: float | None) -> Waste:
    """What may go; a pure reading of the store."""
    from zoo.supply.remembered import excess
    from zoo.supply.staging import leftovers
    from zoo.supply.store import age_days

    models = tuple(
        name
        for name in store.models()
        if older_than is not None and name not in store.pins() and age_days(store.last_used(name)) >= older_than
    )
    kept = {record.sha256 for name, files in store.models().items() if name not in models for record in files.values()}
    going = {record.sha256 for name in models for record in store.models()[name].values()}
    objects = {
        sha256: place.stat().st_size
        for sha256, place in store.objects()
        if sha256 not in kept and (sha256 in going or age_days(place.stat().st_mtime) >= _GRACE)
    }
    unfinished = sum(place.stat().st_size for place in leftovers(store.staging))
    remembered = tuple(excess(older_than))
    size = sum(objects.values()) + unfinished + sum(one.size for one in remembered)
    return Waste(models, tuple(objects), size, remembered)


def _remove(store: Store, waste: Waste) -> None:
    from zoo.supply.remembered import remove
    from zoo.supply.staging import sweep

    for one in waste.remembered:
        remove(one)
    for name in waste.models:
        store.forget(name)
    for sha256 in waste.objects:
        store.remove(sha256)
    sweep(store.staging)


def _owners(store: Store) -> Mapping[str, set[str]]:
    owners: dict[str, set[str]] = {}
    for name, files in store.models().items():
        for record in files.values():
            owners.setdefault(record.sha256, set()).add(name)
    return owners


def _store() -> Store:
    from zoo.supply.store import Store, default_root

    return Store(default_root())


def _console(*, as_json: bool) -> Console:
    return Console("json" if as_json else "human")
