"""Faults and harmless changes of detectors: rules of their last layer, and rows of what they give."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import detectors
import multibox
import numpy as np
import onnx
from caffe_files import write_caffemodel
from engine_runs import walk

import converters
from planting.conversions.caffe import drawer
from planting.drawing import valid
from planting.fault import Unfit
from planting.feeding import feeds
from planting.gate import Engine
from planting.harmless import REWRITINGS
from planting.scoring import ENGINES
from zoo.parity.compare import Verdict, compared
from zoo.parity.detections.layout import Layout, layout_of
from zoo.parity.detections.noise import RowNoise, row_noise
from zoo.parity.detections.parts import Parts, fold
from zoo.parity.detections.recognised import recognised
from zoo.parity.graphs.graph import Graph
from zoo.parity.rule import DEFAULT, Floor

SSD = """name: "ssd" input: "data" input_shape { dim: 1 dim: 3 dim: 32 dim: 40 }
layer { name: "one" type: "Convolution" bottom: "data" top: "one"
  convolution_param { num_output: 8 kernel_size: 3 stride: 2 pad: 1 } }
layer { name: "live" type: "ReLU" bottom: "one" top: "one" }
layer { name: "two" type: "Convolution" bottom: "one" top: "two"
  convolution_param { num_output: 8 kernel_size: 3 stride: 2 pad: 1 } }
layer { name: "loc" type: "Convolution" bottom: "two" top: "loc" convolution_param { num_output: 12 kernel_size: 1 } }
layer { name: "loc_last" type: "Permute" bottom: "loc" top: "loc_last"
  permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "loc_flat" type: "Flatten" bottom: "loc_last" top: "loc_flat" }
layer { name: "conf" type: "Convolution" bottom: "two" top: "conf" convolution_param { num_output: 12 kernel_size: 1 } }
layer { name: "conf_last" type: "Permute" bottom: "conf" top: "conf_last"
  permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "conf_rows" type: "Reshape" bottom: "conf_last" top: "conf_rows"
  reshape_param { shape { dim: 0 dim: -1 dim: 4 } } }
layer { name: "prob" type: "Softmax" bottom: "conf_rows" top: "prob" softmax_param { axis: 2 } }
layer { name: "prob_flat" type: "Flatten" bottom: "prob" top: "prob_flat" }
layer { name: "priors" type: "PriorBox" bottom: "two" bottom: "data" top: "priors"
  prior_box_param { min_size: %(min_size)s aspect_ratio: %(aspect_ratio)s flip: true clip: %(prior_clip)s
    variance: %(variance)s variance: %(variance)s variance: 0.2 variance: 0.2 offset: %(offset)s } }
layer { name: "found" type: "DetectionOutput" bottom: "loc_flat" bottom: "prob_flat" bottom: "priors" top: "found"
  detection_output_param { num_classes: 4 share_location: true background_label_id: %(background)s
    nms_param { nms_threshold: %(nms)s top_k: %(top_k)s } code_type: %(code)s keep_top_k: %(keep)s
    variance_encoded_in_target: %(encoded)s confidence_threshold: %(confidence)s } }
