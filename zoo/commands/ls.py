"""`zoo ls`: the models that the registry knows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from zoo.commands.arguments import names
from zoo.console import Console, table

if TYPE_CHECKING:
    from zoo.catalog.schema import Entry
    from zoo.supply.store import Store

_FILTERS = ("format", "family", "architecture", "task", "source")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


@click.command()
@click.option("--format", "format_", metavar="NAME", help="Only this format: caffe, onnx, torch, ...")
@click.option("--family", metavar="NAME", help="Only this family: resnet, vgg, ...")
@click.option("--architecture", metavar="NAME", help="Only this architecture: resnet50, ...")
@click.option("--task", metavar="NAME", help="Only this task: image-classification, ...")
@click.option("--source", metavar="NAME", help="Only this publisher, the part of the id after the @: torchvision, ...")
@click.option("--license", "policy", metavar="NAMES", help="Only these licences: SPDX names, or commercial.")
@click.option("--max-size", metavar="SIZE", help="Only models of known size up to SIZE bytes: 100M, 1.5G.")
@click.option("--min-top1", metavar="PERCENT", type=float, help="Only models with a published top-1 of at least that.")
@click.option("--here", is_flag=True, help="Only models that are in the store.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def ls(
    format_: str | None,
    policy: str | None,
    max_size: str | None,
    min_top1: float | None,
    *,
    here: bool,
    as_json: bool,
    **others: str | None,
) -> None:
    """List the models that the registry knows."""
    from zoo.catalog.policy import allowed
    from zoo.catalog.registry import load
    from zoo.supply.store import Store, default_root

    wanted = {"format": format_, **{name: others[name] for name in _FILTERS[1:]}}
    everything = tuple(load().entries.values())
    _refuse_unknown(everything, wanted)
    limit, licences = _size(max_size), names(policy)
    store = Store(default_root())
    rows = [
        _row(entry, here=_complete(entry, store))
        for entry in everything
        if all(value is None or getattr(entry, name) == value for name, value in wanted.items())
        and (limit is None or (entry.size is not None and entry.size <= limit))
        and (min_top1 is None or (top1(entry) or 0) >= min_top1)
        and (not licences or allowed(entry, licences))
    ]
    rows = [row for row in rows if row["here"] or not here]
    Console("json" if as_json else "human").result("ls", {"models": rows}, lambda: _human(rows))


def top1(entry: Entry) -> float | None:
    """The first published top-1 accuracy in percent: the publisher's own where there is one."""
    return next((metric.values["top1"] for metric in entry.metrics if "top1" in metric.values), None)


def _size(text: str | None) -> float | None:
    from zoo.diagnostics import UsageFault

    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)b?", text.strip().lower())
    if match is None:
        raise UsageFault("size", f"--max-size {text} is no size", hint="--max-size 100M")
    return float(match[1]) * _UNITS[match[2]]


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
        "format": entry.format,
        "family": entry.family,
        "architecture": entry.architecture,
        "task": entry.task,
        "bytes": entry.size,
        "licence": entry.licence.spdx,
        "commercial": entry.licence.commercial,
        "top1": top1(entry),
        "here": here,
    }


def _human(rows: list[dict[str, object]]) -> str:
    header = ("model", "format", "family", "bytes", "top1", "licence", "commercial", "here")
    return table(header, [tuple(_cell(row["id" if name == "model" else name]) for name in header) for row in rows])


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    return "unknown" if value is None else str(value)
