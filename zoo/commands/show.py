"""`zoo show ID`: the card of a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from zoo.console import Console

if TYPE_CHECKING:
    from zoo.catalog.schema import Entry, File, InputSpec, OutputSpec


@click.command()
@click.argument("id_", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def show(id_: str, *, as_json: bool) -> None:
    """Show the card of one model: files, licence, inputs, outputs, published metrics, where the facts come from."""
    from zoo.catalog.registry import load

    entries = load().find(id_)
    payload = {
        "models": [{"name": entry.name, "format": entry.format, **entry.model_dump(mode="json")} for entry in entries]
    }
    Console("json" if as_json else "human").result("show", payload, lambda: "\n\n".join(map(card, entries)))


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
    for spec in entry.inputs:
        lines += _field("input", _input(spec))
    for output in entry.outputs:
        lines += _field("output", _output(output))
    for metric in entry.metrics:
        values = ", ".join(f"{name} {value:g}" for name, value in metric.values.items())
        lines += _field("metric", f"{metric.dataset}: {values} ({metric.protocol}; {metric.source})")
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
