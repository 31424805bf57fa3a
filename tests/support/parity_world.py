"""Artifacts, backends and runners for tests of the parity check: plain values and plain functions, no processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from zoo.backends.card import Card
from zoo.backends.discovery import Status
from zoo.backends.exchange import Failed, Job, Reply
from zoo.catalog.artifact import Artifact
from zoo.catalog.schema import Entry
from zoo.catalog.validation import validated
from zoo.parity.check import Means
from zoo.parity.feeding import Port, Samples

AVAILABLE = Status(available=True, interpreter=Path("python"))
ABSENT = Status(available=False, why_not="module caffe is missing", remedy="zoo backends install caffe")

Runner = Callable[[Card, Sequence[Job], Callable[[], bool]], list[Reply | Failed]]
Network = Callable[[np.ndarray], Mapping[str, np.ndarray]]


def card(name: str, *reads: str) -> Card:
    return Card(name=name, reads=reads, needs=(), environment=None, summary="", worker=Path(f"{name}.py"))


CAFFE, OPENCV, ONNXRUNTIME = card("caffe", "caffe"), card("opencv", "caffe"), card("onnxruntime", "onnx")


def here(*cards: Card, absent: Sequence[Card] = ()) -> list[tuple[Card, Status]]:
    """Backends in the order given; those also named in `absent` cannot run."""
    return [(one, ABSENT if one in absent else AVAILABLE) for one in cards]


def entry(identifier: str, **changes: object) -> Entry:
    data: dict[str, object] = {
        "id": identifier,
        "family": "tiny",
        "architecture": "tiny",
        "task": "classification",
        "publisher": "a test",
        "licence": {"published": "MIT", "spdx": "MIT", "commercial": "yes"},
        "files": (
            {
                "role": "weights",
                "name": "w.bin",
                "unverified": "a test",
                "mirrors": ({"url": "https://example.org/w.bin"},),
            },
        ),
        "inputs": ({"name": "data", "shape": ("N", 3, 8, 6), "layout": "NCHW", "color": "BGR", "range": (0.0, 255.0)},),
        "outputs": ({"name": "prob", "kind": "probabilities"},),
        "facts": ("a test",),
    }
    return validated(Entry, {**data, **changes})


def artifact(label: str, kind: str, known: Entry | None = None) -> Artifact:
    return Artifact(label=label, format=kind, files={"graph": Path(label)}, entry=known, digests={})


def linear(seed: int = 0, scale: float = 1.0, name: str = "prob") -> Network:
    """A network whose output depends on every value that it is fed; its weights depend on the seed alone."""

    def run(data: np.ndarray) -> Mapping[str, np.ndarray]:
        flat = data.reshape(len(data), -1).astype(np.float64)
        weights = np.random.default_rng(seed).normal(size=(flat.shape[1], 5)) / flat.shape[1]
        return {name: (flat @ weights * scale).astype(np.float32)}

    return run


def runner(
    networks: Mapping[tuple[str, str], Network | Failed],
) -> Runner:
    """Answers by (name of the file, backend); a `Failed` in place of a network is what its run comes to."""

    def run(card: Card, jobs: Sequence[Job], _stop: Callable[[], bool]) -> list[Reply | Failed]:
        answers: list[Reply | Failed] = []
        for job in jobs:
            network = networks[str(job.files["graph"]), card.name]
            if isinstance(network, Failed):
                answers.append(network)
            else:
                (data,) = job.inputs.values()
                answers.append(Reply(dict(network(data)), {card.name: "1.0"}, 0.1))
        return answers

    return run


def means(
    networks: Mapping[tuple[str, str], Network | Failed],
    *,
    shape: tuple[int | str | None, ...] = ("N", 3, 8, 6),
    convert: Callable[[Artifact, Path], Artifact] | None = None,
    ports: Callable[[Artifact], tuple[Port, ...]] | None = None,
) -> Means:
    def written(source: Artifact, _folder: Path) -> Artifact:
        return artifact(f"{source.label} -> onnx", "onnx", source.entry)

    def sample(leader: tuple[Port, ...], batch: int) -> Samples:
        sizes = tuple(size if isinstance(size, int) else 1 for size in leader[0].shape[1:])
        data = np.random.default_rng(1).normal(size=(batch, *sizes)).astype(np.float32)
        return Samples(leader, (data,), batch, f"{batch} of a test")

    return Means(
        run=runner(networks),
        convert=convert or written,
        ports=ports or (lambda _artifact: (Port("data", shape),)),
        sample=sample,
    )
