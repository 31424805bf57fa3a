"""ONNX files that nobody expects end in a verdict or in a sentence, and zoo itself does not fail."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.__main__ import main
from zoo.console import Console
from zoo.diagnostics import UsageFault
from zoo.parity.request import Access, Request, prepare

FLOAT = TensorProto.FLOAT
WEIGHTS = np.random.default_rng(0).standard_normal((4, 4)).astype("f4")


def save(path, nodes, outputs, stored):
    made = helper.make_graph(
        [onnx.parser.parse_node(line) for line in nodes.splitlines()],
        "net",
        [helper.make_tensor_value_info("x", FLOAT, ["N", 4])],
        outputs,
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def port(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))

    def run(*arguments):
        status = main(["check-parity", *map(str, arguments), "--json", "-"])
        return status, json.loads(capsys.readouterr().out)

    return run


def test_outputs_that_are_fed_or_stored_or_empty_are_compared_beside_the_others(tmp_path, check):
    nodes = "y = MatMul (x, w)\nz = Slice (y, zero, zero, one)"
    outputs = [port("y", ["N", 4]), port("x", ["N", 4]), port("w", [4, 4]), port("z", ["N", 0])]
    stored = {"w": WEIGHTS, "zero": np.array([0]), "one": np.array([1])}
    status, report = check(save(tmp_path / "m.onnx", nodes, outputs, stored), "--backends", "onnxruntime,torch")
    assert status == 0
    assert report["floor"].startswith("float64 of m.onnx")
    for row in report["rows"]:
        found = {out["name"]: out["verdict"] for out in row["outputs"] if out["inputs"] == "random"}
        assert found == {"y": "pass", "x": "pass", "w": "pass", "z": "not exercised"}


def test_infinite_values_inside_are_compared_by_place_in_the_few_samples_that_are_looked_into(tmp_path, check):
    stored = {"w": WEIGHTS.copy()}
    stored["w"][1, 2] = np.inf
    path = save(tmp_path / "m.onnx", "y = MatMul (x, w)", [port("y", ["N", 4])], stored)
    status, report = check(path, "--backends", "onnxruntime,torch")
    assert status == 0, report["explanation"]
    assert any(layer["values"] for layer in report["layers"])


def test_the_elements_of_a_sequence_have_the_floors_of_moved_runs(tmp_path, check):
    outputs = [helper.make_tensor_sequence_value_info("y", FLOAT, None)]
    nodes = "r = MatMul (x, w)\ny = SplitToSequence <axis = 1> (r)"
    subject = save(tmp_path / "m.onnx", nodes, outputs, {"w": WEIGHTS})
    (tmp_path / "twin").mkdir()
    twin = save(tmp_path / "twin" / "n.onnx", nodes, outputs, {"w": WEIGHTS})
    status, report = check(f"{subject}::onnxruntime", f"{twin}::onnxruntime")
    assert (status, report["verdict"]) == (0, "agrees")
    assert "its output y is no tensor" in report["floor"]
    assert {out["name"] for out in report["rows"][0]["outputs"]} == {"y[0]", "y[1]", "y[2]", "y[3]"}


def test_a_graph_that_is_none_is_refused_in_words(tmp_path, capsys):
    path = save(tmp_path / "m.onnx", "y = Relu (x)\ny = Neg (x)", [port("y", ["N", 4])], {})
    assert main(["check-parity", str(path)]) == 3
    assert "is no valid graph: Output 'y' is redeclared" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("wrong", [{"batch": -5}, {"batch": 10**9}, {"seed": -1}])
def test_numbers_of_samples_that_a_report_or_a_list_says_are_refused_like_those_of_the_command_line(wrong):
    with pytest.raises(UsageFault, match="cannot be made"):
        prepare(Request(("m.onnx",), **wrong), Console(), Access())
