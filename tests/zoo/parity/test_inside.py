"""Runs that agree at their outputs are looked into as well: a fault that no output shows is found, unless forbidden."""

import json

import numpy as np
import onnx
import pytest
from cli import run
from frameworks import framework, shared
from onnx import TensorProto, helper, numpy_helper

from zoo.parity import inside
from zoo.parity.graphs.choices import behind_choices
from zoo.parity.graphs.graph import Graph
from zoo.supply.remembered import looks


def net(path, changed=False, prefix="", batch="N"):
    """y = relu(x A) B, where B's first row is zero: what A's first column holds never reaches the output."""
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(6, 5)).astype(np.float32), rng.normal(size=(5, 3)).astype(np.float32)
    two[0] = 0
    if changed:
        one[:, 0] *= np.float32(1.01)
    hidden, live = f"{prefix}hidden", f"{prefix}live"
    nodes = [
        helper.make_node("MatMul", ["x", "A"], [hidden]),
        helper.make_node("Relu", [hidden], [live]),
        helper.make_node("MatMul", [live, "B"], ["y"]),
    ]
    ports = [helper.make_tensor_value_info(*port) for port in (("x", TensorProto.FLOAT, [batch, 6]),
             ("y", TensorProto.FLOAT, [batch, 3]))]  # fmt: skip
    held = [numpy_helper.from_array(one, "A"), numpy_helper.from_array(two, "B")]
    graph = helper.make_graph(nodes, "net", ports[:1], ports[1:], held)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return f"{path}::onnxruntime"


@pytest.fixture
def right(tmp_path):
    return net(tmp_path / "right.onnx")


def test_a_fault_that_no_output_shows_is_found_inside(right, tmp_path):
    done = run("check-parity", right, net(tmp_path / "wrong.onnx", changed=True))
    assert done.status == 1
    told = " ".join(done.out.split())
    assert "1 run beyond rounding inside: wrong.onnx in onnxruntime" in told
    assert "the first layer that differs is hidden (MatMul)" in told


def test_without_layers_the_same_passes_and_the_report_says_what_was_not_compared(right, tmp_path):
    report = tmp_path / "r.json"
    done = run("check-parity", right, net(tmp_path / "wrong.onnx", changed=True), "--no-layers", "--json", str(report))
    assert done.status == 0
    assert "Not compared inside, outputs and logits alone: --no-layers." in done.out
    assert json.loads(report.read_text())["not_inside"] == "--no-layers"


def test_runs_that_agree_inside_are_told_in_a_line_and_counted_in_the_json(right, tmp_path):
    report = tmp_path / "r.json"
    done = run("check-parity", right, net(tmp_path / "same.onnx"), "--json", str(report))
    assert done.status == 0
    assert "Inside 1 run: 3 inner values and 3 layers, fed the reference's own, are within the limit" in done.out
    (one,) = json.loads(report.read_text())["layers"]
    assert (one["values"], one["layers"], one["short"], one["tensors"]) == (3, 3, True, [])
    assert one["worst"] < 16


def test_values_of_a_file_with_other_names_are_recognised_by_what_computes_them(right, tmp_path):
    report = tmp_path / "r.json"
    done = run("check-parity", right, net(tmp_path / "other.onnx", prefix="other/"), "--json", str(report))
    told = " ".join(done.out.split())
    assert done.status == 0
    assert "Inside other.onnx in onnxruntime: 2 of these values bear other names there" in told
    (one,) = json.loads(report.read_text())["layers"]
    assert (one["values"], one["layers"], one["found"], one["hint"]) == (3, 3, 2, None)


def test_values_that_nothing_tells_from_others_are_named_and_agree(right, tmp_path):
    done = run("check-parity", right, net(tmp_path / "other.onnx", changed=True, prefix="other/"))
    told = " ".join(done.out.split())
    assert done.status == 0
    assert "2 of 3 inner values of the reference are not in other.onnx in onnxruntime by name, nor recognised" in told


def test_a_network_that_insists_on_its_batch_is_measured_in_portions_and_looked_into(tmp_path):
    one, other = net(tmp_path / "one.onnx", batch=1), net(tmp_path / "other.onnx", batch=1, changed=True)
    report = tmp_path / "r.json"
    done = run("check-parity", one, other, "--batch", "3", "--json", str(report))
    told = json.loads(report.read_text())
    assert done.status == 1
    assert told["floor"].startswith("float64 of one.onnx")
    assert told["float64"]["ran"]
    assert told["first"] == "hidden"
    assert len(told["layers"][0]["tensors"]) == 6
    assert not told["layers"][0]["short"]


def test_a_network_over_the_budget_is_not_looked_into_and_says_so(right, tmp_path, monkeypatch):
    monkeypatch.setattr(inside, "BUDGET", 10)
    done = run("check-parity", right, net(tmp_path / "wrong.onnx", changed=True))
    assert done.status == 0
    told = " ".join(done.out.split())
    assert "Not compared inside: wrong.onnx in onnxruntime: the inner values of one sample are 0 MB" in told


def test_a_look_that_found_nothing_is_not_repeated_and_the_report_says_so(right, tmp_path, monkeypatch):
    same, report = net(tmp_path / "same.onnx"), tmp_path / "r.json"
    first = run("check-parity", right, same)
    monkeypatch.setattr(inside, "load", lambda *_: pytest.fail("it looked again"))
    second = run("check-parity", right, same, "--json", str(report))
    line = next(line for line in first.out.splitlines() if line.startswith("Inside 1 run: 3 inner values"))
    assert line.replace("run:", "run, looked into before:")[:80] in second.out
    (one,) = json.loads(report.read_text())["layers"]
    assert (one["values"], one["layers"], one["before"]) == (3, 3, True)
    with pytest.raises(pytest.fail.Exception, match="it looked again"):
        run("check-parity", right, same, "--seed", "1")


def test_a_look_that_was_edited_or_that_found_a_difference_is_not_believed(right, tmp_path):
    for path, status in ((net(tmp_path / "same.onnx"), 0), (net(tmp_path / "wrong.onnx", changed=True), 1)):
        assert run("check-parity", right, path).status == status
    (kept,) = looks().glob("*/*.json")
    told = json.loads(kept.read_bytes())
    told["found"]["layers"] = told["found"]["layers"][:1]
    kept.write_text(json.dumps(told))
    done = run("check-parity", right, f"{tmp_path / 'same.onnx'}::onnxruntime")
    assert "Inside 1 run: 3 inner values and 3 layers" in done.out


@pytest.mark.framework
def test_caffes_own_blobs_are_held_against_ours_where_layers_write_over_their_inputs(tmp_path):
    framework("caffe")
    folder = shared("models", "samplenet")
    files = f"{folder / 'SampLeNet.prototxt'},{folder / 'SampLeNet.caffemodel'}"
    report = tmp_path / "r.json"
    done = run("check-parity", f"{files}::caffe", f"{files}::onnxruntime", "--json", str(report))
    assert done.status == 0, done.out
    (one,) = json.loads(report.read_text())["layers"]
    assert one["values"] >= 10
    assert 0 < one["worst"] < 16


def test_what_follows_from_a_choice_is_left_to_the_outputs():
    nodes = [
        helper.make_node("Relu", ["x"], ["live"]),
        helper.make_node("TopK", ["live", "k"], ["most", "where"]),
        helper.make_node("Neg", ["most"], ["after"]),
        helper.make_node("Neg", ["live"], ["beside"]),
    ]
    graph = Graph(helper.make_model(helper.make_graph(nodes, "net", [], [])))
    assert behind_choices(graph) == {"most", "where", "after"}
