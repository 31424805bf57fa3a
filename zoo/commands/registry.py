"""`zoo registry`: registries of one's own, beside the shipped one."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.console import Console


@click.group()
def registry() -> None:
    """Look after registries of your own, which count beside the shipped one."""


@registry.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def list_(*, as_json: bool) -> None:
    """Print which registries count, in the order in which they are read."""
    from zoo.catalog.layers import paths
    from zoo.catalog.registry import shipped

    found = [str(path) for path in (shipped(), *paths())]
    Console("json" if as_json else "human").result("registry-list", {"paths": found}, lambda: "\n".join(found))


@registry.command()
@click.option("--json", "as_json", is_flag=True, help="Print it inside a JSON document of zoo, under `json_schema`.")
def schema(*, as_json: bool) -> None:
    """Print the format of a registry as JSON Schema, for editors."""
    import json

    from zoo.catalog.published import json_schema

    found = json_schema()
    text = json.dumps(found, indent=1, sort_keys=True)
    Console("json" if as_json else "human").result("registry-schema", {"json_schema": found}, lambda: text)


@registry.command()
@click.argument("sources", metavar="URL|FILE...", nargs=-1, required=True)
@click.option("--id", "id_", metavar="NAME@SOURCE", help="The entry's id; else made of the file's name and format.")
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="The registry; else your own.")
@click.option("--family", metavar="NAME", help="resnet, vgg, ...")
@click.option("--task", metavar="NAME", help="image-classification, ...")
@click.option("--publisher", metavar="TEXT", help="Who put these bytes into the world.")
@click.option("--licence", metavar="TEXT", help="What the publisher says of the licence.")
@click.option("--spdx", metavar="NAME", help="The SPDX name of that licence.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def add(sources: tuple[str, ...], id_: str | None, target: Path | None, *, as_json: bool, **said: str | None) -> None:
    """Write an entry for the files of one network: fetched once, hashed, and sniffed for their format."""
    from zoo.catalog.addition import add as write
    from zoo.catalog.addition import entry_of, fetched
    from zoo.catalog.layers import user_path
    from zoo.catalog.plain import is_none, values
    from zoo.diagnostics import TransferFault
    from zoo.supply.sources import MirrorFailure
    from zoo.supply.store import Store, default_root
    from zoo.supply.transit import Transit

    console, store = Console("json" if as_json else "human"), Store(default_root())
    try:
        with Transit(store.staging, note=console.note) as transit:
            pieces = [fetched(source, transit, store) for source in sources]
    except MirrorFailure as failure:
        raise TransferFault("no-mirror", f"{' '.join(sources)}: {failure}") from failure
    place = target or user_path()
    entry = write(place, entry_of(pieces, {"id": id_, **said}))
    payload = {"registry": str(place), "entry": values(entry, is_none)}
    console.result("registry-add", payload, lambda: f"{entry.id} stands in {place}; zoo show {entry.id}")
