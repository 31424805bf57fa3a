"""The smallest part of a network that differs, as files: its ONNX graphs, the inputs, and a script that shows it."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.outputs import together
from zoo.parity.engine.kinds import EXACT
from zoo.parity.engine.statistics import distance
from zoo.parity.graphs import lean
from zoo.parity.graphs.cut import extract
from zoo.parity.graphs.graph import Graph
from zoo.parity.layers.repro import SCRIPT
from zoo.parity.layers.rows import Row, first, rated, rows
from zoo.parity.layers.taught import Feeds, Runner, Taught, Teacher
from zoo.parity.measure import Measured
from zoo.parity.rule import K

Array = NDArray[np.generic]
FILES = ("candidate.onnx", "reference.onnx", "case.npz", "repro.py")


@dataclass(frozen=True, slots=True)
class Smallest:
    """A part of both graphs that computes `value` from `fed`; the candidate's lies `ratio` x the floor from `exact`.

    `of` says whose `exact` is: float64 of the reference's graph, or what a framework gave. Then there is no such graph.
    """

    value: str
    candidate: Graph
    reference: Graph | None
    fed: Feeds
    exact: Array
    floor: tuple[float, float]
    ratio: float
    of: str = "float64"


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


def beside(graph: Graph, inner: Feeds, row: Row, expected: Array, of: str, run: Runner) -> Smallest:
    """One layer of a graph, fed a framework's values, beside what that gave: of one sample where that differs."""
    layer = extract(graph, [row.name], inner.keys())
    fed = {port: inner[port] for port in layer.inputs}
    whole = Smallest(row.name, layer, None, fed, expected, (row.floor_rms, row.floor_max), row.ratio, of)
    worst = _worst(whole, run)
    if worst is None:
        return whole
    (alone,) = run([(layer, _one(fed, worst))])
    mine = expected[worst : worst + 1]
    if isinstance(alone, str) or alone[row.name].shape != mine.shape:
        return whole
    far = rated(distance(alone[row.name], mine), row.floor_rms, row.floor_max)
    return replace(whole, fed=_one(fed, worst), exact=mine, ratio=far) if far > K else whole


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
    return replace(part, ratio=ratio)


def _sampled(teacher: Teacher, part: Smallest, run: Runner) -> Smallest:
    """The same with the one sample that differs most, where it fails by itself."""
    worst = _worst(part, run)
    if worst is None or part.reference is None:
        return part
    fed = _one(part.fed, worst)
    truth = _measured(teacher, part.reference, fed)
    (alone,) = run([(part.candidate, fed)])
    if isinstance(alone, str) or alone[part.value].shape != truth.values[part.value].shape:
        return part
    (judged,) = rows(truth, {part.value: alone[part.value]}, "layer", _unrounded(part.reference, part.value))
    if judged.verdict == "pass":
        return part
    exact, floor = np.array(truth.double(part.value)), (judged.floor_rms, judged.floor_max)
    return replace(part, fed=fed, exact=exact, floor=floor, ratio=judged.ratio)


def _worst(part: Smallest, run: Runner) -> int | None:
    """The sample that differs most; None where there is one alone, or its values are not along the first axis."""
    (got,) = run([(part.candidate, part.fed)])
    batch = part.exact.shape[0] if part.exact.ndim else 0
    alike = all(array.ndim and array.shape[0] == batch for array in part.fed.values())
    if isinstance(got, str) or batch < 2 or not alike or got[part.value].shape != part.exact.shape:
        return None
    return int(np.argmax(np.abs(_apart(got[part.value], part.exact)).reshape(batch, -1).max(1)))


def _one(fed: Feeds, at: int) -> Feeds:
    return {name: np.array(array[at : at + 1]) for name, array in fed.items()}


def _apart(one: Array, other: Array) -> NDArray[np.float64]:
    return one.astype(np.float64) - other.astype(np.float64)


def _unrounded(graph: Graph, value: str) -> tuple[str, ...]:
    """The value itself where no operator of the part rounds."""
    return (value,) if all(node.op_type in EXACT for node in graph.nodes) else ()


def _measured(teacher: Teacher, graph: Graph, fed: Feeds) -> Measured:
    folder = Path(tempfile.mkdtemp(dir=teacher.folder))
    model = folder / "part.onnx"
    graph.save(model)
    return teacher.measurer(model, {port: fed[port] for port in graph.inputs}, folder, keep=graph.outputs)


def write(part: Smallest, folder: Path) -> tuple[str, ...]:
    """All files of `FILES` in the folder, or none of them; no reference where the part has none."""
    contents: Mapping[str, bytes] = {
        "candidate.onnx": b"".join(lean.written(part.candidate.model)),
        "reference.onnx": b"".join(lean.written(part.reference.model)) if part.reference else b"",
        "case.npz": _packed(part),
        "repro.py": SCRIPT.encode(),
    }
    paths = [folder / name for name in FILES if contents[name]]
    with together(*paths) as sinks:
        for sink, path in zip(sinks, paths, strict=True):
            sink.write(contents[path.name])
    return tuple(str(path) for path in paths)


def _packed(part: Smallest) -> bytes:
    """Inputs as `in:NAME`, the result as `exact`, whose it is, and what it may differ by."""
    arrays = {f"in:{name}": array for name, array in part.fed.items()}
    told = {"exact": part.exact, "floor": np.array(part.floor), "k": np.array(K), "value": np.array(part.value)}
    told |= {"of": np.array(part.of)}
    file = io.BytesIO()
    np.savez_compressed(file, **told, **arrays)  # type: ignore[arg-type]  # the stub takes allow_pickle for an array
    return file.getvalue()
