"""`zoo check-parity` looks into the layers: by itself when outputs differ, of every run with --layers."""

import json
import subprocess
import sys

import onnx
import pytest
from cli import run
from planting.drawing import mutants
from planting.networks import FAMILIES

from zoo.parity.graphs.graph import Graph

SEED = 0


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nets")
    graph = Graph(FAMILIES["preresnet"](SEED))
    onnx.save(graph.model, folder / "right.onnx")
    for fault, name in (("layer flipped", "flipped"), ("BN eps 1e-5", "eps")):
        mutant = next(m for m in mutants("preresnet", graph, SEED) if (m.fault.name, m.place) == (fault, "middle"))
        onnx.save(mutant.graph.model, folder / f"{name}.onnx")
        (folder / f"{name}.txt").write_text(mutant.value)
    return folder


def check(folder, candidate, *options):
    return run(
        "check-parity", f"{folder / 'right.onnx'}::onnxruntime", f"{folder / candidate}::onnxruntime", *options
    )  # fmt: skip


def test_a_difference_is_told_with_its_layer_and_its_cause(files):
    done = check(files, "flipped.onnx")
    value = (files / "flipped.txt").read_text()
    assert done.status == 1
    assert f"the first layer that differs is {value} (Conv)" in done.out
    assert "doctor: flipped kernels" in done.out


def test_the_json_lists_every_value_and_layer_the_first_that_differs_and_the_proof(files, tmp_path):
    done = check(files, "eps.onnx", "--layers", "--json", str(tmp_path / "r.json"))
    assert done.status == 1
    assert "<--" in done.out
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["first"] == (files / "eps.txt").read_text()
    (best, *_) = report["doctor"]
    assert best["cause"] == "BatchNorm eps"
    assert best["after"] < 16 < best["before"]
    assert {row["kind"] for row in report["tensors"]} == {"inner", "layer"}
    failing = [row["name"] for row in report["tensors"] if row["kind"] == "layer" and row["verdict"] == "fail"]
    assert failing == [report["first"]]


def test_bisect_writes_a_part_that_differs_by_itself(files, tmp_path):
    done = check(files, "eps.onnx", "--bisect", "--bisect-to", str(tmp_path / "part"))
    assert done.status == 1
    assert "the smallest part that differs" in done.out
    script = subprocess.run([sys.executable, str(tmp_path / "part" / "repro.py")], capture_output=True, check=False)
    assert script.returncode == 1


def test_the_layers_of_a_harmless_form_are_all_within_the_limit(files, tmp_path):
    graph = Graph(onnx.load(files / "right.onnx"))
    graph.after(graph.values[3], "Identity")
    onnx.save(graph.model, files / "identity.onnx")
    done = check(files, "identity.onnx", "--layers", "--json", str(tmp_path / "r.json"))
    assert done.status == 0
    assert f"all {len(graph.values) - 1} layers are within the limit" in done.out
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["first"] is None
    assert report["doctor"] == []
    assert len(report["layers"]) == 1


def test_a_golden_has_no_layers(files, tmp_path):
    golden = tmp_path / "g.npz"
    assert run("golden", "make", f"{files / 'right.onnx'}::onnxruntime", "-o", str(golden)).status == 0
    done = run("check-parity", str(files / "eps.onnx"), "--golden", str(golden), "--layers")
    assert done.status == 2
    assert "--layers and --bisect need the reference itself" in done.err
