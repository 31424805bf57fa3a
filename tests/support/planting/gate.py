"""The product's check of layers in this process: outputs, logits, inner values, each layer with the truth fed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from engine_runs import walk

from zoo.parity.engine.measuring import Value, measured
from zoo.parity.graphs.graph import Graph
from zoo.parity.layers.rows import Row, first
from zoo.parity.layers.taught import Taught, Teacher, teach
from zoo.parity.measure import Measured


@dataclass(frozen=True)
class Engine:
    """ONNX Runtime in this process, set in one way."""

    level: str = "ORT_ENABLE_ALL"
    threads: int = 1
    split: bool = False  # one sample at a time

    def run(self, graph: Graph, fed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All outputs."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = self.threads
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, self.level)
        opened = onnxruntime.InferenceSession(
            graph.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        names = [port.name for port in opened.get_outputs()]
        wanted = {port.name: fed[port.name] for port in opened.get_inputs()}
        if self.split and len({len(array) for array in wanted.values()}) == 1:
            parts = [
                opened.run(names, {name: array[at : at + 1] for name, array in wanted.items()})
                for at in range(len(next(iter(wanted.values()))))
            ]
            return {
                name: np.concatenate(several) for name, several in zip(names, zip(*parts, strict=True), strict=True)
            }
        return dict(zip(names, opened.run(names, wanted), strict=True))

    def runner(self, jobs):
        """Answers jobs as the product's workers do: outputs, or why not."""
        return [self._answer(graph, fed) for graph, fed in jobs]

    def _answer(self, graph, fed):
        try:
            return self.run(graph, fed)
        except Exception as fault:  # noqa: BLE001 - whatever a runtime raises is a red check
            return f"{type(fault).__name__}: {fault}"


@dataclass(frozen=True)
class Finding:
    """What the check says of a candidate; `why_not` when it did not run or gave another shape."""

    taught: Taught
    outputs: float
    logits: float

    @property
    def structure(self) -> str | None:
        return self.taught.why_not if not self.taught.whole else None

    @property
    def layer(self) -> Row | None:
        return first(self.taught.layers)

    @property
    def inner(self) -> Row | None:
        return first(self.taught.whole)

    @property
    def red(self) -> bool:
        return bool(self.taught.why_not or self.layer or self.inner)


def judge(teacher: Teacher, candidate: Graph, engine: Engine = Engine()) -> Finding:
    """Put a candidate to the check."""
    found = teach(teacher, candidate, engine.runner)
    ratios = {row.name: row.ratio for row in found.whole}
    ends = teacher.graph.outputs
    producers = [teacher.graph.producer(name) for name in ends]
    logits = [node.input[0] for node in producers if node is not None and node.op_type == "Softmax"]
    return Finding(
        found,
        max((ratios.get(name, np.inf) for name in ends), default=np.inf),
        max((ratios.get(name, np.inf) for name in logits), default=0.0),
    )


def teacher(graph: Graph, feeds: Mapping[str, np.ndarray], folder: Path) -> Teacher:
    """The reference measured in a folder of its own."""
    folder.mkdir(parents=True)
    return Teacher.of(graph, feeds, folder, measurer=measure_here)


class Held(Measured):
    """A measurement whose arrays stay in memory: a candidate asks for each of them several times."""

    def __init__(self, values: Mapping[str, Value], arrays: Mapping[str, np.ndarray]) -> None:
        super().__init__(values, dict.fromkeys(arrays, Path()))
        object.__setattr__(self, "_arrays", arrays)

    def double(self, name: str) -> np.ndarray:
        return self._arrays[name]


def measure_here(model, feeds, _folder, *, keep=(), forced=None):
    """The product's engine in this process: thousands of small networks would spend their time starting others."""
    values, kept = {}, {}

    def look(made):
        values[made.name] = measured(made)
        if keep is None or made.name in keep:
            kept[made.name] = np.array(made.wide)

    walk(model, feeds, look, forced)
    return Held(values, kept)