"""
RULES = {
    "min_size": 9, "aspect_ratio": 2, "prior_clip": "false", "variance": 0.1, "offset": 0.5, "background": 0,
    "nms": 0.45, "top_k": 20, "code": "CENTER_SIZE", "keep": 15, "encoded": "false", "confidence": 0.35,
}  # fmt: skip


def ssd(folder: Path, *, exchanged: bool = False, **rules: object) -> Path:
    """SSD as Caffe has it: rows of image, label, score, box."""
    draw = drawer(np.random.default_rng(41))
    weights = {"one": [draw(8, 3, 3, 3), draw(8)], "two": [draw(8, 8, 3, 3), draw(8)],
               "loc": [draw(12, 8, 1, 1), draw(12)], "conf": [draw(12, 8, 1, 1) * 2, draw(12)]}  # fmt: skip
    if exchanged:
        order = [0, 2, 1, 3, *range(4, 12)]
        weights["conf"] = [array[order] for array in weights["conf"]]
    text = folder / "net.prototxt"
    text.write_text(SSD % {**RULES, **rules})
    return _onnx([text, write_caffemodel(folder / "net.caffemodel", weights)], folder)


def mxnet(folder: Path, *, prior: tuple[tuple[str, str], ...] = (), **rules: str) -> Path:
    """MultiBoxDetection as MXNet has it: rows of label, score, box."""
    return _onnx(list(multibox.multibox(folder, prior=prior, **rules).values()), folder)


def apart(folder: Path, **how: object) -> Path:
    """Boxes, labels and scores in outputs of their own."""
    return detectors.detector(folder / "net.onnx", **how)


def _onnx(files: list[Path], folder: Path) -> Path:
    out = folder / "net.onnx"
    converters.convert(files, "onnx", out)
    return out


NETWORKS: Mapping[str, tuple[Callable[..., Path], Mapping[str, Mapping[str, object]]]] = {
    "DetectionOutput": (ssd, {
        "suppresses from 0.3": {"nms": 0.3}, "top_k 3": {"top_k": 3},
        "keep_top_k 5": {"keep": 5}, "scores from 0.2": {"confidence": 0.2}, "background is class 1": {"background": 1},
        "corners for centres": {"code": "CORNER"}, "variance 0.11": {"variance": 0.11},
        "variance in the target": {"encoded": "true"}, "priors clipped": {"prior_clip": "true"},
        "priors start at the corner": {"offset": 0}, "priors one larger": {"min_size": 10},
        "aspect ratio 3": {"aspect_ratio": 3}, "two classes exchanged": {"exchanged": True},
    }),
    "MultiBoxDetection": (mxnet, {
        "suppresses from 0.3": {"nms_threshold": "0.3"}, "scores from 0.25": {"threshold": "0.25"},
        "all classes suppress": {"force_suppress": "True"},
        "boxes not clipped": {"clip": "False"}, "variances of Caffe's order": {"variances": "(0.2, 0.2, 0.1, 0.1)"},
        "variance 0.11": {"variances": "(0.11, 0.1, 0.2, 0.2)"}, "background is class 1": {"background_id": "1"},
        "anchors start at the corner": {"prior": (("offsets", "(0, 0)"),)},
        "anchors 1 % larger": {"prior": (("sizes", "(0.303, 0.5)"),)},
        "ratio 3": {"prior": (("ratios", "(1, 3)"),)},
    }),
    "outputs apart": (apart, {
        "suppresses from 0.3": {"overlap": 0.3}, "two classes exchanged": {"exchanged": True},
        "the last one lost": {"lost": True}, "scores times 1.0001": {"factor": 1.0001},
        "corners moved": {"shift": 1e-3},
    }),
}  # fmt: skip
"""Name -> the network, and the rules that are got wrong in it."""

Rows = Callable[[np.ndarray, Layout], np.ndarray]


def _column(index: str, change: Callable[[np.ndarray], np.ndarray]) -> Rows:
    def apply(rows: np.ndarray, layout: Layout) -> np.ndarray:
        first = getattr(layout, index)
        place = slice(first, first + 4) if index == "box" else slice(first, first + 1)
        rows[:, place] = change(rows[:, place])
        return rows

    return apply


def _largest(array: np.ndarray, by: float) -> np.ndarray:
    array[0, 2] += by * np.abs(array).max()
    return array


def _first_two(array: np.ndarray) -> np.ndarray:
    other = np.flatnonzero(array[:, 0] != array[0, 0])[:1]
    array[[0, *other]] = array[[*other, 0]]
    return array


ROWS: Mapping[str, Rows] = {
    "one score 1e-4 higher": _column("score", lambda a: np.where(np.arange(len(a))[:, None] == 0, a + 1e-4, a)),
    "one corner 1/300 off": _column("box", lambda a: _largest(a, 1 / 300)),
    "one corner 1e-4 off": _column("box", lambda a: _largest(a, 1e-4)),
    "labels count from 1": _column("label", lambda a: a + 1),
    "two labels exchanged": _column("label", _first_two),
    "scores of other rows": _column("score", lambda a: a[::-1].copy()),
    "x and y exchanged": _column("box", lambda a: a[:, [1, 0, 3, 2]]),
    "corners as centre and size": _column("box", lambda a: np.concatenate([a[:, :2], a[:, 2:] - a[:, :2]], axis=1)),
    "scores not squashed": _column("score", lambda a: np.log(a / (1 - a + 1e-6))),
    "scores rounded to float16": _column("score", lambda a: a.astype(np.float16).astype(a.dtype)),
    "boxes rounded to float16": _column("box", lambda a: a.astype(np.float16).astype(a.dtype)),
    "one lost": lambda rows, _layout: rows[:-1],
    "the best lost": lambda rows, _layout: rows[1:],
    "one twice": lambda rows, _layout: np.concatenate([rows, rows[:1]]),
    "half of them": lambda rows, _layout: rows[: len(rows) // 2],
}
"""Mistakes behind the last layer, of the rows that hold something."""
ORDERS: Mapping[str, Rows] = {
    "rows in reverse": lambda rows, _layout: rows[::-1],
    "rows shuffled": lambda rows, _layout: np.random.default_rng(5).permutation(rows),
    "rows by falling score": lambda rows, layout: rows[np.argsort(-rows[:, layout.score], kind="stable")],
    "rows by class": lambda rows, layout: rows[np.argsort(rows[:, layout.label], kind="stable")],
    "filled up": lambda rows, layout: np.concatenate([rows, np.full((7, layout.width), -1, rows.dtype)]),
}


@dataclass
class Detected:
    """What was seen: (network, fault, whether it changes the detections, whether the check sees it), and alarms."""

    rows: list[tuple[str, str, bool, bool]] = field(default_factory=list)
    runs: int = 0
    red: list[str] = field(default_factory=list)
    worst: dict[str, float] = field(default_factory=dict)

    def add(self, other: Detected) -> None:
        """Those of another network, or of other inputs."""
        self.rows += other.rows
        self.runs += other.runs
        self.red += other.red
        self.worst |= {name: max(ratio, self.worst.get(name, 0.0)) for name, ratio in other.worst.items()}


@dataclass(frozen=True)
class Reference:
    """A detector measured once: its output in float64 and float32, and the noise of its rows."""

    name: str
    parts: tuple[Parts, ...]
    truth: np.ndarray
    own: np.ndarray
    noise: RowNoise

    @property
    def layout(self) -> Layout:
        found = layout_of(self.own)
        assert found is not None
        return found

    def judged(self, candidate: np.ndarray) -> tuple[bool, float]:
        """Whether the check passes it, and its ratio."""
        floor = Floor(np.inf, np.inf, sets=self.noise)
        found = compared(self.name, self.own, candidate, DEFAULT, floor)
        ratio = found.figures.ratio if found.figures and found.figures.ratio is not None else np.inf
        return found.verdict is Verdict.PASS, ratio

    def of(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """The output that is a set."""
        return fold(self.parts, outputs)[self.name]


def wide(path: Path, fed: Mapping[str, np.ndarray], seeds: int = 3) -> dict[str, list[np.ndarray]]:
    """Every output in float64, then in the runs that only round otherwise."""
    names = {port.name for port in onnx.load(path).graph.output}
    found: dict[str, list[np.ndarray]] = {}

    def look(made) -> None:
        if made.name in names:
            found[made.name] = [np.array(one) for one in (made.wide, made.native, *made.others) if one is not None]

    walk(path, dict(fed), look, seeds=seeds)
    return found


def measured(path: Path, fed: Mapping[str, np.ndarray], graph: Graph) -> Reference:
    """The reference, which has to find something and lose nothing by rounding."""
    sets = recognised(path)
    lanes = wide(path, fed)
    name = sets.parts[0].joined if sets.parts else sets.rows[0]
    runs = [fold(sets.parts, dict(zip(lanes, run, strict=True)))[name] for run in zip(*lanes.values(), strict=True)]
    noise = row_noise(runs[0], runs[1:])
    assert noise is not None
    own = fold(sets.parts, Engine().run(graph, fed))[name]
    return Reference(name, sets.parts, runs[0], own, noise)


def detected(name: str, seed: int) -> Detected:
    """All faults and all harmless changes of one detector."""
    make, rules = NETWORKS[name]
    found = Detected()
    with tempfile.TemporaryDirectory() as place:
        path = make(_folder(place, "right"))
        graph = _loaded(path)
        fed = feeds(graph, seed, 1 if make is apart else 2)
        reference = measured(path, fed, graph)
        for fault, wrong in rules.items():
            other = make(_folder(place, fault), **wrong)
            mine = reference.of(Engine().run(_loaded(other), fed))
            lanes = {key: runs[0] for key, runs in wide(other, fed, 0).items()}
            real = not np.array_equal(reference.of(lanes), reference.truth)
            found.rows.append((name, fault, real, not reference.judged(mine)[0]))
        for fault, change in ROWS.items():
            mine = _changed(reference, change)
            found.rows.append((name, fault, not np.array_equal(mine, reference.own), not reference.judged(mine)[0]))
        for kind, candidate in (*_harmless(reference, graph, fed, seed), *_reordered(reference)):
            passes, ratio = reference.judged(candidate)
            found.runs += 1
            found.worst[name] = max(found.worst.get(name, 0.0), ratio)
            found.red += [] if passes else [f"{name}: {kind}"]
    return found


def _harmless(
    reference: Reference, graph: Graph, fed: Mapping[str, np.ndarray], seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    for kind, engine in ENGINES.items():
        if not engine.split:
            yield kind, reference.of(engine.run(graph, fed))
    for kind, rewrite in REWRITINGS.items():
        copy = graph.copy()
        try:
            made = rewrite(copy, np.random.default_rng(seed)) or Graph(copy.model)
        except (Unfit, RuntimeError):  # ONNX's own version converter knows no way for some operators
            continue
        same = set(made.outputs) == set(graph.outputs) and made.inputs == graph.inputs
        if same and kind != "fixed_batch" and valid(made):  # a Sum of whole numbers is none of ONNX's
            yield kind, reference.of(Engine().run(made, fed))


def _reordered(reference: Reference) -> Iterator[tuple[str, np.ndarray]]:
    for kind, change in ORDERS.items():
        yield kind, _changed(reference, change)


def _changed(reference: Reference, change: Rows) -> np.ndarray:
    """The rows that hold something changed, image by image where the first axis counts them."""
    layout, own = reference.layout, reference.own
    images = own if layout.image is None else own.reshape(1, -1, layout.width)
    made = []
    for rows in images:
        held = rows[rows[:, layout.label] >= 0]
        made.append(np.ascontiguousarray(change(held.copy(), layout)))
    longest = max(map(len, made))
    filled = [np.concatenate([rows, np.full((longest - len(rows), layout.width), -1, own.dtype)]) for rows in made]
    return np.stack(filled) if layout.image is None else filled[0][None, None]


def _loaded(path: Path) -> Graph:
    return Graph(onnx.load(path))


def _folder(place: str, name: str) -> Path:
    folder = Path(place) / "".join(letter if letter.isalnum() else "-" for letter in name)
    folder.mkdir()
    return folder
