"""zoo convert ID: a published MXNet model from its mirror, with what its card says of it in the ONNX file."""

from __future__ import annotations

import json

import mxnet_files as files
import numpy as np
import onnx
import pytest
from cli import run
from entries import entry_row, file_row, write_registry
from loopback import Loopback, whole

from zoo.catalog.labels import labels

IMAGE = {
    "name": "data", "shape": ["N", 3, 8, 6], "layout": "NCHW", "color": "RGB", "range": [0, 255],
    "mean": [123.68, 116.779, 103.939], "std": [58.393, 57.12, 57.375],
    "resize": {"mode": "short-side", "size": 10}, "crop": [8, 6],
}  # fmt: skip


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A registry whose one entry is an MXNet network on a server of this machine."""
    nodes = [
        files.variable("data"),
        files.variable("fc_weight"),
        files.node("FullyConnected", "fc", [0, 1], num_hidden="2", no_bias="True"),
        files.variable("softmax_label"),
        files.node("SoftmaxOutput", "softmax", [2, 3]),
    ]
    graph = files.symbol(nodes).encode()
    weights = files.params({"arg:fc_weight": np.random.default_rng(0).standard_normal((2, 144)).astype(np.float32)})
    with Loopback() as server:
        rows = [
            file_row(body, {"url": server.on(f"/{name}", whole(body))}, name=name, role=role)
            for role, name, body in (("graph", "net-symbol.json", graph), ("weights", "net-0000.params", weights))
        ]
        made = {"name": "softmax_output", "kind": "probabilities", "classes": 2, "labels": "nsfw"}
        entry = entry_row(*rows, id="made-up@mxnet", format="mxnet", inputs=[IMAGE], outputs=[made])
        monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", entry)))
        yield "made-up@mxnet"


def test_the_card_of_a_published_mxnet_model_travels_in_the_onnx_file(published, tmp_path):
    out = tmp_path / "net.onnx"
    done = run("convert", published, "--to", "onnx", "-o", str(out))
    assert done.status == 0, done.err
    model = onnx.load(out)
    props = {item.key: item.value for item in model.metadata_props}
    (fed,) = json.loads(props["zoo.inputs"])
    assert {key: fed[key] for key in IMAGE} == {**IMAGE, "resize": {**IMAGE["resize"], "interpolation": "bilinear"}}
    (made,) = json.loads(props["zoo.outputs"])
    assert (made["name"], made["kind"]) == ("softmax_output", "probabilities")
    assert props["zoo.labels.softmax_output"].splitlines() == list(labels("nsfw"))
    assert props["zoo.id"] == published
    assert [port.name for port in model.graph.input] == ["data"]
    assert [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim][1:] == [3, 8, 6]
