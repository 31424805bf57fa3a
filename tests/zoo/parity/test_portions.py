"""Files that take few samples at a time are measured in float64 by portions, and looked into like any other."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx_samples import onnx_model

from zoo.__main__ import main
from zoo.diagnostics import BackendFault
from zoo.parity.engine.measuring import Idle
from zoo.parity.measure import measure
from zoo.parity.portions import Portions, behind

NODES = "a = Gemm (in0, w0)\nb = Relu (a)\ntotal = ReduceSum <keepdims = 0> (b)\nfc = Gemm (b, w1)"


def weights():
    rng = np.random.default_rng(0)
    return {"w0": rng.standard_normal((12, 30)).astype("f4"), "w1": rng.standard_normal((30, 10)).astype("f4")}


def save(path, batch, stored, outputs=("fc",)):
    onnx.save(onnx_model(NODES, [(batch, 12)], stored, outputs), path)
    return path


def test_portions_say_of_a_value_what_all_samples_at_once_say(tmp_path):
    path = save(tmp_path / "net.onnx", "N", weights())
    samples = np.random.default_rng(1).standard_normal((4, 12)).astype("f4")
    parts = []
    for at, fed in enumerate((samples, samples[:2], samples[2:])):
        (tmp_path / str(at)).mkdir()
        parts.append(measure(path, {"in0": fed}, tmp_path / str(at), keep=["fc"], lanes=["fc"], seeds=1))
    whole, joined = parts[0], Portions(parts[1:], [2, 2])
    assert np.allclose(joined.double("fc"), whole.double("fc"), rtol=1e-13, atol=1e-13)  # another order of sums
    assert [run.shape for run in joined.runs("fc")] == [run.shape for run in whole.runs("fc")]
    mine, theirs = joined.values["fc"], whole.values["fc"]
    assert (mine.shape, mine.exactness, mine.odd) == (theirs.shape, theirs.exactness, theirs.odd)
    assert mine.rms == pytest.approx(theirs.rms, rel=1e-12)
    assert mine.max == pytest.approx(theirs.max, rel=1e-12)
    assert mine.native == pytest.approx(theirs.native, rel=0.5)  # another order of sums in float32
    assert mine.floor_max == max(part.values["fc"].floor_max for part in parts[1:])


def test_what_one_portion_reached_is_reached(tmp_path):
    path = save(tmp_path / "net.onnx", "N", {**weights(), "w0": np.ones((12, 30), "f4")})
    parts = []
    for at, sign in enumerate((-1, 1)):
        (tmp_path / str(at)).mkdir()
        parts.append(measure(path, {"in0": sign * np.ones((1, 12), "f4")}, tmp_path / str(at), noise=False, seeds=0))
    assert parts[0].values["b"].idle == Idle("values that are not zero", 30, 30)
    assert Portions(parts, [1, 1]).values["b"].idle is None
    assert Portions(parts[:1] * 2, [1, 1]).values["b"].idle == Idle("values that are not zero", 30, 30)


def test_scalars_of_portions_lie_behind_each_other():
    assert behind([np.float32(1), np.float32(2)], [1, 1]).tolist() == [1, 2]


def test_portions_of_different_shapes_are_no_whole():
    with pytest.raises(BackendFault, match="different shapes"):
        behind([np.zeros((1, 2)), np.zeros((1, 3))], [1, 1])


def test_a_file_of_batch_one_is_judged_by_float64_and_its_fault_is_found_in_its_layer(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    stored = weights()
    right = save(tmp_path / "right.onnx", 1, stored, ["fc", "total"])
    wrong = save(tmp_path / "wrong.onnx", 1, {**stored, "w1": stored["w1"][:, ::-1].copy()}, ["fc", "total"])
    main(["check-parity", f"{right}::onnxruntime", f"{wrong}::onnxruntime", "--batch", "2", "--json", "-"])
    report = json.loads(capsys.readouterr().out)
    assert report["floor"].startswith("float64 of right.onnx")
    assert report["float64"]["worst"] > 0.1
    assert report["layers"][0]["first"] == "fc"
    ours = next(row for row in report["rows"] if row["backend"] == "float64")
    assert {output["verdict"] for output in ours["outputs"]} == {"pass"}
    sizes = {(output["name"], output["inputs"]): output["figures"]["size"] for output in ours["outputs"]}
    assert (sizes["fc", "random"], sizes["total", "random"]) == (20, 2)
