"""A check of real files: where its floor is from, what it shows before the softmax, and what it tells besides."""

from __future__ import annotations

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx_samples import onnx_model

from zoo.__main__ import main
from zoo.parity.loaded import look
from zoo.parity.taps import logits, visible

NODES = "a = Gemm (in0, w0)\nb = Relu (a)\nfc = Gemm (b, w1)\nflat = Flatten (fc)\nprob = Softmax (flat)"


@pytest.fixture
def net(tmp_path):
    """A classifier whose softmax is saturated: its probabilities hide whatever happens before."""
    rng = np.random.default_rng(0)
    weights = {"w0": rng.standard_normal((12, 30)).astype("f4"), "w1": 40 * rng.standard_normal((30, 10)).astype("f4")}
    return save(tmp_path / "net.onnx", weights), weights


def save(path, weights, nodes=NODES):
    onnx.save(onnx_model(nodes, [("N", 12)], weights, ["prob"]), path)
    return path


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))

    def run(*arguments):
        main(["check-parity", *map(str, arguments), "--json", "-"])
        return json.loads(capsys.readouterr().out)

    return run


def test_the_logits_are_found_behind_what_only_passes_values_on(net):
    assert {name: tap.value for name, tap in logits(net[0]).items()} == {"prob": "flat"}


def test_an_inner_value_becomes_an_output_by_a_few_bytes_behind_the_file(net, tmp_path):
    import onnxruntime

    files = visible({"model": net[0]}, ["fc"], tmp_path / "shown")
    assert 0 < files["model"].stat().st_size - net[0].stat().st_size < 20
    session = onnxruntime.InferenceSession(str(files["model"]), providers=["CPUExecutionProvider"])
    assert [port.name for port in session.get_outputs()] == ["prob", "fc"]


def test_weights_beside_the_file_are_beside_the_copy_too(net, tmp_path):
    (tmp_path / "apart").mkdir()
    model = tmp_path / "apart" / "m.onnx"
    onnx.save(onnx.load(net[0]), model, save_as_external_data=True, location="m.bin", size_threshold=0)
    files = visible({"model": model}, ["fc"], tmp_path / "shown")
    assert onnx.load(files["model"]).graph.initializer[0].raw_data
    assert (tmp_path / "shown" / "m.bin").is_file()


def test_a_fault_that_a_saturated_softmax_hides_shows_before_it(net, tmp_path, check):
    path, weights = net
    off = {**weights, "w1": weights["w1"] + np.float32(0.01)}
    report = check(f"{path}::onnxruntime", f"{save(tmp_path / 'off.onnx', off)}::onnxruntime")
    assert (report["verdict"], report["status"]) == ("differs", 1)
    failed = {output["kind"] for output in report["rows"][0]["outputs"] if output["verdict"] == "fail"}
    assert "logits" in failed
    assert report["float64"]["worst"] > 1e-6
    assert report["weights"]["different"] == ["w1"]


def test_a_file_agrees_with_itself_in_other_words_and_to_the_last_bit_of_float64(net, tmp_path, check):
    path, weights = net
    other = NODES.replace("flat = Flatten (fc)", "same = Identity (fc)\nflat = Flatten (same)")
    report = check(f"{path}::onnxruntime", f"{save(tmp_path / 'other.onnx', weights, other)}::onnxruntime")
    assert (report["verdict"], report["status"]) == ("agrees", 0)
    assert report["float64"]["worst"] == 0
    assert (report["weights"]["compared"], report["weights"]["equal"]) == (2, 2)
    figures = report["rows"][0]["outputs"][0]["figures"]
    assert 0 < figures["floor_rms"] < 1e-5
    assert {output["inputs"] for output in report["rows"][0]["outputs"]} == {"random", "one", "edge"}
    assert {row["backend"] for row in report["rows"]} == {"onnxruntime", "float64"}
    assert {tensor["kind"] for tensor in report["inputs"]["tensors"]} == {"random", "one", "edge"}
    assert any(item["what"] == "rows that are not saturated" for item in report["not_exercised"])


def test_what_was_measured_is_not_measured_again_until_something_changes(net, tmp_path, check):
    path, _ = net
    shutil.copy(path, tmp_path / "twin.onnx")
    first = check(f"{path}::onnxruntime", f"{tmp_path / 'twin.onnx'}::onnxruntime")
    kept = sorted((tmp_path / "home" / "v1" / "floors").iterdir())
    again = check(f"{path}::onnxruntime", f"{tmp_path / 'twin.onnx'}::onnxruntime")
    assert sorted((tmp_path / "home" / "v1" / "floors").iterdir()) == kept
    assert [row["outputs"] for row in again["rows"]] == [row["outputs"] for row in first["rows"]]
    check(f"{path}::onnxruntime", f"{tmp_path / 'twin.onnx'}::onnxruntime", "--seed", "1")
    assert len(list((tmp_path / "home" / "v1" / "floors").iterdir())) > len(kept)


