"""`zoo check-parity` on an MXNet checkpoint as they are published: no shapes, and a softmax at the end."""

import mxnet_files as files
import numpy as np
import pytest
from cli import run
from frameworks import framework


@pytest.fixture
def checkpoint(tmp_path):
    """A convolution, its mean and a softmax: `data`, whose height and width nobody says, to `prob_output`."""
    rng = np.random.default_rng(0)
    nodes = [
        files.variable("data"),
        files.variable("conv_weight"),
        files.variable("conv_bias"),
        files.node("Convolution", "conv", [0, 1, 2], kernel="(3, 2)", num_filter="5"),
        files.node("Pooling", "mean", [3], kernel="(1, 1)", global_pool="True", pool_type="avg"),
        files.node("Flatten", "flat", [4]),
        files.variable("prob_label"),
        files.node("SoftmaxOutput", "prob", [5, 6]),
    ]
    weights = {
        "arg:conv_weight": rng.standard_normal((5, 3, 3, 2)).astype(np.float32),
        "arg:conv_bias": rng.standard_normal(5).astype(np.float32),
    }
    made = files.write(tmp_path, "net", files.symbol(nodes), weights)
    return ",".join(map(str, made.values()))


@pytest.mark.framework
def test_the_shape_that_is_given_is_fed_and_the_logits_are_compared_under_the_symbols_names(checkpoint):
    framework("mxnet")
    ran = run("check-parity", f"{checkpoint}::mxnet", f"{checkpoint}::onnxruntime", "--input", "1,3,6,7", "--json", "-")
    assert ran.status == 0, ran.err
    assert ran.json["reference"]["backend"] == "mxnet"
    (row,) = (one for one in ran.json["rows"] if one["backend"] == "onnxruntime")
    found = {(one["name"], one["kind"]) for one in row["outputs"]}
    assert found == {("prob_output", "output"), ("prob_output", "logits")}


@pytest.mark.framework
def test_its_answers_are_recorded_for_when_mxnet_is_gone(checkpoint, tmp_path):
    framework("mxnet")
    made = tmp_path / "g.npz"
    ran = run("golden", "make", f"{checkpoint}::mxnet", "-o", str(made), "--input", "data:1,3,6,7", "--layers")
    assert ran.status == 0, ran.err
    assert "net-0000.params in mxnet" in ran.out
    more = ("--input", "1,3,6,7", "--golden", str(made), "--layers", "--json", "-")
    ran = run("check-parity", f"{checkpoint}::onnxruntime", *more)
    assert ran.status == 0, ran.err
    assert ran.json["reference"]["backend"] == "mxnet"
    assert [one["values"] for one in ran.json["layers"]] == [4]


def test_without_a_shape_it_is_asked_for_by_name(checkpoint):
    ran = run("check-parity", checkpoint)
    assert ran.status == 3
    assert "--input data:" in ran.err
