"""Every sample of every MXNet row as files: a symbol of one operator, its parameters, inputs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import mxnet_files as files
import numpy as np

from converters.hub.optable import Sample, gather

BATCHES = (1, 3)
LABELLED = ("SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput", "SVMOutput")


@dataclass(frozen=True)
class Case:
    """A sample at one batch size."""

    kind: str
    sample: Sample
    batch: int

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.sample.name}, batch {self.batch}"

    @property
    def slug(self) -> str:
        return "".join(char if char.isalnum() else "_" for char in self.name)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The inputs' shapes; those that share the first one's batch take this case's."""
        if not self.sample.inputs:
            return []
        first = self.sample.inputs[0][0]
        return [(self.batch, *shape[1:]) if shape[0] == first else shape for shape in self.sample.inputs]

    def inputs(self) -> dict[str, np.ndarray]:
        rng = self._rng("inputs")
        if self.sample.draw is not None:
            arrays = [
                array if array.dtype == np.int32 else np.asarray(array, np.float32)
                for array in self.sample.draw(rng, self.batch)
            ]
        else:
            low, high = self.sample.values
            arrays = [rng.uniform(low, high, shape).astype(np.float32) for shape in self.shapes]
        return {f"in{position}": array for position, array in enumerate(arrays)}

    def weights(self) -> list[np.ndarray]:
        rng = self._rng("weights")
        arrays = [rng.standard_normal(shape).astype(np.float32) for shape in self.sample.weights]
        return [
            np.abs(array) + np.float32(0.5) if position in self.sample.positive else array
            for position, array in enumerate(arrays)
        ]

    def write(self, folder: Path) -> dict[str, Path]:
        """The files by role."""
        fed = self.inputs()
        nodes = [
            files.variable(name, **({"__dtype__": "4"} if array.dtype == np.int32 else {}))
            for name, array in fed.items()
        ]
        arrays = {}
        for position, array in enumerate(self.weights()):
            auxiliary = ("batchnorm" in self.kind.lower() and position >= 2) or self.kind.startswith("IdentityAttach")
            arrays[f"{'aux' if auxiliary else 'arg'}:w{position}"] = array
            nodes.append(files.variable(f"w{position}"))
        if self.kind in LABELLED:
            nodes.append(files.variable("it_label"))
        order = list(range(len(nodes)))
        if self.kind == "RNN":  # the one operator whose parameters stand among its inputs
            order = [0, len(fed), *range(1, len(fed))]
        attrs = json.loads(self.sample.attrs)
        nodes.append(files.node(self.kind, "it", order, **attrs))
        heads = [(len(nodes) - 1, position) for position in range(self.sample.outputs)]
        return files.write(folder, self.slug, files.symbol(nodes, heads), arrays)

    def _rng(self, what: str) -> np.random.Generator:
        return np.random.default_rng(crc32(f"{what} {self.name}".encode()))


def cases() -> Iterator[Case]:
    """All samples at all batch sizes; those without inputs, and those with other first dimensions, at one."""
    for kind, row in gather("converters.mxnet.ops").items():
        for sample in row.samples:
            for batch in BATCHES if sample.inputs or sample.draw else (1,):
                yield Case(kind, sample, batch)


def close(mine: np.ndarray, theirs: np.ndarray) -> bool:
    """Equal up to float32 rounding: 1e-5 of the largest value."""
    scale = float(np.max(np.abs(theirs[np.isfinite(theirs)]), initial=1e-3))
    if mine.shape != theirs.shape:
        return False
    return bool(
        np.allclose(mine.astype(np.float64), theirs.astype(np.float64), rtol=0, atol=1e-5 * scale, equal_nan=True)
    )


def describe(mine: list[np.ndarray], theirs: list[np.ndarray]) -> str:
    """The largest difference of each output, for a failing test's message."""
    return "; ".join(
        f"{a.shape} against {b.shape}: {np.max(np.abs(a - b)) if a.shape == b.shape else 'shapes differ'}"
        for a, b in zip(mine, theirs, strict=False)
    )
