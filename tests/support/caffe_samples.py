"""Every sample of every Caffe row as files: prototxt, caffemodel, inputs; for the converter and the real Caffe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from caffe_files import write_caffemodel

from converters.hub.optable import Sample, gather

BATCHES = (1, 3)


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
        first = self.sample.inputs[0][0]
        return [(self.batch, *shape[1:]) if shape[0] == first else shape for shape in self.sample.inputs]

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(f"out{position}" for position in range(self.sample.outputs))

    def inputs(self) -> dict[str, np.ndarray]:
        rng = self._rng("inputs")
        if self.sample.draw is not None:
            drawn = self.sample.draw(rng, self.batch)
            return {f"in{position}": np.float32(array) for position, array in enumerate(drawn)}
        low, high = self.sample.values
        return {
            f"in{position}": rng.uniform(low, high, shape).astype(np.float32)
            for position, shape in enumerate(self.shapes)
        }

    def weights(self) -> list[np.ndarray]:
        rng = self._rng("weights")
        arrays = [rng.standard_normal(shape).astype(np.float32) for shape in self.sample.weights]
        return [
            np.abs(array) + np.float32(0.5) if position in self.sample.positive else array
            for position, array in enumerate(arrays)
        ]

    def prototxt(self) -> str:
        inputs = "".join(
            f'input: "in{position}" input_shape {{ {" ".join(f"dim: {dim}" for dim in shape)} }}\n'
            for position, shape in enumerate(self.shapes)
        )
        bottoms = " ".join(f'bottom: "in{position}"' for position in range(len(self.shapes)))
        tops = " ".join(f'top: "{name}"' for name in self.outputs)
        return f'{inputs}layer {{ name: "it" type: "{self.kind}" {bottoms} {tops} {self.sample.attrs} }}\n'

    def write(self, folder: Path) -> dict[str, Path]:
        """The files by role."""
        graph = folder / f"{self.slug}.prototxt"
        graph.write_text(self.prototxt())
        if not self.sample.weights:
            return {"graph": graph}
        legacy = self.kind == "InnerProduct" and len(self.sample.weights[0]) == 4
        weights = write_caffemodel(folder / f"{self.slug}.caffemodel", {"it": self.weights()}, legacy=legacy)
        return {"graph": graph, "weights": weights}

    def _rng(self, what: str) -> np.random.Generator:
        return np.random.default_rng(crc32(f"{what} {self.name}".encode()))


def cases() -> Iterator[Case]:
    """All samples at all batch sizes."""
    for kind, row in gather("converters.caffe.ops").items():
        for sample in row.samples:
            for batch in BATCHES if sample.batched else (sample.inputs[0][0],):
                yield Case(kind, sample, batch)


def close(mine: np.ndarray, theirs: np.ndarray) -> bool:
    """Equal up to float32 rounding: 1e-5 of the largest value (measured: at most 2e-6 over all samples)."""
    scale = float(np.max(np.abs(theirs), initial=1e-3))
    return mine.shape == theirs.shape and bool(np.all(np.abs(mine - theirs.astype(np.float64)) <= 1e-5 * scale))


def describe(mine: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> str:
    """The largest difference of each output, for a failing test's message."""
    return "; ".join(
        f"{a.shape} against {b.shape}: {np.max(np.abs(a - b)) if a.shape == b.shape else 'shapes differ'}"
        for a, b in zip(mine, theirs, strict=False)
    )
