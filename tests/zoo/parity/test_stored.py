"""Weights are compared bit for bit: by name where files share names, by content otherwise, unread ones not at all."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.catalog.artifact import Artifact
from zoo.parity.loaded import look
from zoo.parity.stored import weights

ONE, TWO = (np.full((4, 4), value, np.float32) for value in (0.5, 0.25))


@pytest.fixture
def saved(tmp_path):
    def save(name, stored, unread=()):
        first, second = stored
        nodes = [helper.make_node("MatMul", ["x", first], ["h"]), helper.make_node("MatMul", ["h", second], ["y"])]
        held = [numpy_helper.from_array(array, key) for key, array in {**stored, **dict(unread)}.items()]
        ports = [helper.make_tensor_value_info(port, TensorProto.FLOAT, ["N", 4]) for port in ("x", "y")]
        graph = helper.make_graph(nodes, "net", ports[:1], ports[1:], held)
        path = tmp_path / f"{name}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
        return look(Artifact(name, "onnx", {"model": path}, None, {}), tmp_path / f"{name}-shown")

    return save


def test_swapped_weights_differ_where_the_files_share_names(saved):
    found = weights([saved("a", {"u": ONE, "v": TWO}), saved("b", {"u": TWO, "v": ONE})])
    assert (found.compared, found.equal, found.different) == (2, 0, ("u", "v"))
    assert found.how == "by name"


def test_files_of_other_names_are_compared_by_content_and_it_is_said(saved):
    found = weights([saved("a", {"u": ONE, "v": TWO}), saved("b", {"1": TWO, "2": ONE})])
    assert (found.compared, found.equal, found.how) == (2, 2, "by content")
    found = weights([saved("a", {"u": ONE, "v": TWO}), saved("b", {"u": ONE, "2": TWO})])
    assert (found.equal, found.how) == (2, "1 by name, the others by content")


def test_what_no_output_depends_on_does_not_count(saved):
    stray = {"stray": np.full((3, 3), 7, np.float32)}
    one, other = saved("a", {"u": ONE, "v": TWO}, stray), saved("b", {"u": ONE, "v": TWO})
    for pair in ([one, other], [other, one]):
        found = weights(pair)
        assert (found.compared, found.equal) == (2, 2)
