"""`zoo ls`: the models that the registry knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo.console import Console, table

if TYPE_CHECKING:
    from zoo.catalog.schema import Entry
    from zoo.supply.store import Store

_FILTERS = ("format", "family", "architecture", "task")


@click.command()
@click.option("--format", "format_", metavar="NAME", help="Only this format: caffe, onnx, torch, ...")
@click.option("--family", metavar="NAME", help="Only this family: resnet, vgg, ...")
@click.option("--architecture", metavar="NAME", help="Only this architecture: resnet50, ...")
@click.option("--task", metavar="NAME", help="Only this task: image-classification, ...")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def ls(format_: str | None, family: str | None, architecture: str | None, task: str | None, *, as_json: bool) -> None:
    """List the models that the registry knows."""
    from zoo.catalog.registry import load
    from zoo.supply.store import Store, default_root

    wanted = dict(zip(_FILTERS, (format_, family, architecture, task), strict=True))
    everything = tuple(load().entries.values())
    _refuse_unknown(everything, wanted)
    entries = [
        entry
        for entry in everything
        if all(value is None or getattr(entry, name) == value for name, value in wanted.items())
    ]
    store = Store(default_root())
    rows = [_row(entry, here=_complete(entry, store)) for entry in entries]
    Console("json" if as_json else "human").result("ls", {"models": rows}, lambda: _human(rows))


def _refuse_unknown(entries: tuple[Entry, ...], wanted: dict[str, str | None]) -> None:
    """A filter that no entry meets is a typing mistake, not an empty list."""
    from zoo.diagnostics import UsageFault

    for name, value in wanted.items():
        known = sorted({getattr(entry, name) for entry in entries})
        if value is not None and value not in known:
            raise UsageFault("unknown-filter", f'no model has the {name} "{value}"', hint=f"known: {', '.join(known)}")


def _complete(entry: Entry, store: Store) -> bool:
    records = [store.record(entry.id, file.name) for file in entry.files]
    return all(record is not None and store.object_path(record.sha256).exists() for record in records)


def _row(entry: Entry, *, here: bool) -> dict[str, object]:
    return {
        "id": entry.id,
        "family": entry.family,
        "architecture": entry.architecture,
        "task": entry.task,
        "bytes": entry.size,
        "licence": entry.licence.spdx,
        "commercial": entry.licence.commercial,
        "here": here,
    }


def _human(rows: list[dict[str, object]]) -> str:
    header = ("model", "family", "task", "bytes", "licence", "commercial", "here")
    return table(header, [tuple(_cell(row["id" if name == "model" else name]) for name in header) for row in rows])


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, int):
        return f"{value:,}"
    return "unknown" if value is None else str(value)
