"""Inputs of other types than float32: what may be fed to them is read from the graph."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.__main__ import main
from zoo.backends.feeds import seeded_whole
from zoo.diagnostics import Diagnostic
from zoo.parity.domains import Domain, domains
from zoo.parity.feeding import Port, edge_samples, fed, leader, random_samples

TABLE = np.random.default_rng(0).standard_normal((11, 4)).astype("f4")
LOOKED_UP = "j = Cast <to = 7> (i)\nk = Unsqueeze (j, last)\nl = Squeeze (k, last)\ne = Gather (t, l)"
MASKED = "m2 = Cast <to = 1> (m)\nm3 = Unsqueeze (m2, last)\nf = Mul (e, m3)\ny = ReduceSum <keepdims = 0> (f, one)"


def graph(path, nodes, inputs, outputs, stored):
    made = helper.make_graph(
        [onnx.parser.parse_node(line) for line in nodes.splitlines()],
        "net",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in outputs],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def net(tmp_path):
    """Words that are looked up, a mask and a switch."""
    nodes = f"{LOOKED_UP}\n{MASKED}\nz = Where (b, y, y2)\ny2 = Neg (y)".splitlines()
    inputs = [("i", TensorProto.INT32, ["N", 7]), ("m", TensorProto.INT64, ["N", 7]), ("b", TensorProto.BOOL, ["N", 1])]
    stored = {"t": TABLE, "last": np.array([2]), "one": np.array([1])}
    ordered = "\n".join([*nodes[:-2], nodes[-1], nodes[-2]])
    return graph(tmp_path / "words.onnx", ordered, inputs, [("z", TensorProto.FLOAT, ["N", 4])], stored)


def test_the_table_that_numbers_are_looked_up_in_bounds_them(net):
    assert domains(net) == {"i": Domain("int32", 11), "m": Domain("int64", 2), "b": Domain("bool", 2)}


def test_a_network_of_words_is_checked_with_words(net, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    assert main(["check-parity", str(net), "--backends", "onnxruntime,torch", "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {row["backend"] for row in report["rows"]} >= {"float64"}
    assert "i: whole numbers below 11" in report["inputs"]["samples"]


def test_floats_that_are_indices_are_whole_numbers_because_another_format_of_the_network_says_so():
    caffe, ours = Port("data", ("N", 3)), Port("data", ("N", 3), None, "float32", 5)
    ports = leader([(caffe,), (ours,)])
    samples = random_samples(ports, 0, 50)
    assert sorted(set(samples.arrays[0].ravel().tolist())) == [0, 1, 2, 3, 4]
    (portion,) = fed((caffe,), samples, "net@caffe")
    assert portion["data"].dtype == np.float32
    edges = edge_samples(ports, 4)
    assert edges is not None
    assert edges.arrays[0].tolist() == [[0, 0, 0], [2, 2, 2], [4, 4, 4], [4, 4, 4]]


def test_everybody_is_fed_what_float16_can_hold_where_somebody_takes_float16():
    full, half = Port("x", ("N", 9), None, "float32"), Port("x", ("N", 9), None, "float16")
    samples = random_samples(leader([(full,), (half,)]), 0, 4)
    wide, narrow = fed((full,), samples, "a")[0]["x"], fed((half,), samples, "b")[0]["x"]
    assert (wide.dtype, narrow.dtype) == (np.float32, np.float16)
    assert np.array_equal(wide, narrow.astype(np.float32))


def test_whole_numbers_are_the_same_everywhere_and_reach_both_ends():
    drawn = seeded_whole("i", (4, 500), 0, 300_000)
    assert (drawn.dtype, int(drawn.min()) >= 0, int(drawn.max()) < 300_000) == (np.int64, True, True)
    assert int(drawn.max()) > 299_000
    assert seeded_whole("i", (6,), 0, 11).tolist() == [4, 1, 10, 10, 8, 3]


@pytest.mark.parametrize(
    ("shape", "code", "said"),
    [
        (("N", 2**40), "input-too-large", "over 268,435,456 numbers"),
        (("N", -1), "free-input", "its sizes are for the caller"),
        ((), "free-input", "no axis for samples"),
    ],
)
def test_a_size_that_cannot_be_made_is_refused_in_words(shape, code, said):
    with pytest.raises(Diagnostic) as fault:
        random_samples((Port("x", shape),), 0, 4)
    assert fault.value.code == code
    assert said in fault.value.message


def test_a_batch_of_less_than_one_says_nothing():
    assert Port("x", (-1, 4)).fixed is None
    assert Port("x", (0, 4)).fixed is None