def test_a_damaged_memory_is_measured_anew(net, tmp_path, check):
    path, _ = net
    shutil.copy(path, tmp_path / "twin.onnx")
    subjects = (f"{path}::onnxruntime", f"{tmp_path / 'twin.onnx'}::onnxruntime")
    first = check(*subjects)
    for place in (tmp_path / "home" / "v1" / "floors").iterdir():
        (place / "measured.json").write_text("{}")
    again = check(*subjects)
    assert again["floor"] == first["floor"]
    assert [row["outputs"] for row in again["rows"]] == [row["outputs"] for row in first["rows"]]


def test_an_overriding_tolerance_is_said_to_override_and_why(net, tmp_path, check):
    path, weights = net
    off = save(tmp_path / "off.onnx", {**weights, "w1": weights["w1"] + np.float32(0.01)})
    subjects = (f"{path}::onnxruntime", f"{off}::onnxruntime")
    report = check(*subjects, "--rtol", "0.5", "--atol", "0.5", "--why", "a test")
    assert report["status"] == 0
    rule = report["tolerance"]
    assert (rule["kind"], rule["overridden"], rule["why"], rule["rtol"]) == ("tolerance", True, "a test", 0.5)


def test_an_operator_beyond_float64_has_the_spread_for_a_floor_and_says_so(tmp_path, check):
    nodes = [onnx.helper.make_node("FusedMatMul", ["in0", "w0"], ["y"], domain="com.microsoft")]
    ports = [onnx.helper.make_tensor_value_info(name, 1, ["N", size]) for name, size in (("in0", 6), ("y", 5))]
    weight = onnx.numpy_helper.from_array(np.random.default_rng(0).standard_normal((6, 5)).astype("f4"), "w0")
    graph = onnx.helper.make_graph(nodes, "g", ports[:1], ports[1:], [weight])
    imports = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("com.microsoft", 1)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=imports, ir_version=8), tmp_path / "m.onnx")
    shutil.copy(tmp_path / "m.onnx", tmp_path / "twin.onnx")
    report = check(f"{tmp_path / 'm.onnx'}::onnxruntime", f"{tmp_path / 'twin.onnx'}::onnxruntime")
    assert report["status"] == 0
    assert report["floor"].startswith("4 x the spread of 4 runs with inputs moved by one unit in the last place")
    assert "FusedMatMul" in report["floor"]


def test_a_file_that_nobody_can_read_is_left_to_the_backends(tmp_path):
    from zoo.catalog.artifact import Artifact

    (tmp_path / "m.onnx").write_bytes(b"no network")
    found = look(Artifact("m", "onnx", {"model": tmp_path / "m.onnx"}, None, {}), tmp_path / "shown")
    assert not found.is_onnx


def test_a_report_is_replayed_to_the_same_numbers_and_refused_when_the_inputs_changed(net, tmp_path, check, capsys):
    path, weights = net
    twin = save(tmp_path / "twin.onnx", weights)
    np.savez(tmp_path / "in.npz", in0=np.random.default_rng(1).standard_normal((3, 12)).astype("f4"))
    first = check(f"{path}::onnxruntime", f"{twin}::onnxruntime", "--inputs", tmp_path / "in.npz")
    (tmp_path / "report.json").write_text(json.dumps(first))
    again = check("--replay", tmp_path / "report.json")
    assert (again["request"], again["inputs"]) == (first["request"], first["inputs"])
    assert [row["outputs"] for row in again["rows"]] == [row["outputs"] for row in first["rows"]]
    np.savez(tmp_path / "in.npz", in0=np.zeros((3, 12), "f4"))
    assert main(["check-parity", "--replay", str(tmp_path / "report.json")]) == 3
    assert "replay-differs" in capsys.readouterr().err
    (tmp_path / "report.json").write_text("{}")
    assert main(["check-parity", "--replay", str(tmp_path / "report.json")]) == 3
    assert main(["check-parity", "x", "--replay", str(tmp_path / "report.json")]) == 2


def test_a_backend_that_does_not_show_the_logits_is_named(net, tmp_path, check):
    path, _ = net
    shutil.copy(path, tmp_path / "twin.onnx")
    report = check(f"{path}::onnxruntime", f"{tmp_path / 'twin.onnx'}::opencv")
    (row,) = [row for row in report["rows"] if row["backend"] == "opencv"]
    shown = {output["kind"] for output in row["outputs"]} == {"output", "logits"}
    told = ["what goes into the softmax of prob is not compared: opencv does not show it"]
    assert row["paired"] == ([] if shown else told)
