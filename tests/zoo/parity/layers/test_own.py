"""The conversion against the framework's own values: a right graph plays the framework, a mutant its conversion."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from planting.drawing import mutants
from planting.feeding import feeds
from planting.gate import Engine, measure_here
from planting.networks import FAMILIES

from zoo.parity.doctor.visit import visit
from zoo.parity.graphs.cut import exposed
from zoo.parity.graphs.graph import Graph
from zoo.parity.layers import bisect
from zoo.parity.layers.rows import first
from zoo.parity.layers.taught import Teacher

SEED = 5
BACK = {  # a fault of a conversion -> the doctor's cause, found in the other direction
    "all biases dropped": "dropped bias",
    "BN scale factor not divided by": "BatchNorm scale factor",
    "BN eps 1e-3": "BatchNorm eps",
    "gamma read as 1": "fix_gamma",
    "layer flipped": "flipped kernels",
    "count_include_pad flipped": "count_include_pad",
    "PReLU shared": "PReLU sharing",
    "LRN alpha over n": "LRN alpha",
    "softmax axis": "softmax axis",
    "fully-connected weights transposed": "transposed fully-connected weights",
    "dilation gained": "dilation",
    "gates 1 and 2 exchanged": "order of gates",
}
NETWORKS = ("vgg", "preresnet", "inception", "facenet", "alexnet", "lstm")


def framework(graph, fed):
    """Every value of the right network, as ONNX Runtime computes it."""
    return Engine().run(exposed(graph), fed)


def beside(conversion, own, fed, folder):
    folder.mkdir()
    return Teacher.of(conversion, fed, folder, own, measure_here, framework="caffe")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_right_conversion_is_within_the_limit_of_the_framework_in_every_layer(name, tmp_path):
    graph = Graph(FAMILIES[name](SEED))
    fed = feeds(graph, SEED)
    found = beside(graph, framework(graph, fed), fed, tmp_path / "t").against_own()
    assert len(found.layers) > 2
    assert first(found.layers) is None


@pytest.mark.parametrize("fault", BACK)
def test_a_fault_in_the_conversion_is_named_with_its_layer_and_cause(fault, tmp_path):
    for name in NETWORKS:
        graph = Graph(FAMILIES[name](SEED))
        planted = [mutant for mutant in mutants(name, graph, SEED) if mutant.fault.name == fault]
        if planted:
            break
    else:
        raise AssertionError(fault)
    mutant, fed = planted[-1], feeds(graph, SEED)
    wrong = beside(mutant.graph, framework(graph, fed), fed, tmp_path / "t")
    found = wrong.against_own()
    assert first(found.layers).name == mutant.value
    findings = visit(wrong, None, found, Engine().runner)
    assert BACK[fault] in [finding.cause for finding in findings[:2]]
    best = next(finding for finding in findings if finding.cause == BACK[fault])
    assert "so computes caffe" in best.proof
    assert best.after <= 16 < best.before


@pytest.mark.parametrize("odd", [False, True], ids=["finite", "with NaN"])
def test_the_smallest_part_of_a_wrong_conversion_is_its_layer_beside_the_frameworks_answer(tmp_path, odd):
    graph = Graph(FAMILIES["vgg"](SEED))
    fed = feeds(graph, SEED)
    mutant = next(one for one in mutants("vgg", graph, SEED) if one.fault.name == "layer flipped")
    wrong = beside(mutant.graph, framework(graph, fed), fed, tmp_path / "t")
    found = wrong.against_own()
    culprit = first(found.layers)
    expected = found.got[culprit.name].copy()
    if odd:
        expected.flat[0] = np.nan
    inner = {**wrong.feeds, **found.inner}
    part = bisect.beside(wrong.graph, inner, culprit, expected, "caffe", Engine().runner)
    assert [node.op_type for node in part.candidate.nodes] == ["Conv"]
    assert {len(array) for array in (*part.fed.values(), part.exact)} == {1}
    files = bisect.write(part, tmp_path / "part")
    assert [Path(file).name for file in files] == ["candidate.onnx", "case.npz", "repro.py"]
    assert "from caffe" in repro(tmp_path / "part", 1)
    right = bisect.extract(graph, [culprit.name], inner.keys())
    (tmp_path / "part" / "candidate.onnx").write_bytes(right.model.SerializeToString())
    repro(tmp_path / "part", int(odd))


def repro(folder, status):
    done = subprocess.run([sys.executable, "-I", str(folder / "repro.py")], capture_output=True, check=False, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_a_framework_that_shows_no_inner_values_shows_nothing(tmp_path):
    graph = Graph(FAMILIES["vgg"](SEED))
    assert beside(graph, {}, feeds(graph, SEED), tmp_path / "t").against_own() is None


def test_a_layer_of_another_size_is_the_culprit(tmp_path):
    graph = Graph(FAMILIES["vgg"](SEED))
    fed = feeds(graph, SEED)
    own = framework(graph, fed)
    name = next(node.output[0] for node in graph.nodes if node.op_type == "MaxPool")
    own[name] = np.zeros((*own[name].shape[:3], own[name].shape[3] + 1), np.float32)
    culprit = first(beside(graph, own, fed, tmp_path / "t").against_own().layers)
    assert (culprit.name, culprit.ratio) == (name, np.inf)
