"""`zoo bundle ID... -o F`: models in one file, for machines without a network."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.console import Console


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The bundle.")
@click.option("--extras", is_flag=True, help="Also the files that the network runs without.")
@click.option("--offline", is_flag=True, help="Use what the store has; open no connection.")
@click.option("--trust-first-use", is_flag=True, help="Accept files without a published checksum.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def bundle(
    ids: tuple[str, ...], output: Path, *, extras: bool, offline: bool, trust_first_use: bool, as_json: bool
) -> None:
    """Write models into one file that `zoo import` takes in; they are pulled when the store lacks them."""
    from zoo.catalog.artifact import say_default
    from zoo.catalog.registry import load
    from zoo.supply import bundle as bundles
    from zoo.supply.download import apply, plan
    from zoo.supply.store import Store, default_root

    console = Console("json" if as_json else "human")
    registry, store = load(), Store(default_root())
    entries = []
    for name in ids:
        choice = registry.pick(name)
        say_default(choice, name, console)
        entries.append(choice.entry)
    steps = [step for entry in entries for step in plan(entry, store, extras=extras)]
    brought = apply(steps, store, console=console, offline=offline, trust_first_use=trust_first_use)
    manifest = bundles.write(output, brought)
    size = output.stat().st_size
    payload = {"path": str(output), "bytes": size, "files": [packed.model_dump() for packed in manifest.files]}
    console.result("bundle", payload, lambda: f"{output}: {len(manifest.files)} files, {size:,} bytes")
