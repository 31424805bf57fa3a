"""`zoo inspect`: what is in a file, before anything is done with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from converters import Inspection
    from converters.tree import Entry
    from zoo.catalog.artifact import Artifact

REFUSED = 3


@click.command("inspect")
@click.argument("source", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--support", is_flag=True, help="Say whether it can be converted, with all blockers at once: 0 or 3.")
@click.option("--offline", is_flag=True, help="Use what the store holds; never open a socket.")
@click.option("--trust-first-use", is_flag=True, help="Accept files of which nobody published a checksum.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def inspect(*, source: tuple[str, ...], support: bool, offline: bool, trust_first_use: bool, as_json: bool) -> int:
    """Say what SOURCE holds: its format, inputs, outputs, layers and tensors.

    SOURCE is a registry id or the files of one artifact. With --support the question is only whether zoo can convert
    it, and everything that stands in the way is listed.
    """
    import converters
    from zoo.catalog.artifact import resolve
    from zoo.console import Console
    from zoo.relocate.devices import devices

    console = Console("json" if as_json else "human")
    artifacts = resolve(source, console=console, offline=offline, trust_first_use=trust_first_use, every=True)
    found = [(artifact, converters.inspect(tuple(artifact.files.values()), support=support)) for artifact in artifacts]
    text = _support if support else _contents
    places = {artifact.label: None if support else devices(artifact.files.values()) for artifact, _ in found}
    console.result(
        "inspection",
        {"artifacts": [_payload(artifact, inspection, places[artifact.label]) for artifact, inspection in found]},
        lambda: "\n\n".join(
            f"{artifact.label}: {text(inspection)}{_places(places[artifact.label])}" for artifact, inspection in found
        ),
    )
    return REFUSED if support and any(inspection.blockers for _, inspection in found) else 0


def _places(found: Mapping[str, int] | None) -> str:
    """Where the tensors are: `12 tensors on cuda:0, 3 tensors on cuda:1`; nothing where the format does not say."""
    if not found:
        return ""
    return "\n\n" + ", ".join(f"{_count(number, 'tensor')} on {device}" for device, number in found.items())


def _payload(artifact: Artifact, found: Inspection, places: Mapping[str, int] | None) -> dict[str, object]:
    return {
        "artifact": artifact.label,
        "format": found.format,
        "title": found.title,
        "files": {role: str(Path(path)) for role, path in artifact.files.items()},
        "inputs": [{"name": name, "shape": list(shape)} for name, shape in found.inputs.items()],
        "outputs": list(found.outputs),
        "layers": dict(found.kinds),
        "tensors": [
            {"name": tensor.name, "layer": tensor.layer, "shape": list(tensor.shape), "dtype": tensor.dtype,
             "bytes": tensor.bytes}
            for tensor in found.tensors
        ],
        "parameters": _parameters(found),
        "devices": None if places is None else dict(places),
        "tree": [_entry(entry) for entry in found.tree],
        "convertible": not found.blockers if found.checked else None,
        "blockers": list(found.blockers),
    }  # fmt: skip


def _entry(entry: Entry) -> dict[str, object]:
    plain = {"depth": entry.depth, "name": entry.name, "what": entry.what, "path": entry.path}
    if entry.shape is None:
        return plain
    return {**plain, "shape": list(entry.shape), "dtype": entry.dtype, "bytes": entry.bytes}


def _parameters(found: Inspection) -> int:
    from math import prod

    return sum(prod(tensor.shape) for tensor in found.tensors)


def _contents(found: Inspection) -> str:
    from zoo.console import table

    if found.tree:
        return f"{found.title}\n\n{_tree(found)}"
    size = sum(tensor.bytes for tensor in found.tensors)
    counts = f"{_count(sum(found.kinds.values()), 'layer')}, {_count(len(found.tensors), 'tensor')}"
    blocks = [f"{found.title}\n{counts}, {_parameters(found):,} parameters, {size:,} bytes"]
    if found.inputs:
        blocks.append(table(("input", "shape"), [(name, _dims(shape)) for name, shape in found.inputs.items()]))
    if found.outputs:
        blocks.append(table(("output",), [(name,) for name in found.outputs]))
    if found.kinds:
        kinds = sorted(found.kinds.items(), key=lambda item: (-item[1], item[0]))
        blocks.append(table(("layer", "count"), [(kind, str(count)) for kind, count in kinds]))
    if found.tensors:
        cells = [(t.name, _dims(t.shape), t.dtype, f"{t.bytes:,}") for t in found.tensors]
        blocks.append(table(("tensor", "shape", "type", "bytes"), cells))
    return "\n\n".join(blocks)


def _tree(found: Inspection) -> str:
    from zoo.console import table

    rows = []
    for entry in found.tree:
        shape, size = ("", "") if entry.shape is None else (_dims(entry.shape), f"{entry.bytes:,}")
        rows.append((f"{'  ' * entry.depth}{entry.name}", entry.what, shape, size))
    return table(("name", "what", "shape", "bytes"), rows)


def _support(found: Inspection) -> str:
    if not found.blockers:
        return "can be converted"
    lines = [f"cannot be converted, {_count(len(found.blockers), 'reason')}:"]
    for blocker in found.blockers:
        lines += [f"  {line}" for line in blocker.splitlines()]
    return "\n".join(lines)


def _dims(shape: tuple[int | str | None, ...]) -> str:
    return " x ".join("?" if size is None else str(size) for size in shape) or "scalar"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
