"""`zoo import F`: take the models of a bundle into the store."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.console import Console


@click.command(name="import")
@click.argument("path", metavar="BUNDLE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def import_(path: Path, *, as_json: bool) -> None:
    """Take the models of a bundle into the store; every checksum is verified, and no connection is opened."""
    from zoo.catalog.registry import load
    from zoo.supply import bundle
    from zoo.supply.store import Store, default_root

    manifest = bundle.read(path)
    places = list(bundle.take_in(path, manifest, load().entries, Store(default_root())))
    payload = {"files": [{**packed.model_dump(), "path": str(place)} for packed, place in places]}
    lines = [f"{packed.id}: {packed.name}, {packed.size:,} bytes, at {place}" for packed, place in places]
    Console("json" if as_json else "human").result("import", payload, lambda: "\n".join(lines))
