"""What a person typed -> files that converters read: as they are, or through PyTorch where they are code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.diagnostics import UsageFault

if TYPE_CHECKING:
    from converters import Origin
    from zoo.catalog.artifact import Artifact
    from zoo.catalog.schema import Entry
    from zoo.console import Console
    from zoo.export.coded import Coded
    from zoo.export.network import Shapes


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked of a source: the options that matter when it is code."""

    shapes: Shapes = field(default_factory=dict)
    batch: int | str | None = None
    key: str | None = None
    trust: bool = False
    weights: Path | None = None
    path: tuple[Path, ...] = ()
    arch: str | None = None


@dataclass(frozen=True, slots=True)
class Pulling:
    """How files of the registry may be brought."""

    offline: bool
    trust_first_use: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """Files to convert; what `Options` still has to say of them; where they came from when they were exported."""

    paths: Sequence[Path]
    stem: str
    shapes: Shapes
    batch: int | str | None
    key: str | None = None
    entry: Entry | None = None
    origin: Origin | None = None


@contextmanager
def opened(sources: Sequence[str], wish: Wish, console: Console, pulling: Pulling) -> Iterator[Ready]:
    """The files that SOURCE names, or the ONNX file that PyTorch makes of them, which lives as long as the block.

    Code runs only with `wish.trust`; Diagnostic `untrusted-code` otherwise.
    """
    from zoo.export import coded

    address = coded.address(sources)
    if address is None:
        if wish.weights or wish.path:
            raise UsageFault(
                "unsuited-option", "--weights and --import-path belong to a SOURCE like package.module:Net"
            )
        artifact = _artifact(sources, console, pulling)
        source = coded.graph_file(artifact.files) if artifact.format == "torch" and wish.arch is None else None
        if source is None:
            weights = artifact.files.get("weights") or next(iter(artifact.files.values()))
            stem = artifact.entry.name if artifact.entry is not None else weights.name.split(".")[0]
            paths = list(artifact.files.values())
            yield Ready(paths, stem, wish.shapes or _said(artifact.entry), wish.batch, wish.key, artifact.entry)
            return
        entry = artifact.entry
    else:
        source, entry = coded.module(address, wish.weights, wish.path), None
    coded.demand_trust(source, trusted=wish.trust)
    with _exported(source, wish, console, entry) as ready:
        yield ready


def _said(entry: Entry | None) -> Shapes:
    """The inputs' shapes as the card has them, for a format whose own graph says none."""
    if entry is None or entry.format != "mxnet" or not any(file.role == "graph" for file in entry.files):
        return {}
    return {spec.name: spec.shape for spec in entry.inputs}


@contextmanager
def _exported(source: Coded, wish: Wish, console: Console, entry: Entry | None) -> Iterator[Ready]:
    from converters import Origin
    from zoo.export.coded import warning
    from zoo.export.network import as_onnx

    if wish.key is not None and "weights" not in source.files:
        raise UsageFault("unsuited-option", "--key picks among the networks of a file of weights")
    console.note(warning(source))
    batch = wish.batch
    with as_onnx(source, shapes=wish.shapes, batch=batch, key=wish.key) as (made, notes):
        if source.kind != "program":
            batch = None  # settled by the export
        origin = Origin("torch", source.files, notes, made.versions)
        yield Ready([made.path], source.stem, {}, batch, None, entry, origin)


def _artifact(sources: Sequence[str], console: Console, pulling: Pulling) -> Artifact:
    from zoo.catalog.artifact import resolve

    found = resolve(sources, console=console, offline=pulling.offline, trust_first_use=pulling.trust_first_use)
    if len(found) != 1:
        ids = ", ".join(artifact.label for artifact in found)
        raise UsageFault("ambiguous-source", f"names {len(found)} artifacts: {ids}", hint="choose one of them")
    return found[0]
