"""zoo inspect and zoo convert on .t7 files, as a person types them."""

from __future__ import annotations

import json

import numpy as np
from cli import run

from converters.outputs import whole
from converters.torch7.classes import container, module
from converters.torch7.saving import Floats, Listed, Made, save
from converters.weights import ArrayWeight


def checkpoint(path, *parts):
    with whole(path) as sink:
        save(Listed(parts), sink)
    return str(path)


def linear(out: int, inputs: int) -> Made:
    values = np.arange(out * inputs, dtype=np.float32).reshape(out, inputs)
    return container("nn.Sequential", (module("nn.Linear", {"weight": Floats(ArrayWeight(values))}),))


def test_inspect_prints_the_tree_with_types_shapes_and_sizes(tmp_path):
    ran = run("inspect", checkpoint(tmp_path / "x.t7", linear(2, 3), 90, "resnet"))
    assert ran.status == 0
    rows = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert {"1 nn.Sequential", "[1] nn.Linear", "weight torch.FloatTensor 2 x 3 24", "2 90", "3 resnet"} <= set(rows)


def test_inspect_tells_whether_it_can_be_converted_only_when_asked(tmp_path):
    path = checkpoint(tmp_path / "x.t7", linear(2, 3))
    assert json.loads(run("inspect", "--json", path).out)["artifacts"][0]["convertible"] is None
    asked = run("inspect", "--support", path)
    assert asked.status == 0
    assert "can be converted" in asked.out


def test_convert_asks_for_a_key_and_takes_it(tmp_path):
    path = checkpoint(tmp_path / "x.t7", linear(2, 3), linear(4, 5))
    ran = run("convert", path, "--to", "onnx", "-o", str(tmp_path / "x.onnx"))
    assert ran.status == 3
    assert "--key 1 picks one" in ran.err
    ran = run("convert", path, "--to", "onnx", "--key", "2", "-o", str(tmp_path / "x.onnx"))
    assert ran.status == 0, ran.err
    assert 'the model is the value under "2"' in ran.out


def test_convert_takes_one_tensor_out_as_npy(tmp_path):
    path = checkpoint(tmp_path / "x.t7", linear(2, 3))
    out = tmp_path / "x.npy"
    ran = run("convert", path, "--to", "npy", "--key", "1.modules.1.weight", "-o", str(out))
    assert ran.status == 0, ran.err
    np.testing.assert_array_equal(np.load(out), np.arange(6, dtype=np.float32).reshape(2, 3))
