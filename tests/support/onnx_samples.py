"""Every sample of every WRITE row of a format as an ONNX file with its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import onnx
from onnx import helper, numpy_helper

from converters.hub.optable import Sample
from converters.hub.writetable import gather_writers

BATCHES = (1, 3)
OPSET = 18


@dataclass(frozen=True)
class WriteCase:
    """A sample of a chain at one batch size."""

    chain: tuple[str, ...]
    sample: Sample
    batch: int

    @property
    def slug(self) -> str:
        name = f"{' '.join(self.chain)} {self.sample.name} {self.batch}"
        return "".join(char if char.isalnum() else "_" for char in name)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The inputs' shapes; those that share the first one's batch take this case's."""
        first = self.sample.inputs[0][0]
        return [(self.batch, *shape[1:]) if shape[0] == first else shape for shape in self.sample.inputs]

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(f"out{position}" for position in range(self.sample.outputs))

    def inputs(self) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(crc32(f"inputs {self.slug}".encode()))
        low, high = self.sample.values
        return {
            f"in{position}": rng.uniform(low, high, shape).astype(np.float32)
            for position, shape in enumerate(self.shapes)
        }

    def weights(self) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(crc32(f"weights {self.slug}".encode()))
        arrays = [rng.standard_normal(shape).astype(np.float32) for shape in self.sample.weights]
        return {
            f"w{position}": np.abs(array) + np.float32(0.5) if position in self.sample.positive else array
            for position, array in enumerate(arrays)
        }

    def model(self) -> onnx.ModelProto:
        return onnx_model(self.sample.attrs, self.shapes, self.weights(), self.outputs)

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.slug}.onnx"
        onnx.save(self.model(), path)
        return path


def onnx_model(
    nodes: str,
    shapes: Sequence[Sequence[int | str]],
    weights: dict[str, np.ndarray],
    outputs: Sequence[str] = ("out0",),
    opset: int = OPSET,
) -> onnx.ModelProto:
    """A model of nodes in ONNX's text form, one a line, with float inputs in0, in1... of the given shapes."""
    lines = [line.strip() for line in nodes.splitlines() if line.strip()]
    graph = helper.make_graph(
        [onnx.parser.parse_node(line) for line in lines],
        "sample",
        [helper.make_tensor_value_info(f"in{position}", 1, shape) for position, shape in enumerate(shapes)],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model)


def write_cases(package: str) -> Iterator[WriteCase]:
    """All samples of the WRITE rows in a package, at all batch sizes."""
    for chain, row in gather_writers(package).items():
        for sample in row.samples:
            for batch in BATCHES:
                yield WriteCase(chain, sample, batch)
