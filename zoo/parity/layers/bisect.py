"""The smallest part of a network that differs, as files: two ONNX graphs, the inputs, and a script that shows it."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.outputs import together
from zoo.parity.engine.kinds import EXACT
from zoo.parity.graphs import lean
from zoo.parity.graphs.cut import extract
from zoo.parity.graphs.graph import Graph
from zoo.parity.layers.repro import SCRIPT
from zoo.parity.layers.rows import Row, first, rows
from zoo.parity.layers.taught import Feeds, Runner, Taught, Teacher
from zoo.parity.measure import Measured
from zoo.parity.rule import K

Array = NDArray[np.generic]
FILES = ("candidate.onnx", "reference.onnx", "case.npz", "repro.py")


@dataclass(frozen=True, slots=True)
class Smallest:
    """A part of both graphs that computes `value` from `fed`; the candidate's lies `ratio` x the floor away."""

    value: str
    candidate: Graph
    reference: Graph
    fed: Feeds
    exact: Array
    floor: tuple[float, float]
    ratio: float


def smallest(teacher: Teacher, candidate: Graph, taught: Taught, run: Runner) -> Smallest | None:
    """The first layer that differs by itself; else the shortest run of layers that does. One sample where that will do.

    None when nothing differs.
    """
    culprit = first(taught.layers)
    if culprit is not None:
        return _sampled(teacher, _part(teacher, candidate, taught, culprit, taught.inner.keys()), run)
    reached = first(taught.whole)
    if reached is None or not taught.inner:
        return None
    return _run_of_layers(teacher, candidate, taught, reached, run)


def _part(teacher: Teacher, candidate: Graph, taught: Taught, row: Row, names: Collection[str]) -> Smallest:
    """Both sides' graphs from the values `names` to that of the row."""
    mine, theirs = (extract(graph, [row.name], names) for graph in (teacher.graph, candidate))
    fed = {**teacher.feeds, **taught.inner}
    truth = teacher.lesson({name: taught.inner[name] for name in names}, row.name)
    ports = {*mine.inputs, *theirs.inputs}
    exact = np.array(truth.double(row.name))
    floor = (truth.values[row.name].floor_rms, truth.values[row.name].floor_max)
    return Smallest(row.name, theirs, mine, {port: fed[port] for port in ports}, exact, floor, row.ratio)


def _run_of_layers(teacher: Teacher, candidate: Graph, taught: Taught, reached: Row, run: Runner) -> Smallest | None:
    """Bisection over where the run begins: the later the reference's values are fed, the fewer layers are left."""
    order = [row.name for row in taught.whole if row.depth < reached.depth and row.name in taught.inner]
    low, high, found = 0, len(order), None  # fed up to `low`: it fails; up to `high`: it does not
    while low < high:
        middle = (low + high) // 2
        tried = _fails(teacher, candidate, taught, reached, order[:middle], run)
        found, low, high = (tried, middle + 1, high) if tried else (found, low, middle)
    return found


def _fails(teacher: Teacher, candidate: Graph, taught: Taught, row: Row, at: list[str], run: Runner) -> Smallest | None:
    part = _part(teacher, candidate, taught, row, at)
    (got,) = run([(part.candidate, part.fed)])
    if isinstance(got, str):
        return None
    truth = teacher.lesson({name: taught.inner[name] for name in at}, row.name)
    (judged,) = rows(truth, {row.name: got[row.name]}, "inner")
    return None if judged.verdict == "pass" else _with(part, judged.ratio)


def _with(part: Smallest, ratio: float) -> Smallest:
    return Smallest(part.value, part.candidate, part.reference, part.fed, part.exact, part.floor, ratio)


def _sampled(teacher: Teacher, part: Smallest, run: Runner) -> Smallest:
    """The same with the one sample that differs most, where it fails by itself."""
    (got,) = run([(part.candidate, part.fed)])
    batch = part.exact.shape[0] if part.exact.ndim else 0
    alike = all(array.ndim and array.shape[0] == batch for array in part.fed.values())
    if isinstance(got, str) or batch < 2 or not alike or got[part.value].shape != part.exact.shape:
        return part
    apart = np.abs(got[part.value].astype(np.float64) - part.exact.astype(np.float64)).reshape(batch, -1).max(1)
    worst = int(np.argmax(apart))
    fed = {name: np.array(array[worst : worst + 1]) for name, array in part.fed.items()}
    truth = _measured(teacher, part.reference, fed)
    (alone,) = run([(part.candidate, fed)])
    if isinstance(alone, str) or alone[part.value].shape != truth.values[part.value].shape:
        return part
    (judged,) = rows(truth, {part.value: alone[part.value]}, "layer", _unrounded(part))
    if judged.verdict == "pass":
        return part
    exact, floor = np.array(truth.double(part.value)), (judged.floor_rms, judged.floor_max)
    return Smallest(part.value, part.candidate, part.reference, fed, exact, floor, judged.ratio)


def _unrounded(part: Smallest) -> tuple[str, ...]:
    """The value itself where no operator of the part rounds."""
    return (part.value,) if all(node.op_type in EXACT for node in part.reference.nodes) else ()


def _measured(teacher: Teacher, graph: Graph, fed: Feeds) -> Measured:
    folder = Path(tempfile.mkdtemp(dir=teacher.folder))
    model = folder / "part.onnx"
    graph.save(model)
    return teacher.measurer(model, {port: fed[port] for port in graph.inputs}, folder, keep=graph.outputs)


def write(part: Smallest, folder: Path) -> tuple[str, ...]:
    """All files of `FILES` in the folder, or none of them."""
    contents: Mapping[str, bytes] = {
        "candidate.onnx": b"".join(lean.written(part.candidate.model)),
        "reference.onnx": b"".join(lean.written(part.reference.model)),
        "case.npz": _packed(part),
        "repro.py": SCRIPT.encode(),
    }
    paths = [folder / name for name in FILES]
    with together(*paths) as sinks:
        for sink, name in zip(sinks, FILES, strict=True):
            sink.write(contents[name])
    return tuple(str(path) for path in paths)


def _packed(part: Smallest) -> bytes:
    """Inputs as `in:NAME`, the float64 result as `exact`, and what it may differ by."""
    arrays = {f"in:{name}": array for name, array in part.fed.items()}
    told = {"exact": part.exact, "floor": np.array(part.floor), "k": np.array(K), "value": np.array(part.value)}
    file = io.BytesIO()
    np.savez_compressed(file, **told, **arrays)  # type: ignore[arg-type]  # the stub takes allow_pickle for an array
    return file.getvalue()
