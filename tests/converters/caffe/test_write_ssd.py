"""What `--dialect ssd` writes beyond plain Caffe: read, written and run by a Caffe that has SSD's layers."""

from __future__ import annotations

import numpy as np
import pytest
from caffe_samples import close
from frameworks import framework
from seeded import seeded_caffemodel

import converters
from zoo.backends import host

NET = """name: "ssd"
input: "data" input_shape {{ dim: 2 dim: 3 dim: 4 dim: 5 }}
layer {{
  name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param {{ num_output: 6 kernel_size: 1 }}
}}
layer {{ name: "out" type: "{kind}" bottom: "conv" top: "out" {param} }}
"""

LAYERS = [
    ("Normalize", "norm_param { across_spatial: false channel_shared: false }"),
    ("Normalize", "norm_param { across_spatial: true channel_shared: true eps: 0.5 }"),
    ("Normalize", "norm_param { across_spatial: false channel_shared: true }"),
    ("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }"),
    ("ReLU6", ""),
]


@pytest.mark.framework
@pytest.mark.parametrize(("kind", "param"), LAYERS)
def test_a_layer_of_ssd_comes_back_and_computes_the_same(kind, param, tmp_path):
    graph = tmp_path / "net.prototxt"
    graph.write_text(NET.format(kind=kind, param=param))
    weights = seeded_caffemodel(graph)
    converters.convert([graph, weights], "onnx", tmp_path / "net.onnx")
    converters.convert([tmp_path / "net.onnx"], "caffe", tmp_path / "back", dialect="ssd")
    text = (tmp_path / "back" / "back.prototxt").read_text()
    assert f'type: "{kind}"' in text
    back = {"graph": tmp_path / "back" / "back.prototxt", "weights": tmp_path / "back" / "back.caffemodel"}
    data = {"data": np.random.default_rng(0).uniform(-9, 9, (2, 3, 4, 5)).astype(np.float32)}
    jobs = [host.Job("caffe", files, data) for files in ({"graph": graph, "weights": weights}, back)]
    before, after = host.run_many(framework("caffe-ssd"), jobs, 120)
    assert isinstance(before, host.Reply), str(before)
    assert isinstance(after, host.Reply), str(after)
    assert close(after.outputs["out"], before.outputs["out"])
