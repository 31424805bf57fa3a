"""Outputs that are sets are told from the graph."""

import onnx
import pytest
from onnx import TensorProto, helper

from zoo.parity.detections.recognised import recognised

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64


@pytest.fixture
def saved(tmp_path):
    def save(nodes, outputs):
        ports = [helper.make_tensor_value_info("boxes", FLOAT, ["N", 8, 4]),
                 helper.make_tensor_value_info("scores", FLOAT, ["N", 2, 8])]  # fmt: skip
        made = [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()]
        graph = helper.make_graph(nodes, "net", ports, made)
        path = tmp_path / "net.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
        return path

    return save


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs, outputs, **attributes)


def test_what_comes_out_of_a_suppression_is_a_set_of_rows_or_of_picks(saved):
    nodes = [
        node("NonMaxSuppression", ["boxes", "scores"], ["chosen"]),
        node("Cast", ["chosen"], ["rows"], to=INT),
        node("Cast", ["chosen"], ["numbers"], to=FLOAT),
        node("Relu", ["numbers"], ["found"]),
        node("Relu", ["scores"], ["plain"]),
    ]
    found = recognised(saved(nodes, {"rows": INT, "found": FLOAT, "plain": FLOAT}))
    assert found.rows == ("found",)
    assert found.picks == ("rows",)
    assert not found.places


def test_places_of_largest_values_know_the_value_and_the_axis(saved):
    nodes = [
        node("Relu", ["scores"], ["live"]),
        node("ArgMax", ["live"], ["best"], axis=1, keepdims=0),
        node("Constant", [], ["k"], value_ints=[3]),
        node("TopK", ["live", "k"], ["most", "where"]),
        node("ArgMax", ["scores"], ["fed"], axis=1),
    ]
    found = recognised(saved(nodes, {"best": INT, "most": FLOAT, "where": INT, "fed": INT}))
    assert found.places == {"best": ("live", 1), "where": ("live", -1)}
    assert not found.rows
