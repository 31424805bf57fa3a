"""Whole networks in PyTorch: the written module agrees with onnxruntime, in both precisions, scripted and exported."""

from __future__ import annotations

import subprocess

import numpy as np
import onnx
import pytest
from frameworks import framework, shared
from onnx import numpy_helper, parser

import converters
from zoo.backends import discovery, host

pytestmark = pytest.mark.framework

NETWORKS = {
    "lenet": (("lenet/lenet.prototxt", "lenet/lenet_iter_10000.caffemodel"), (2, 1, 28, 28)),
    "samplenet from caffe": (("samplenet/SampLeNet.prototxt", "samplenet/SampLeNet.caffemodel"), (2, 3, 32, 32)),
    "samplenet": (("samplenet/samplenet.onnx",), (1, 3, 32, 32)),
    "rfb320 from caffe": (("rfb320/RFB-320.prototxt", "rfb320/RFB-320.caffemodel"), (1, 3, 240, 320)),
    "rfb320": (("rfb320/version-RFB-320_simplified.onnx",), (1, 3, 240, 320)),
    "rfb320 with shape arithmetic": (("rfb320/version-RFB-320_without_postprocessing.onnx",), (1, 3, 240, 320)),
}
_AGAIN = """
import importlib.util, sys, torch
spec = importlib.util.spec_from_file_location("model", sys.argv[1] + "/model.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
model = module.load(sys.argv[1] + "/model.safetensors")
x = torch.rand([int(size) for size in sys.argv[2].split(",")], generator=torch.Generator().manual_seed(0))
first = lambda result: result[0] if isinstance(result, tuple) else result
wanted = first(model(x))
assert torch.equal(first(torch.jit.script(model)(x)), wanted)
assert torch.equal(first(torch.export.export(model, (x,)).module()(x)), wanted)
assert first(model.double()(x.double())).dtype == torch.float64
"""


def as_onnx(files, tmp_path):
    paths = [shared("models", *file.split("/")) for file in files]
    if paths[0].suffix == ".onnx":
        return paths[0]
    converters.convert(paths, "onnx", tmp_path / "source.onnx")
    return tmp_path / "source.onnx"


def run(name, path, feeds, **options):
    answer = host.run(framework(name), "onnx", {"model": path}, feeds, options=options, timeout=240)
    assert isinstance(answer, host.Reply), answer
    return answer.outputs


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_agrees_with_onnxruntime_in_both_precisions(network, tmp_path):
    files, shape = NETWORKS[network]
    path = as_onnx(files, tmp_path)
    feeds = {"": np.random.default_rng(0).standard_normal(shape).astype(np.float32)}
    wanted = run("onnxruntime", path, feeds)
    for kind in ("float32", "float64"):
        found = run("torch", path, feeds, dtype=kind)
        assert found.keys() == wanted.keys()
        for name, array in wanted.items():
            assert found[name].dtype == np.dtype(kind)
            np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", ["lenet", "rfb320 with shape arithmetic"])
def test_a_written_module_can_be_scripted_exported_and_doubled(network, tmp_path):
    files, shape = NETWORKS[network]
    converters.convert([as_onnx(files, tmp_path)], "torch", tmp_path / "out")
    interpreter = discovery.probe(framework("torch")).interpreter
    sizes = ",".join(map(str, shape))
    done = subprocess.run(
        [str(interpreter), "-I", "-c", _AGAIN, str(tmp_path / "out"), sizes],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_control_flow_and_recurrence_agree_with_onnxruntime(tmp_path):
    body = """<ir_version: 8, opset_import: ["" : 18]> g (float[T,2,3] x, bool up) => (float[T,1,2,4] y, float[2,3] z) {
        y, h, c = LSTM<hidden_size=4>(x, w, r)
        start = ReduceMax<keepdims=0>(x, axes)
        shape = Shape(x)  zero = Constant<value = int64 {0}>()  steps = Gather<axis=0>(shape, zero)
        last = Loop(steps, , start) <body = one (int64 i, bool go, float[2,3] s) => (bool on, float[2,3] n) {
            on = Identity(go)  item = Gather<axis=0>(x, i)  n = Add(s, item) }>
        z = If(up) <then_branch = yes () => (float[2,3] p) { p = Relu(last) },
                    else_branch = no () => (float[2,3] q) { q = Neg(last) }> }"""
    model = parser.parse_model(body)
    rng = np.random.default_rng(1)
    for name, shape in (("w", (1, 16, 3)), ("r", (1, 16, 4))):
        model.graph.initializer.append(numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name))
    model.graph.initializer.append(numpy_helper.from_array(np.array([0]), "axes"))
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    for up in (True, False):
        feeds = {"x": rng.standard_normal((5, 2, 3)).astype(np.float32), "up": np.array(up)}
        wanted, found = run("onnxruntime", path, feeds), run("torch", path, feeds)
        for name, array in wanted.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-5)


def test_a_network_that_cannot_be_written_is_a_refusal_of_the_backend(tmp_path):
    model = parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 18]> g (float[2] x) => (float[2] y) { y = RandomUniformLike(x) }'
    )
    onnx.save(model, tmp_path / "model.onnx")
    feeds = {"x": np.zeros(2, np.float32)}
    answer = host.run(framework("torch"), "onnx", {"model": tmp_path / "model.onnx"}, feeds, timeout=60)
    assert isinstance(answer, host.Failed)
    assert answer.reason == "refused"
    assert "RandomUniformLike" in answer.detail
