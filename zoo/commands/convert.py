"""zoo convert: from one format to another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.diagnostics import UsageFault

if TYPE_CHECKING:
    from converters.hub.report import Report
    from zoo.catalog.schema import Entry

SUFFIXES = {"onnx": ".onnx", "torch7": ".t7", "npy": ".npy"}
"""What a file is called; the other formats write a folder or files with a common prefix."""
TARGETS = ("onnx", "caffe", "mxnet", "torch", "torch7", "npy")


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--to", type=click.Choice(TARGETS), required=True, help="The format to write.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="What to write: a file, for Caffe a folder; default: named after the source.",
)
@click.option(
    "--input", "inputs", multiple=True, metavar="[NAME:]DIMS", help="An input's shape, such as data:1,3,224,224."
)
@click.option("--outputs", metavar="NAMES", help="Compute these values only (separated by commas).")
@click.option("--cut-at", metavar="NAMES", help="Leave out everything that is computed from these values.")
@click.option("--key", metavar="KEY", help="Which of several models in the file, such as state.net.")
@click.option("--arch", metavar="NAME", help="The architecture of a file of weights; default: what its tensors fit.")
@click.option("--batch", metavar="N|dynamic", help="The batch size; default: dynamic where the network allows it.")
@click.option("--opset", type=click.IntRange(min=7), help="ONNX operator set; default: the hub's own.")
@click.option(
    "--dialect",
    metavar="NAME",
    help="Caffe: the fork to write (bvlc, ssd) or to read (bvlc, deeplab, faceboxes, pspnet, segnet, ssd). "
    "Torch7: what to write (auto, nn, nngraph).",
)
@click.option("--allow-missing", is_flag=True, help="Fill weights that the file lacks as the framework would start.")
@click.option("--init", type=click.IntRange(min=0), metavar="SEED", help="Draw weights for a graph that has none.")
@click.option("--phase", type=click.Choice(("TEST", "TRAIN")), help="Caffe: the phase whose layers are converted.")
@click.option("--stage", multiple=True, metavar="NAME", help="Caffe: a stage that is on.")
@click.option("--proto", type=click.Path(path_type=Path), metavar="FILE", help="Caffe: a fork's own caffe.proto.")
@click.option("--external-data", is_flag=True, help="Write the weights to a second file, <output>.data.")
@click.option("--trust", is_flag=True, help="PyTorch: run the code of a graph file or module, to export its graph.")
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="PyTorch: the weights of a SOURCE that is code, package.module:Net.",
)
@click.option(
    "--import-path",
    "import_path",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help="PyTorch: where package.module is imported from; default: the current folder.",
)
@click.option("--single-file", is_flag=True, help="PyTorch: write an ExportedProgram, one .pt2 file.")
@click.option("--offline", is_flag=True, help="Open no socket.")
@click.option("--trust-first-use", is_flag=True, help="Accept a download for which no checksum is published.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def convert(
    *,
    sources: tuple[str, ...],
    to: str,
    output: Path | None,
    inputs: tuple[str, ...],
    outputs: str | None,
    cut_at: str | None,
    key: str | None,
    arch: str | None,
    batch: str | None,
    opset: int | None,
    dialect: str | None,
    allow_missing: bool,
    init: int | None,
    phase: str | None,
    stage: tuple[str, ...],
    proto: Path | None,
    external_data: bool,
    trust: bool,
    weights: Path | None,
    import_path: tuple[Path, ...],
    single_file: bool,
    offline: bool,
    trust_first_use: bool,
    as_json: bool,
) -> None:
    """Convert a model: a registry id, or the files of one artifact (deploy.prototxt net.caffemodel)."""
    import converters
    from zoo.commands.arguments import batch_size, names
    from zoo.console import Console
    from zoo.dims import shapes
    from zoo.export.opening import Pulling, Wish, opened

    console = Console("json" if as_json else "human")
    wish = Wish(shapes(inputs), batch_size(batch), key, trust, weights, import_path, arch)
    written = _written(to, dialect)
    with opened(sources, wish, console, Pulling(offline, trust_first_use)) as source:
        out = output or Path(f"{source.stem}{'.pt2' if single_file else SUFFIXES.get(to, '')}")
        options = converters.Options(
            inputs=source.shapes, outputs=names(outputs), cut_at=names(cut_at), batch=source.batch,
            allow_missing=allow_missing, init=init, key=source.key,
            settings=_given(
                arch=arch, phase=phase, stage=stage, proto=proto, dialect=None if written else dialect
            ),
        )  # fmt: skip
        report = _writer(to, single_file=single_file)(
            source.paths, to, out, options=options, metadata=_metadata(source.entry), opset=opset,
            external_data=external_data, dialect=written, origin=source.origin,
        )  # fmt: skip
    console.result("convert-report", report.document(), lambda: _summary(report, out))


def _writer(to: str, *, single_file: bool) -> Callable[..., Report]:
    """What writes the target: converters, or PyTorch where it must be asked."""
    if not single_file:
        from converters import convert as plain

        return plain
    if to != "torch":
        raise UsageFault("unsuited-option", f"--single-file says nothing about {to}")
    from zoo.export.program import convert as exported

    return exported


def _written(to: str, dialect: str | None) -> str | None:
    """The dialect, where it is one of the target's; any other is the source's, unless both would be Caffe."""
    from converters import formats

    card = formats().get(to)
    return dialect if to == "caffe" or (card is not None and dialect in card.dialects) else None


def _given(**settings: object) -> dict[str, object]:
    """The options of single formats that were typed."""
    return {name: value for name, value in settings.items() if value not in (None, ())}


def _metadata(entry: Entry | None) -> dict[str, str]:
    """What a user of the ONNX file must know to feed it and to read its answers."""
    if entry is None:
        return {}
    from zoo.catalog.card import metadata

    return metadata(entry)


def _summary(report: Report, out: Path) -> str:
    layers, nodes = sum(report.kinds.values()), sum(map(len, report.mapped.values())) - len(report.fused)
    steps = [f"{layers} layers of {report.source_format}"] if layers else []
    steps += [f"{nodes or len(report.written)} ONNX nodes"] if nodes or report.written else []
    if report.written:
        steps.append(
            f"{len({name for made in report.written.values() for name in made})} layers of {report.target_format}"
        )
    lines = [f"{out}: {' -> '.join(steps) or 'the model as it is'}"]
    if report.fused:
        name, into = next(iter(report.fused.items()))
        lines.append(f"  merged   {len(report.fused)} nodes into others, the first: {name} into {into}")
    reasons = sorted(set(report.dropped.values()))
    lines += [f"  dropped  {_names(report.dropped, reason)}: {reason}" for reason in reasons]
    lines += [f"  unused   {name}: in the weights file, not in the network" for name in report.unused]
    lines += [f"  filled   {name}: {how}" for name, how in report.filled.items()]
    lines += [f"  note     {note}" for note in report.notes]
    lines += [f"  sha256   {digest}  {name}" for name, digest in report.outputs.items()]
    return "\n".join(lines)


def _names(dropped: dict[str, str], reason: str) -> str:
    names = [name for name, why in dropped.items() if why == reason]
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2} more"
