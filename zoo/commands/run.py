"""`zoo run`: one model on images or arrays, once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.console import Console, table
from zoo.diagnostics import OutputFault, UsageFault

if TYPE_CHECKING:
    from zoo.backends.host import Reply
    from zoo.backends.outcome import Summary
    from zoo.catalog.artifact import Artifact

_TIME_LIMIT = 1_800.0  # seconds for one forward pass, the start of the framework included


@click.command()
@click.argument("source", nargs=-1, required=True)
@click.option("--backend", metavar="NAME", help="Run it on this one; else on the first available one that reads it.")
@click.option("--input", "given", multiple=True, required=True, metavar="[NAME=]FILE", help="A .npy array or an image.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="OUT.npz (every output) or OUT.npy (the only).")
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="How many classes are shown.")
@click.option("--trust", is_flag=True, help="Let code inside the model's file run (TorchScript).")
@click.option("--offline", is_flag=True, help="Use only what the store holds.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def run(
    source: tuple[str, ...],
    *,
    backend: str | None,
    given: tuple[str, ...],
    output: Path | None,
    top: int,
    trust: bool,
    offline: bool,
    as_json: bool,
) -> None:
    """Run SOURCE, a registry id or the files of one model, on images or arrays."""
    from zoo.backends import forward

    console = Console("json" if as_json else "human")
    _check_target(output)
    artifact = _single(source, console, offline=offline)
    entry = artifact.entry
    inputs = forward.gather(given, entry.inputs if entry else ())
    way = forward.choose(artifact.format, backend)
    if way.convert:
        reader = f"{way.card.name} does not read" if backend else "no available backend reads"
        console.note(f"{reader} {artifact.format}: converting to ONNX for {way.card.name}")
    options = {"trust": True} if trust and "trust" in way.card.options else {}
    reply = forward.forward(artifact, way, inputs, options, _TIME_LIMIT)
    if output:
        _save(output, reply)
    summaries = _summaries(artifact, reply, top)
    payload = {
        "artifact": artifact.label,
        "backend": way.card.name,
        "converted": way.convert,
        "versions": dict(reply.versions),
        "settings": dict(reply.settings),
        "seconds": reply.seconds,
        "inputs": {name: list(array.shape) for name, array in inputs.items()},
        "outputs": [summary.payload() for summary in summaries],
        "saved": None if output is None else str(output),
    }
    console.result("run", payload, lambda: _text(summaries, output))


def _single(source: tuple[str, ...], console: Console, *, offline: bool) -> Artifact:
    from zoo.catalog.artifact import resolve

    found = resolve(source, console=console, offline=offline)
    if len(found) > 1:
        names = " or ".join(artifact.label for artifact in found)
        raise UsageFault("several-models", f"{' '.join(source)} means {len(found)} models", hint=f"say which: {names}")
    return found[0]


def _check_target(output: Path | None) -> None:
    """What cannot be written is said before the model runs."""
    if output is None:
        return
    if output.suffix not in {".npz", ".npy"}:
        raise UsageFault("output-kind", f"{output}: outputs are saved as .npz (all of them) or .npy (the only one)")
    if not output.absolute().parent.is_dir():
        raise OutputFault("output", f"{output} cannot be written: there is no folder {output.parent}")


def _save(output: Path, reply: Reply) -> None:
    from zoo.backends import arrays

    if output.suffix == ".npy" and len(reply.outputs) != 1:
        names = ", ".join(reply.outputs)
        raise UsageFault("output-kind", f"{output} holds one array, the outputs are {names}", hint="-o OUT.npz")
    try:
        arrays.write(output, reply.outputs)
    except OSError as fault:
        raise OutputFault("output", f"{output} cannot be written ({fault.strerror or fault})") from None


def _summaries(artifact: Artifact, reply: Reply, top: int) -> list[Summary]:
    from zoo.backends.outcome import summarize

    specs = {spec.name: spec for spec in artifact.entry.outputs} if artifact.entry else {}
    summaries = []
    for name, array in reply.outputs.items():
        spec = specs.get(name)
        kind, names = (None, ()) if spec is None else (spec.kind, _labels(spec.labels))
        summaries.append(summarize(name, array, kind=kind, labels=names, count=top))
    return summaries


def _labels(name: str | None) -> tuple[str, ...]:
    if name is None:
        return ()
    from zoo.catalog.labels import labels

    return labels(name)


def _text(summaries: list[Summary], output: Path | None) -> str:
    blocks = []
    for summary in summaries:
        shape = " x ".join(map(str, summary.shape)) or "scalar"
        figures = f"min {summary.low:.6g}, mean {summary.mean:.6g}, max {summary.high:.6g}"
        blocks.append(f"{summary.name}: {shape} {summary.dtype}, {figures}")
        for item, row in enumerate(summary.top):
            rows = [(f"{found.value:.6f}", str(found.index), found.label or "") for found in row]
            title = "" if len(summary.top) == 1 else f"item {item}\n"
            blocks.append(title + table(("score", "class", "label"), rows))
    if output:
        blocks.append(f"saved to {output}")
    return "\n".join(blocks)
