"""A .t7 file tells no inputs: a check takes them from its conversion, from --input, or from the arrays that are fed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from cli import run

from converters.outputs import whole
from converters.torch7.classes import container, module
from converters.torch7.saving import Floats, save
from converters.weights import ArrayWeight

BACKENDS = "opencv,onnxruntime"


def net(path: Path, *, convolution: bool) -> str:
    rng = np.random.default_rng(2)
    weight, bias = (Floats(ArrayWeight(rng.standard_normal(shape).astype(np.float32))) for shape in ((4, 3), (4,)))
    layer = module("nn.Linear", {"weight": weight, "bias": bias})
    if convolution:
        kernel = Floats(ArrayWeight(rng.standard_normal((4, 3, 3, 2)).astype(np.float32)))
        window = {"kW": 2, "kH": 3, "dW": 1, "dH": 1, "padW": 0, "padH": 0}
        fields = {"nInputPlane": 3, "nOutputPlane": 4, **window, "weight": kernel, "bias": bias}
        layer = module("nn.SpatialConvolution", fields)
    with whole(path) as sink:
        save(container("nn.Sequential", (layer, module("nn.Tanh", {}))), sink)
    return str(path)


def checked(*arguments: str) -> dict:
    ran = run("check-parity", *arguments, "--backends", BACKENDS, "--json", "-")
    return json.loads(ran.out)


def ran(report: dict) -> list[tuple[str, str]]:
    return [(row["artifact"], row["backend"]) for row in report["rows"]]


def test_a_shape_that_follows_from_the_file_is_fed_to_both(tmp_path):
    report = checked(net(tmp_path / "m.t7", convolution=False))
    assert report["verdict"] == "agrees"
    assert report["reference"]["artifact"] == "m.t7"
    assert ("m.t7 -> onnx", "onnxruntime") in ran(report)
    assert report["inputs"]["tensors"][0]["shape"] == [4, 3]


def test_input_gives_the_shape_that_the_file_does_not_say_and_a_replay_knows_it(tmp_path):
    path = net(tmp_path / "m.t7", convolution=True)
    bare = checked(path)
    assert any("--input" in str(item["remedy"]) for item in bare["not_run"])
    report = checked(path, "--input", "1,3,7,6")
    assert report["verdict"] == "agrees"
    assert report["inputs"]["tensors"][0]["shape"] == [4, 3, 7, 6]
    assert report["request"]["input"] == ["1,3,7,6"]


def test_a_file_that_zoo_cannot_convert_is_fed_the_shape_that_is_given(tmp_path):
    report = checked(net(tmp_path / "m.t7", convolution=True), "--input", "1,4,7,6")
    assert report["inputs"]["tensors"][0]["shape"] == [4, 4, 7, 6]
    why = {item["label"]: item["why"] for item in report["not_run"]}
    assert why["m.t7 -> onnx"].startswith("unsupported-layer")
    assert why["m.t7"].startswith("failed: cv2.error")


def test_arrays_that_are_fed_give_their_shapes(tmp_path):
    path = net(tmp_path / "m.t7", convolution=True)
    np.savez(tmp_path / "x.npz", input=np.ones((2, 3, 8, 5), np.float32))
    report = checked(path, "--inputs", str(tmp_path / "x.npz"))
    assert report["verdict"] == "agrees"
    assert len(report["rows"]) >= 1


def test_what_is_no_shape_is_refused_before_anything_runs(tmp_path):
    ran = run("check-parity", net(tmp_path / "m.t7", convolution=True), "--input", "1,x-3")
    assert ran.status == 2
    assert "is no dimension" in ran.err
