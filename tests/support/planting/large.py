"""Networks of full size: a few kinds of fault in the middle of each, a few harmless changes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx

import converters
from planting.building import free_batch
from planting.drawing import mutants
from planting.fault import Unfit
from planting.feeding import feeds
from planting.gate import Engine, teacher
from planting.harmless import REWRITINGS
from planting.scoring import Alarms, Score, cries, judged
from zoo.parity.graphs.graph import Graph

KINDS = (
    "BGR for RGB", "one kernel flipped", "two output channels swapped", "one bias dropped", "one weight's sign",
    "one weight 0.1 % larger", "layer scaled by 1.001", "layer in fp16", "layer in tf32", "padding at the end",
    "max and average exchanged", "BN eps 2e-5", "BN scale factor 2e-5 off", "ReLU leaks", "LRN size + 2",
    "coefficient 0.5", "softmax missing",
)  # fmt: skip
CHANGES = ("BatchNorm folded into convolutions", "bias added after the convolution", "renamed", "ReLU as a maximum")
SAMPLES = 2


def large(name: str, files: tuple[Path, ...], seed: int, folder: Path) -> tuple[Score, Alarms]:
    """What the check sees of a network given by its files in a format of the converters'."""
    out = folder / "model.onnx"
    converters.convert(files, "onnx", out)
    graph = Graph(free_batch(onnx.load(out)))
    reference = teacher(graph, feeds(graph, seed, SAMPLES), folder / "teacher")
    score, alarms = Score(), Alarms()
    judged(score, reference, mutants(name, graph, seed, KINDS, ("middle", "early")))
    cases = [("optimisation off", graph, Engine("ORT_DISABLE_ALL")), ("two threads", graph, Engine(threads=2)),
             ("as it is", graph, Engine())]  # fmt: skip
    for kind in CHANGES:
        try:
            copy = graph.copy()
            made = REWRITINGS[kind](copy, np.random.default_rng(seed)) or Graph(copy.model)
        except Unfit:
            continue
        cases.append((kind, made, Engine()))
    cries(alarms, name, reference, cases)
    return score, alarms


def measured(name: str, files: tuple[Path, ...], seed: int) -> tuple[Score, Alarms]:
    """The same in a folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        return large(name, files, seed, Path(place))
