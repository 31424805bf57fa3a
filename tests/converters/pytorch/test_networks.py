"""Whole networks: weights saved by the real torchvision, converted by our builders, agree with the real network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from frameworks import shared
from torchvision_networks import convert, difference, job, judge

import converters
from zoo.backends import discovery, host
from zoo.catalog.registry import load
from zoo.console import Console
from zoo.supply.store import Store

FAMILIES = (
    "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mnasnet0_5", "mobilenet_v2",
    "mobilenet_v3_small", "regnet_y_400mf", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1",
)  # fmt: skip
SIDE = 107
"""Pixels: odd, so that rounding up and down differ, and small, so that the suite stays quick."""
CLOSE = 1e-5
"""Of the largest logit; measured over 48 of the torchvision networks: at most 1.4e-6."""
REAL = {
    "mtcnn-pnet": (3, 3, 37, 50), "mtcnn-rnet": (3, 3, 24, 24), "mtcnn-onet": (3, 3, 48, 48),
    "efficientnet-lite0": (2, 3, 224, 224),
}  # fmt: skip


def run(model, fed):
    reply = host.run(discovery.find("onnxruntime"), "onnx", {"model": model}, fed, timeout=120)
    assert isinstance(reply, host.Reply), str(reply)
    return reply.outputs


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The checkpoints and outputs of the real networks, all from one process."""
    folder = tmp_path_factory.mktemp("torchvision")
    jobs = {name: job(name, number, folder, SIDE) for number, name in enumerate(FAMILIES)}
    judge(list(jobs.values()), folder)
    return jobs


@pytest.mark.index
@pytest.mark.framework
@pytest.mark.parametrize("name", FAMILIES)
def test_weights_of_the_real_torchvision_are_recognised_and_agree(name, saved, tmp_path):
    made = saved[name]
    assert convert(made, tmp_path / "net.onnx") == name
    outputs = run(tmp_path / "net.onnx", {"x": np.load(made["inputs"])})
    assert list(outputs) == ["logits"]
    assert difference(outputs["logits"], np.load(made["outputs"])) < CLOSE


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The published weights, and what the networks of their own packages make of an input."""
    from zoo.catalog.artifact import from_entry

    folder = tmp_path_factory.mktemp("published")
    jobs = {}
    for name, shape in REAL.items():
        (entry,) = load().find(f"{name}@torch")
        artifact = from_entry(entry, Store(folder / "store"), console=Console("quiet"))
        np.save(folder / f"{name}.npy", np.random.default_rng(0).standard_normal(shape).astype(np.float32))
        paths = {"inputs": str(folder / f"{name}.npy"), "outputs": str(folder / f"{name}.npz")}
        jobs[name] = {"name": name, "weights": str(artifact.files["weights"]), **paths}
    judge(list(jobs.values()), folder)
    return jobs


@pytest.mark.index
@pytest.mark.framework
@pytest.mark.parametrize("name", REAL)
def test_published_weights_agree_with_their_own_package(name, published, tmp_path):
    made, (entry,) = published[name], load().find(f"{name}@torch")
    converters.convert([Path(made["weights"])], "onnx", tmp_path / "net.onnx")
    outputs = run(tmp_path / "net.onnx", {entry.inputs[0].name: np.load(made["inputs"])})
    assert [spec.name for spec in entry.outputs] == list(outputs)
    theirs = np.load(made["outputs"])
    for number, mine in enumerate(outputs.values()):
        assert difference(mine, theirs[f"out{number}"]) < CLOSE


def test_rfb_320_agrees_with_its_publishers_onnx_file(tmp_path):
    folder = shared("models", "rfb320")
    converters.convert([folder / "version-RFB-320.pth"], "onnx", tmp_path / "net.onnx")
    fed = {"input": np.random.default_rng(0).standard_normal((1, 3, 240, 320)).astype(np.float32)}
    mine = run(tmp_path / "net.onnx", fed)
    theirs = run(folder / "version-RFB-320_without_postprocessing.onnx", fed)
    assert list(mine) == ["scores", "boxes"]
    for name, array in theirs.items():
        assert difference(mine[name], array) < CLOSE
