"""Files of weights in the real torchvision: the architecture is recognised by zoo, the file is read by PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from frameworks import framework
from torch_files import Pool, state, weights, write_safetensors, write_zip

import converters
from zoo.backends import discovery, host

pytestmark = pytest.mark.framework

X = np.random.default_rng(0).standard_normal((2, 3, 67, 71)).astype(np.float32)


def run(path, backend="torchvision", **options):
    card = framework("torchvision") if backend == "torchvision" else discovery.find(backend)
    return host.run(card, "torch", {"weights": path}, {"x": X}, options=options, timeout=300)


def saved(folder, network, classes=10, *, prefix="", nest=None):
    pool = Pool()
    tensors = {f"{prefix}{name}": tensor for name, tensor in weights(network, classes).items()}
    made = state(tensors, pool)
    return write_zip(folder / "net.pth", {nest: made} if nest else made, pool)


def converted(path, folder):
    converters.convert([path], "onnx", folder / "net.onnx", options=converters.Options(inputs={"x": ("N", 3, 67, 71)}))
    reply = host.run(discovery.find("onnxruntime"), "onnx", {"model": folder / "net.onnx"}, {"x": X}, timeout=120)
    assert isinstance(reply, host.Reply), reply
    return reply.outputs["logits"]


def alike(reply, theirs):
    assert isinstance(reply, host.Reply), reply
    np.testing.assert_allclose(reply.outputs["logits"], theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize(
    "written",
    [{}, {"prefix": "module."}, {"nest": "state_dict"}, {"classes": 3}],
    ids=["bare", "wrapped", "nested", "3"],
)
def test_the_original_network_gives_what_the_conversion_gives(written, tmp_path):
    path = saved(tmp_path, "resnet18", **written)
    reply = run(path)
    assert reply.outputs["logits"].shape == (2, written.get("classes", 10))
    alike(reply, converted(path, tmp_path))


def test_safetensors_are_read_by_their_own_package(tmp_path):
    path = write_safetensors(tmp_path / "net.safetensors", weights("squeezenet1_1", 10))
    alike(run(path), converted(path, tmp_path))


def test_float64_is_a_backend_of_its_own(tmp_path):
    path = saved(tmp_path, "squeezenet1_1")
    single, double = run(path), run(path, "torchvision:float64")
    assert single.outputs["logits"].dtype == np.float32
    assert double.outputs["logits"].dtype == np.float64
    assert double.settings["dtype"] == "float64"
    alike(double, single.outputs["logits"])


def test_weights_of_another_network_are_refused_by_torchvision_itself(tmp_path):
    answer = run(saved(tmp_path, "resnet18"), arch="resnet34")
    assert answer.reason == "refused"
    assert "layer1.2.conv1.weight" in answer.detail


def test_weights_that_zoo_does_not_recognise_are_refused_before_anything_runs(tmp_path):
    pool = Pool()
    path = write_zip(tmp_path / "net.pth", state({"a.weight": np.ones((2, 2), np.float32)}, pool), pool)
    answer = run(path)
    assert answer.reason == "refused"
    assert "unknown-architecture" in answer.detail


def test_networks_that_torchvision_lacks_are_refused_by_name(tmp_path):
    answer = run(saved(tmp_path, "resnet18"), arch="mtcnn_pnet")
    assert answer.reason == "refused"
    assert "no classification network named 'mtcnn_pnet'" in answer.detail
