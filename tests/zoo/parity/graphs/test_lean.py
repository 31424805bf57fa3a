"""A message without its large numbers writes the file that it was read from, and copies cost next to nothing."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.parity.graphs import lean
from zoo.parity.graphs.cut import cut, extract
from zoo.parity.graphs.graph import Graph

LARGE, SMALL = np.arange(4000, dtype=np.float32).reshape(40, 100), np.ones(100, np.float32)


@pytest.fixture
def model():
    nodes = [helper.make_node("MatMul", ["x", "A"], ["a"]), helper.make_node("Add", ["a", "B"], ["y"])]
    ports = [helper.make_tensor_value_info(*port) for port in (("x", TensorProto.FLOAT, ["N", 40]),
             ("y", TensorProto.FLOAT, ["N", 100]))]  # fmt: skip
    held = [numpy_helper.from_array(LARGE, "A"), numpy_helper.from_array(SMALL, "B")]
    return helper.make_model(helper.make_graph(nodes, "net", ports[:1], ports[1:], held))


@pytest.fixture(params=["inside", "beside"])
def file(request, model, tmp_path):
    path = tmp_path / "m.onnx"
    onnx.save(model, path, save_as_external_data=request.param == "beside", location="w.bin", size_threshold=0)
    return path


def test_what_is_written_holds_every_number_again(file, model, tmp_path):
    graph = Graph.load(file)
    assert len(graph.model.SerializeToString()) < LARGE.nbytes
    graph.save(tmp_path / "again.onnx")
    again = onnx.load(tmp_path / "again.onnx")
    onnx.checker.check_model(again)
    assert again.graph.node == model.graph.node
    for name, array in (("A", LARGE), ("B", SMALL)):
        (held,) = [one for one in again.graph.initializer if one.name == name]
        assert np.array_equal(numpy_helper.to_array(held), array)
        assert np.array_equal(graph.weight(name), array)
    assert (tmp_path / "again.onnx").stat().st_size <= graph.size


def test_parts_and_edits_of_a_graph_are_written_with_their_numbers(file, tmp_path):
    graph = Graph.load(file)
    part = extract(graph, ["a"], [])
    graph.give(graph.nodes[0], 1, 2 * LARGE)
    for one, expected in ((part, LARGE), (cut(graph, ["a"]), 2 * LARGE)):
        one.save(tmp_path / "part.onnx")
        read = Graph(onnx.load(tmp_path / "part.onnx"))
        assert np.array_equal(read.operand(read.nodes[0], 1), expected)


def test_a_message_without_files_is_written_as_it_is(model):
    assert onnx.ModelProto.FromString(b"".join(lean.written(model))) == model
