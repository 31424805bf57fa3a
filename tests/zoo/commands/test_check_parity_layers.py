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


@pytest.fixture(scope="module")
def goldens(files):
    """Of the right network: with a few numbers of each inner value, and with all."""
    paths = files / "few.npz", files / "all.npz"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CI", raising=False)  # it is made before the settings of a test are
        for path, options in zip(paths, ((), ("--layers",)), strict=True):
            done = run("golden", "make", f"{files / 'right.onnx'}::onnxruntime", "-o", str(path), *options)
            assert done.status == 0, done.err
    return paths


def test_a_golden_names_the_first_value_that_differs_without_its_reference(files, goldens, tmp_path):
    few, _whole = goldens
    report = tmp_path / "r.json"
    done = run("check-parity", f"{files / 'flipped.onnx'}::onnxruntime", "--golden", str(few), "--json", str(report))
    told = " ".join(done.out.split())
    assert done.status == 1
    assert f"the first value that differs is {(files / 'flipped.txt').read_text()} (Conv)" in told
    assert "no doctor: the golden holds a few numbers of each inner value: zoo golden make --layers records all" in told
    (one,) = json.loads(report.read_text())["layers"]
    assert (one["layers"], one["missing"]) == (0, [])
    assert {row["kind"] for row in one["tensors"]} == {"inner"}


def test_the_right_network_is_within_the_limit_of_every_recorded_value(files, goldens):
    for golden, said in zip(goldens, ("inner values are", "layers are"), strict=True):
        done = run("check-parity", f"{files / 'right.onnx'}::onnxruntime", "--golden", str(golden), "--layers")
        assert done.status == 0, done.out
        assert f"{said} within the limit" in " ".join(done.out.split())


def test_a_golden_of_whole_values_takes_layers_apart_names_the_cause_and_bisects(files, goldens, tmp_path):
    _few, whole = goldens
    part = tmp_path / "part"
    done = run("check-parity", f"{files / 'eps.onnx'}::onnxruntime", "--golden", str(whole), "--layers", "--bisect",
               "--bisect-to", str(part))  # fmt: skip
    told = " ".join(done.out.split())
    assert done.status == 1
    assert f"computes otherwise than onnxruntime is {(files / 'eps.txt').read_text()} (BatchNormalization)" in told
    assert "doctor: BatchNorm eps" in told
    assert sorted(path.name for path in part.iterdir()) == ["candidate.onnx", "case.npz", "repro.py"]
    script = subprocess.run([sys.executable, str(part / "repro.py")], capture_output=True, check=False)
    assert script.returncode == 1


def test_what_a_golden_does_not_hold_is_refused_with_the_way_to_record_it(files, goldens):
    few, _whole = goldens
    done = run("check-parity", str(files / "eps.onnx"), "--golden", str(few), "--bisect")
    assert done.status == 2
    assert "error[golden-layers]: this golden does not hold whole inner values" in done.err
    assert "zoo golden make SUBJECT -o g.npz --layers --force" in done.err
