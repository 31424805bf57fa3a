"""`zoo show ID`: the card of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from zoo.console import Console

if TYPE_CHECKING:
    from zoo.catalog.schema import Entry, File, InputSpec, OutputSpec


@click.command()
@click.argument("id_", metavar="[ID]", required=False)
@click.option(
    "--licenses", is_flag=True, help="Show only what the publishers say of licences; without ID, of all models."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def show(id_: str | None, *, licenses: bool, as_json: bool) -> None:
    """Show the card of one model: files, licence, inputs, outputs, published metrics, where the facts come from.

    A name shows its default and the same weights in other formats, and names the other publishers.
    """
    from zoo.catalog.plain import values
    from zoo.catalog.registry import load
    from zoo.diagnostics import UsageFault

    registry, console = load(), Console("json" if as_json else "human")
    if id_ is None and not licenses:
        raise UsageFault("no-id", "show needs an ID", hint="zoo ls shows every model")
    if licenses:
        chosen = registry.find(id_) if id_ else tuple(registry.entries.values())
        rows = _licences(chosen)
        console.result("licences", {"licences": rows}, lambda: _licence_text(rows))
        return
    choice = registry.pick(str(id_))
    entries = registry.find(str(id_))
    more = [other.id for other in choice.others if other not in entries]
    payload = {"models": [{"name": entry.name, **values(entry)} for entry in entries], "others": more}
    rest = f"\n\nother weights of that name: {', '.join(more)}" if more else ""
    console.result("show", payload, lambda: "\n\n".join(map(card, entries)) + rest)


def _licences(entries: Sequence[Entry]) -> list[dict[str, object]]:
    """What is published, each text once, with the models that it holds for."""
    found: dict[tuple[str, str | None, str], list[str]] = {}
    for entry in entries:
        licence = entry.licence
        found.setdefault((licence.commercial, licence.spdx, licence.published), []).append(entry.id)
    return [
        {"commercial": commercial, "spdx": spdx, "published": published, "models": ids}
        for (commercial, spdx, published), ids in sorted(found.items(), key=lambda item: str(item[0]))
    ]


def _licence_text(rows: Sequence[Mapping[str, object]]) -> str:
    lines = []
    for row in rows:
        ids = row["models"]
        assert isinstance(ids, list)
        lines += [
            f"{row['spdx'] or 'no SPDX name'}; commercial use: {row['commercial']}; {len(ids)} model(s)",
            f"  as published: {row['published']}",
            f"  {', '.join(ids[:4])}{' ...' if len(ids) > 4 else ''}",
        ]
    return "\n".join(lines)


def card(entry: Entry) -> str:
    """The entry as text for a person, one fact a line."""
    lines = [
        f"{entry.id}  ({entry.architecture}, {entry.task})",
        *_field("publisher", entry.publisher),
        *_field("licence", entry.licence.published),
        *_field("", f"SPDX {entry.licence.spdx or 'unknown'}; commercial use: {entry.licence.commercial}"),
    ]
    for file in entry.files:
        lines += _file(file)
    for file in entry.extras:
        lines += _file(file)
    for spec in entry.inputs:
        lines += _field("input", _input(spec))
        lines += _field("", spec.note)
    for output in entry.outputs:
        lines += _field("output", _output(output))
    for metric in entry.metrics:
        values = ", ".join(f"{name} {value:g}" for name, value in metric.values.items())
        lines += _field(
            "metric", f"{metric.dataset}: {values} ({'; '.join(filter(None, (metric.protocol, metric.source)))})"
        )
    lines += _field("paper", entry.paper)
    lines += _field("same weights", ", ".join(entry.provenance.same_weights_as) or None)
    lines += _field("made from", entry.provenance.made_from)
    lines += _field("notes", entry.notes)
    for fact in entry.facts:
        lines += _field("fact source", fact)
    return "\n".join(lines)


def _field(name: str, value: str | None) -> Iterator[str]:
    if value is not None:
        yield f"  {name:<13}{value}"


def _file(file: File) -> Iterator[str]:
    size = f"{file.size:,} bytes" if file.size is not None else "size unknown"
    yield from _field(file.role, f"{file.name}, {size}")
    for checksum in file.checksums:
        yield from _field("", f"{checksum.alg} {checksum.value} ({checksum.origin})")
    if file.unverified:
        yield from _field("", f"no published checksum: {file.unverified}")
    for mirror in file.mirrors:
        remarks = "; ".join(text for text in (mirror.status, mirror.note) if text)
        yield from _field("", f"from {mirror}" + (f" [{remarks}]" if remarks else ""))


def _input(spec: InputSpec) -> str:
    parts = [f"{spec.name} [{', '.join(map(str, spec.shape))}]", spec.layout, spec.color]
    if spec.resize is not None:
        size = spec.resize.size if isinstance(spec.resize.size, int) else "x".join(map(str, spec.resize.size))
        parts.append(f"resize {spec.resize.mode} {size} {spec.resize.interpolation}")
    if spec.crop is not None:
        parts.append(f"crop {spec.crop[0]}x{spec.crop[1]}")
    if spec.range is not None:
        parts.append(f"values {spec.range[0]:g} to {spec.range[1]:g}")
    for name, values in (("minus", spec.mean), ("divided by", spec.std)):
        if values is not None:
            parts.append(f"{name} {', '.join(f'{value:g}' for value in values)}")
    if spec.scale is not None:
        parts.append(f"times {spec.scale:g}")
    return "; ".join(part for part in parts if part)


def _output(output: OutputSpec) -> str:
    parts = [output.name, output.kind]
    if output.classes is not None:
        parts.append(f"{output.classes} classes" + (f" ({output.labels})" if output.labels else ""))
    return "; ".join(parts)
