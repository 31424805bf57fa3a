"""One published prototxt: converted with seeded weights, and compared with the first framework that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from seeded import seeded_weights

import converters
from converters.conversion import Model, Options
from converters.diagnostic import Diagnostic
from zoo.backends import discovery, host
from zoo.backends.exchange import Failed, Job

JUDGES = ("caffe", "caffe-ssd", "opencv")
TOLERANCE = 1e-4  # of the largest value: the noise of float32 behind a hundred BatchNorms is 4e-5
IMAGE = (1, 3, 224, 224)  # for a training network, whose data layer does not say its shape
_LIMIT = 300.0  # seconds for one forward pass

Arrays = Mapping[str, np.ndarray]


@dataclass
class Record:
    """What became of one file; `verdict` is no network, refused, converts (a training network, whose inputs no
    framework can be given), not compared, agrees, differs or bug.
    """

    file: str
    verdict: str
    reasons: list[str] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)
    judge: str = ""
    errors: dict[str, float] = field(default_factory=dict)
    unjudged: dict[str, str] = field(default_factory=dict)
    given: dict[str, list[int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        return asdict(self)


def tried(graph: Path, options: Options | None = None) -> Record:
    """The whole trial of one file. A fault that is no Diagnostic is a bug of ours and is recorded as one."""
    record = Record(str(graph), "no network")
    found = converters.sniff(graph)
    if (found.format, found.role) != ("caffe", "graph"):
        record.reasons.append(found.what)
        return record
    try:
        model = _read(graph, record, options)
    except Diagnostic as fault:
        record.verdict, record.reasons = "refused", [f"{fault.code}: {fault.message}", *fault.details]
        return record
    except Exception as fault:  # noqa: BLE001 - the record of a trial over a thousand files must not end here
        record.verdict, record.reasons = "bug", [f"{type(fault).__name__}: {fault}"]
        return record
    record.kinds, record.notes = dict(model.report.kinds), list(model.report.notes)
    if record.given:
        record.verdict, record.unjudged = "converts", {"all": "its inputs come from a data layer"}
        return record
    with TemporaryDirectory(prefix="published-") as folder:
        _judge(graph, model, record, Path(folder))
    return record


def _read(graph: Path, record: Record, options: Options | None) -> Model:
    """Inputs without a shape get an image's."""
    options = options or Options(init=0)
    try:
        return converters.read([graph], options)
    except Diagnostic as fault:
        if fault.code != "input-shape-missing":
            raise
        names = fault.message.partition("of its input ")[2].split(", ")
    record.given = {name: list(IMAGE) for name in names}
    shapes = dict.fromkeys(names, IMAGE)
    return converters.read([graph], Options(inputs=shapes, init=0, settings=options.settings))


def _judge(graph: Path, model: Model, record: Record, folder: Path) -> None:
    fed = _inputs(model)
    names = tuple(str(value.name) for value in model.ir.graph.outputs)
    asked = (*names, *_before_softmax(model))
    converters.write(model, "onnx", folder / "net.onnx")
    mine = host.run_many(discovery.find("onnxruntime"), [Job("onnx", {"model": folder / "net.onnx"}, fed)], _LIMIT)[0]
    if isinstance(mine, Failed):
        record.verdict, record.reasons = "bug", [f"onnxruntime: {mine}"]
        return
    files = {"graph": graph}
    if model.report.drawn:
        files["weights"] = seeded_weights(model, folder / "net.caffemodel")
    for judge in JUDGES:
        theirs = host.run_many(discovery.find(judge), [Job("caffe", files, fed, outputs=asked)], _LIMIT)[0]
        if isinstance(theirs, Failed):
            record.unjudged[judge] = str(theirs)[-600:]
            continue
        record.judge = judge
        record.errors = {name: _error(mine.outputs, theirs.outputs, name) for name in theirs.outputs}
        agree = bool(record.errors) and all(error <= TOLERANCE for error in record.errors.values())
        record.verdict = "agrees" if agree else "differs"
        return
    record.verdict = "not compared"


def _before_softmax(model: Model) -> list[str]:
    """Makes what a final Softmax reads an output too: seeded weights often saturate it, and 0 and 1 always agree."""
    names = {str(value.name) for value in model.ir.graph.outputs}
    blobs = {value: blob for blob, value in model.report.blobs.items()}
    added = []
    for value in list(model.ir.graph.outputs):
        node = value.producer()
        before = node.inputs[0] if node is not None and node.op_type == "Softmax" else None
        if before is not None and blobs.get(str(before.name)) == before.name and before.name not in names:
            model.ir.graph.outputs.append(before)
            added.append(str(before.name))
    return added


def _inputs(model: Model) -> dict[str, np.ndarray]:
    """Normal noise; `im_info` says the size of the image, regions of interest lie within it."""
    rng = np.random.default_rng(0)
    shapes = {port.name: [dim if isinstance(dim, int) else 1 for dim in port.shape] for port in model.ir.graph.inputs}
    images = [shape for shape in shapes.values() if len(shape) == 4 and shape[2] > 1]
    height, width = images[0][2:] if images else (1, 1)
    fed = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    for name, shape in shapes.items():
        if "im_info" in name:
            fed[name] = np.resize(np.array([height, width, 1], np.float32), shape)
        elif "rois" in name and shape[1] == 5:
            corners = np.sort(rng.uniform(0, 1, (shape[0], 2, 2)), axis=1) * (width - 1, height - 1)
            fed[name] = np.concatenate([np.zeros((shape[0], 1)), corners.reshape(-1, 4)], 1).astype(np.float32)
            fed[name] = fed[name].reshape(shape)
    return fed


def _error(mine: Arrays, theirs: Arrays, name: str) -> float:
    """The largest difference as a share of the largest value; infinite where names, shapes or NaNs differ.

    Detections are compared as sets: equal scores may stand in either order.
    """
    if name not in mine or mine[name].shape != theirs[name].shape:
        return float("inf")
    ours, other = mine[name].astype(np.float64), theirs[name].astype(np.float64)
    if other.ndim == 4 and other.shape[:2] == (1, 1) and other.shape[3] == 7:
        ours, other = (rows[0, 0][np.lexsort(np.round(rows[0, 0].T, 3))] for rows in (ours, other))
    if not np.array_equal(np.isfinite(ours), np.isfinite(other)):
        return float("inf")
    sound = np.isfinite(other)
    scale = float(np.max(np.abs(other[sound]), initial=0)) or 1.0
    return float(np.max(np.abs(ours[sound] - other[sound]), initial=0)) / scale
