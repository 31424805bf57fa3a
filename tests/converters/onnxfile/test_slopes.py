from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import converters
from converters.diagnostic import Diagnostic
from zoo.backends import discovery, host


def old(path, *shape, known=True):
    """PRelu of opset 6 with a slope a channel; as many channels as columns, so that a wrong axis fits too."""
    slope = numpy_helper.from_array(np.array([0.1, 0.2, 0.3], np.float32), "slope")
    nodes = [helper.make_node("PRelu", ["x", "slope"], ["y"])]
    if not known:
        nodes.insert(0, helper.make_node("Reshape", ["wide", "sizes"], ["x"]))
    ports = [helper.make_tensor_value_info("x" if known else "wide", TensorProto.FLOAT, shape)]
    if not known:
        ports.append(helper.make_tensor_value_info("sizes", TensorProto.INT64, ["R"]))
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape if known else None)
    graph = helper.make_graph(nodes, "g", ports, [result], [slope])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 6)], ir_version=4), path)
    return path


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 3), (2, 3, 5, 3)])
def test_a_slope_of_old_prelu_belongs_to_a_channel_in_a_newer_operator_set(tmp_path, shape):
    converters.convert([old(tmp_path / "old.onnx", *shape)], "onnx", tmp_path / "new.onnx", opset=18)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    reply = host.run(discovery.find("onnxruntime"), "onnx", {"model": tmp_path / "new.onnx"}, {"x": x}, timeout=60)
    assert isinstance(reply, host.Reply), str(reply)
    slope = np.array([0.1, 0.2, 0.3], np.float32).reshape(3, *[1] * (len(shape) - 2))
    assert np.array_equal(reply.outputs["y"], np.where(x < 0, x * slope, x))


def test_a_slope_whose_axes_cannot_be_counted_is_refused(tmp_path):
    path = old(tmp_path / "old.onnx", 2, 9, known=False)
    with pytest.raises(Diagnostic, match="nobody knows how many axes"):
        converters.convert([path], "onnx", tmp_path / "new.onnx", opset=18)
