"""A file is read once while it stays the same, and again once it is another."""

import onnx
from onnx_samples import onnx_model

from zoo.parity.graphs.reading import graph_of


def test_the_same_file_is_the_same_graph_and_another_one_is_not(tmp_path):
    path = tmp_path / "m.onnx"
    onnx.save(onnx_model("y = Relu(in0)", [(1, 3)], {}, ["y"]), path)
    first = graph_of(path)
    assert graph_of(path) is first
    (tmp_path / "other").mkdir()
    onnx.save(onnx_model("y = Neg(in0)", [(1, 3)], {}, ["y"]), tmp_path / "other" / "m.onnx")
    (tmp_path / "other" / "m.onnx").replace(path)
    assert [node.op_type for node in graph_of(path)] == ["Neg"]
