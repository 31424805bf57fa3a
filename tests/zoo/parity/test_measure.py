"""`measure` and `local` run the engine in a process of its own and bring back what it found."""

import numpy as np
import onnx
import pytest
from onnx_samples import onnx_model

from zoo.diagnostics import BackendFault
from zoo.parity.measure import K, judge, local, measure, ratio

NODES = "a = Gemm (in0, w0)\nb = Relu (a)\nlogits = Gemm (b, w1)\ny = Softmax (logits)"


@pytest.fixture
def net(tmp_path):
    rng = np.random.default_rng(0)
    weights = {"w0": rng.standard_normal((40, 30)).astype("f4"), "w1": rng.standard_normal((30, 10)).astype("f4")}
    onnx.save(onnx_model(NODES, [(4, 40)], weights, ["y"]), tmp_path / "m.onnx")
    return tmp_path / "m.onnx", {"in0": rng.standard_normal((4, 40)).astype("f4")}, weights


def test_every_value_has_a_floor_and_kept_ones_their_float64_numbers(net, tmp_path):
    path, feeds, weights = net
    found = measure(path, feeds, tmp_path, keep=["logits"])
    assert list(found.values) == ["a", "b", "logits", "y"]
    assert found.outputs == ("y",)
    x = feeds["in0"].astype("f8") @ weights["w0"].astype("f8")
    wanted = np.maximum(x, 0) @ weights["w1"].astype("f8")
    np.testing.assert_allclose(found.double("logits"), wanted, rtol=1e-12)
    logits = found.values["logits"]
    assert 2.0**-24 * logits.rms <= logits.floor_rms < 1e-6 * logits.rms
    assert logits.rms == pytest.approx(float(np.sqrt(np.mean(wanted**2))))
    assert logits.max == pytest.approx(float(np.abs(wanted).max()))


def test_rounding_passes_and_one_wrong_weight_does_not(net, tmp_path):
    path, feeds, weights = net
    found = measure(path, feeds, tmp_path, keep=None)

    def run(first):
        return np.maximum(feeds["in0"] @ first, 0) @ weights["w1"]

    wrong = weights["w0"].copy()
    wrong[3, 4] = -wrong[3, 4]
    assert judge(run(weights["w0"]), found.double("logits"), found.values["logits"])[1]
    much, passes = judge(run(wrong), found.double("logits"), found.values["logits"])
    assert (much > 100 * K, passes) == (True, False)
    assert judge(np.zeros((4, 9), "f4"), found.double("logits"), found.values["logits"]) == (np.inf, False)


def test_other_values_are_compared_while_the_engine_runs(net, tmp_path):
    path, feeds, weights = net
    mine = feeds["in0"] @ weights["w0"]
    theirs = {"good": {"a": mine}, "bad": {"a": mine * np.float32(1.0001), "b": np.full((4, 30), np.nan, "f4")}}
    found = measure(path, feeds, tmp_path, against=theirs)
    assert ratio(found.errors["good"]["a"], found.values["a"]) < K
    assert ratio(found.errors["bad"]["a"], found.values["a"]) > K
    assert ratio(found.errors["bad"]["b"], found.values["b"]) == np.inf


def test_local_computes_each_step_from_the_values_that_it_is_handed(net, tmp_path):
    path, feeds, _ = net
    inner = {"a": np.full((4, 30), -1.0, "f4"), "b": np.zeros((4, 30), "f4")}
    found = local(path, feeds, inner, tmp_path, against={"it": inner}, keep=["b", "logits"])
    assert not found.double("b").any()
    assert not found.double("logits").any()
    assert ratio(found.errors["it"]["b"], found.values["b"]) == 0
    assert ratio(found.errors["it"]["a"], found.values["a"]) > K


def test_an_operator_beyond_the_reference_is_a_fault_that_says_so(tmp_path):
    node = onnx.helper.make_node("Strange", ["in0"], ["y"], domain="com.example")
    ports = [onnx.helper.make_tensor_value_info(name, 1, [2]) for name in ("in0", "y")]
    graph = onnx.helper.make_graph([node], "g", ports[:1], ports[1:])
    imports = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("com.example", 1)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=imports, ir_version=8), tmp_path / "m.onnx")
    with pytest.raises(BackendFault, match="Strange"):
        measure(tmp_path / "m.onnx", {"in0": np.zeros(2, "f4")}, tmp_path)
