"""What the command line gives a parity check to act with: real workers, the converters, and the samples asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import converters
from zoo.backends import discovery, host
from zoo.backends.card import Card
from zoo.backends.exchange import Failed, Job, Reply
from zoo.catalog import artifact as artifacts
from zoo.catalog.artifact import Artifact
from zoo.console import Console
from zoo.diagnostics import Diagnostic
from zoo.parity import given
from zoo.parity.check import Means
from zoo.parity.domains import domains
from zoo.parity.feeding import Port, Samples, given_samples, more_samples, random_samples
from zoo.parity.memory import remembered
from zoo.parity.plan import HUB, Choice, Plan, Wanted, plan
from zoo.parity.subjects import Subject, short

Shapes = Mapping[str, tuple[int | str | None, ...]]
Made = TypeVar("Made")
TIME_LIMIT = 600.0  # seconds for one portion of samples in one backend


def planned(
    subjects: Sequence[Subject], choice: Choice, console: Console, *, offline: bool, trust_first_use: bool
) -> Plan:
    """Bring the files of all subjects here, ask which backends can run, and decide."""
    wanted = [
        Wanted(artifact, subject.backend)
        for subject in subjects
        for artifact in artifacts.resolve(
            subject.source, console=console, offline=offline, trust_first_use=trust_first_use, every=True
        )
    ]
    names = short([want.artifact.label for want in wanted])
    wanted = [replace(want, artifact=replace(want.artifact, label=names[want.artifact.label])) for want in wanted]
    backends = [(card, discovery.probe(card)) for card in discovery.backends()]
    return plan(wanted, backends, _readable(), choice)


def _readable() -> frozenset[str]:
    """The formats that converters turn into ONNX."""
    return frozenset(name for name, card in converters.formats().items() if card.ops is not None and name != HUB)


@dataclass(frozen=True, slots=True)
class Feeding:
    """Where the samples come from: a file of arrays, a folder of photos, or else a seed.

    `shapes` are those of inputs, by name, for files that do not say them; the name is empty for an only input.
    """

    inputs: Path | None = None
    images: Path | None = None
    seed: int = 0
    shapes: Shapes = field(default_factory=dict)


def means(feeding: Feeding) -> Means:
    """Workers in processes of their own, conversion by `converters`, input shapes from the registry or the files."""
    return Means(
        run=_run,
        convert=lambda source, folder: _convert(source, folder, feeding),
        ports=lambda artifact: _ports(artifact, feeding),
        sample=_sampler(feeding),
        more=more_samples,
        measure=remembered,
    )


def _run(card: Card, jobs: Sequence[Job], stop: Callable[[], bool]) -> Sequence[Reply | Failed]:
    return host.run_many(card, jobs, TIME_LIMIT, stop)


def _convert(source: Artifact, folder: Path, feeding: Feeding) -> Artifact:
    """The same artifact as an ONNX file in `folder`; its registry entry, if any, goes on describing it."""
    folder.mkdir()
    out = folder / "model.onnx"
    _shaped(lambda shapes: converters.convert(_files(source), "onnx", out, options=_options(shapes)), source, feeding)
    made = artifacts.from_paths([out])
    return Artifact(f"{source.label} -> onnx", made.format, made.files, source.entry, made.digests)


def _ports(artifact: Artifact, feeding: Feeding) -> tuple[Port, ...]:
    """Names and shapes from the registry entry; of files, and of what was converted, from the files themselves.

    A Torch7 file names no inputs, and an MXNet symbol seldom says their shapes: they are those of the conversion. Of a
    file that names none and cannot be converted they are those that somebody gave.
    """
    specs = {spec.name: spec for spec in artifact.entry.inputs} if artifact.entry else {}
    if artifact.entry and artifact.entry.inputs and artifact.format == artifact.entry.format:
        return tuple(Port(spec.name, spec.shape, spec) for spec in artifact.entry.inputs)
    found = _declared(artifact)
    if not found and artifact.format in _readable():
        try:
            model = _shaped(lambda shapes: converters.read(_files(artifact), _options(shapes)), artifact, feeding)
        except Diagnostic:
            if found is None:
                raise
            return tuple(Port(name or "input", ("N", *shape[1:])) for name, shape in feeding.shapes.items())
        found = {
            str(value.name): tuple(dim if isinstance(dim, int) else str(dim) for dim in value.shape or ())
            for value in model.ir.graph.inputs
        }
    found = found or {}
    known = domains(artifact.files["model"]) if artifact.format == HUB else {}
    return tuple(Port(name, tuple(shape), specs.get(name), *known.get(name, ())) for name, shape in found.items())


def _declared(artifact: Artifact) -> Shapes | None:
    """The inputs that the file itself names; None where it names them without shapes."""
    try:
        return converters.inspect(_files(artifact)).inputs
    except Diagnostic as fault:
        if fault.code != "input-shape-missing":
            raise
        return None


def _shaped(act: Callable[[Shapes], Made], artifact: Artifact, feeding: Feeding) -> Made:
    """Act with the shapes that somebody gave; else, where the file says none, with those of its card or of F.npz."""
    if feeding.shapes:
        return act(feeding.shapes)
    try:
        return act({})
    except Diagnostic as fault:
        if fault.code != "input-shape-missing":
            raise
        known = _carded(artifact)
        if not known and feeding.inputs is not None:
            known = {name: array.shape for name, array in given.arrays(feeding.inputs).items()}
        if not known:
            raise
        return act(known)


def _carded(artifact: Artifact) -> Shapes:
    """The shape of the only input, by the empty name: a card may call it otherwise than a file without names."""
    inputs = artifact.entry.inputs if artifact.entry else ()
    return {"": inputs[0].shape} if len(inputs) == 1 else {spec.name: spec.shape for spec in inputs}


def _options(shapes: Shapes) -> converters.Options:
    return converters.Options(inputs=shapes)


def _files(artifact: Artifact) -> tuple[Path, ...]:
    return tuple(artifact.files.values())


def _sampler(feeding: Feeding) -> Callable[[tuple[Port, ...], int], Samples]:
    if feeding.inputs is not None:
        path = feeding.inputs
        return lambda ports, _batch: given_samples(ports, given.arrays(path), str(path))
    if feeding.images is not None:
        folder = feeding.images
        return lambda ports, _batch: given.photos(folder, ports)
    return lambda ports, batch: random_samples(ports, feeding.seed, batch)
