"""What the command line gives a parity check to act with: real workers, the converters, and the samples asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import converters
from zoo.backends import discovery, host
from zoo.backends.card import Card
from zoo.backends.exchange import Failed, Job, Reply
from zoo.catalog import artifact as artifacts
from zoo.catalog.artifact import Artifact
from zoo.console import Console
from zoo.parity import given
from zoo.parity.check import Means
from zoo.parity.feeding import Port, Samples, given_samples, more_samples, random_samples
from zoo.parity.memory import remembered
from zoo.parity.plan import HUB, Choice, Plan, Wanted, plan
from zoo.parity.subjects import Subject, short

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
    """Where the samples come from: a file of arrays, a folder of photos, or else a seed."""

    inputs: Path | None = None
    images: Path | None = None
    seed: int = 0


def means(feeding: Feeding) -> Means:
    """Workers in processes of their own, conversion by `converters`, input shapes from the registry or the files."""
    return Means(
        run=_run, convert=_convert, ports=_ports, sample=_sampler(feeding), more=more_samples, measure=remembered
    )


def _run(card: Card, jobs: Sequence[Job], stop: Callable[[], bool]) -> Sequence[Reply | Failed]:
    return host.run_many(card, jobs, TIME_LIMIT, stop)


def _convert(source: Artifact, folder: Path) -> Artifact:
    """The same artifact as an ONNX file in `folder`; its registry entry, if any, goes on describing it."""
    folder.mkdir()
    out = folder / "model.onnx"
    converters.convert(tuple(source.files.values()), "onnx", out)
    made = artifacts.from_paths([out])
    return Artifact(f"{source.label} -> onnx", made.format, made.files, source.entry, made.digests)


def _ports(artifact: Artifact) -> tuple[Port, ...]:
    """Names and shapes from the registry entry; of files, and of what was converted, from the files themselves."""
    specs = {spec.name: spec for spec in artifact.entry.inputs} if artifact.entry else {}
    if artifact.entry and artifact.entry.inputs and artifact.format == artifact.entry.format:
        return tuple(Port(spec.name, spec.shape, spec) for spec in artifact.entry.inputs)
    found = converters.inspect(tuple(artifact.files.values()))
    return tuple(Port(name, tuple(shape), specs.get(name)) for name, shape in found.inputs.items())


def _sampler(feeding: Feeding) -> Callable[[tuple[Port, ...], int], Samples]:
    if feeding.inputs is not None:
        path = feeding.inputs
        return lambda ports, _batch: given_samples(ports, given.arrays(path), str(path))
    if feeding.images is not None:
        folder = feeding.images
        return lambda ports, _batch: given.photos(folder, ports)
    return lambda ports, batch: random_samples(ports, feeding.seed, batch)
