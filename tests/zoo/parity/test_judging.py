from __future__ import annotations

import numpy as np
from parity_world import CAFFE, artifact, entry

from zoo.parity.feeding import Samples
from zoo.parity.floors import Doubles, Floors
from zoo.parity.judging import against, as_result
from zoo.parity.plan import Run, Source
from zoo.parity.report import Ran
from zoo.parity.rule import DEFAULT, Floor
from zoo.parity.running import Result

VALUES = np.random.default_rng(0).normal(size=(2, 5)).astype(np.float32)
OURS = entry("net@caffe")
THEIRS = entry("net@onnx", outputs=({"name": "outputs", "kind": "probabilities"},))


def test_float64_of_another_file_than_the_references_keeps_that_files_output_names():
    """A golden, or a file that cannot be converted, is judged beside the float64 of its sibling in ONNX."""
    run = Run(Source(artifact("net@caffe", "caffe", OURS)), CAFFE)
    reference = Result(run, Ran("net@caffe", "caffe", {}, 0.0, {}), {"prob": VALUES})
    values = {"outputs": VALUES.astype(np.float64)}
    doubles = Doubles(artifact("net@onnx", "onnx", THEIRS), {"random": values}, {"random": {}}, {}, {}, 2)
    floors = Floors("a test", {"random": {"outputs": Floor(1e-7, 1e-6)}}, {}, THEIRS.outputs)
    found, notes = against(reference, as_result(reference, doubles), DEFAULT, floors, [Samples((), (), 2, "of a test")])
    assert [row.name for row in found.outputs] == ["prob"]
    assert found.verdict.value == "pass"
    assert notes == ("outputs is compared with prob",)
