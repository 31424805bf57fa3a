"""`zoo pull ID...`: bring published models into the store, verified."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.console import Console

if TYPE_CHECKING:
    from zoo.catalog.schema import Entry
    from zoo.supply.download import Brought


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), help="Also copy the files to OUT/ID/.")
@click.option(
    "--offline", is_flag=True, help="Use what the store has; open no connection (ZOO_OFFLINE=1 says the same)."
)
@click.option(
    "--trust-first-use", is_flag=True, help="Accept files without a published checksum, and demand them ever after."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def pull(ids: tuple[str, ...], out: Path | None, *, offline: bool, trust_first_use: bool, as_json: bool) -> None:
    """Bring published models into the store, verified.

    ID is a model in one format (open-nsfw@caffe) or a model in every format that the registry has (open-nsfw).
    """
    from zoo.catalog.registry import load
    from zoo.supply.download import apply, plan
    from zoo.supply.store import Store, default_root

    console = Console("json" if as_json else "human")
    registry = load()
    entries = {entry.id: entry for name in ids for entry in registry.find(name)}
    store = Store(default_root())
    steps = [step for entry in entries.values() for step in plan(entry, store)]
    brought = apply(steps, store, console=console, offline=offline, trust_first_use=trust_first_use)
    places = {item: _copied(item, out) for item in brought}
    for entry in entries.values():
        if any(item.fetched and item.entry_id == entry.id for item in brought):
            console.note(f"{entry.id}: licence as published: {entry.licence.published}")
    console.result("pull", _payload(entries, places), lambda: _human(places))


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
        "licences": {entry.id: entry.licence.model_dump() for entry in entries.values()},
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
