"""A checkpoint of the registry, from a mirror to a verdict: pulled, converted, run in ONNX Runtime and in PyTorch."""

from __future__ import annotations

import json

import pytest
from cli import run
from entries import entry_row, file_row, write_registry
from frameworks import framework
from loopback import Loopback, whole
from torch_files import Pool, state, weights, write_zip

pytestmark = pytest.mark.framework

NAME = "squeezenet1_1-seeded.pth"
ROUTES = "onnxruntime,torch,torch:float64,torchvision,torchvision:float64"


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """Seeded weights under torchvision's names, and a registry whose only mirror is far away."""
    pool = Pool()
    body = write_zip(tmp_path / NAME, state(weights("squeezenet1_1", 10), pool), pool).read_bytes()
    row = entry_row(
        file_row(body, {"url": "http://127.0.0.1:9/net.pth"}, name=NAME, role="weights"),
        id="seeded@torch", family="squeezenet", architecture="squeezenet1.1",
        inputs=[{"name": "x", "shape": ["N", 3, 224, 224]}],
        outputs=[{"name": "logits", "kind": "logits", "classes": 10}],
    )  # fmt: skip
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", row)))
    return body


@pytest.mark.parametrize("kind", ["folder", "address"])
def test_a_checkpoint_goes_from_a_mirror_to_a_verdict(kind, checkpoint, tmp_path, monkeypatch):
    framework("torch")
    framework("torchvision")
    (tmp_path / "mirror" / "seeded@torch").mkdir(parents=True)
    (tmp_path / "mirror" / "seeded@torch" / NAME).write_bytes(checkpoint)
    with Loopback() as server:
        server.on(f"/all/seeded@torch/{NAME}", whole(checkpoint))
        monkeypatch.setenv("ZOO_MIRROR", str(tmp_path / "mirror") if kind == "folder" else server.url("/all/"))
        ran = run("check-parity", "seeded", "--backends", ROUTES, "--batch", "2", "--json", "-")
    assert ran.status == 0, ran.out + ran.err
    assert bool(server.requests) == (kind == "address")
    document = json.loads(ran.out)
    assert document["status"] == 0
    assert document["reference"]["backend"] == "torchvision", "the framework of the weights is the reference"
    assert {"onnxruntime", "torch", "torch:float64", "torchvision:float64", "float64"} <= set(_passed(document)), (
        ran.out
    )
    assert document["float64"]["worst"] <= 3e-15, "the conversion is the original network to the last bit"


def _passed(document):
    """The backends that agree with the reference."""
    stack = [document]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += value.values()
            if value.get("verdict") == "pass" and isinstance(value.get("backend"), str):
                yield value["backend"]
        elif isinstance(value, list):
            stack += value
