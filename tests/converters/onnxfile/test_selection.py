"""--outputs and --cut-at for ONNX models."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx_samples import onnx_model

import converters
from converters.diagnostic import Diagnostic
from zoo.backends import discovery, host

NODES = "a = Relu(in0)\nb = Sigmoid(a)\nc = Add(b, in1)\nout0 = Abs(c)\nout1 = Neg(a)"
SHAPES = ((1, 3), (1, 3))


@pytest.fixture
def read(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(onnx_model(NODES, SHAPES, {}, ("out0", "out1")), path)

    def run(**options):
        return converters.read([path], converters.Options(**options))

    return run


def names(values):
    return [value.name for value in values]


def test_chosen_outputs_leave_only_what_computes_them(read, tmp_path):
    model = read(outputs=("b",))
    assert (names(model.ir.graph.inputs), names(model.ir.graph.outputs)) == (["in0"], ["b"])
    assert len(model.report.dropped) == 3
    converters.write(model, "onnx", tmp_path / "part.onnx")
    x = np.array([[-1, 0, 1]], np.float32)
    (reply,) = host.run_many(
        discovery.find("onnxruntime"), [host.Job("onnx", {"model": tmp_path / "part.onnx"}, {"in0": x})], 60
    )
    assert isinstance(reply, host.Reply), str(reply)
    assert np.allclose(reply.outputs["b"], 1 / (1 + np.exp(-np.maximum(x, 0))))


def test_a_cut_hands_out_what_the_rest_would_have_used(read):
    model = read(cut_at=("b",))
    assert names(model.ir.graph.outputs) == ["b", "in1", "out1"]
    assert [node.op_type for node in model.ir.graph] == ["Relu", "Sigmoid", "Neg"]


def test_an_unknown_name_is_refused_with_its_neighbours(read):
    with pytest.raises(Diagnostic) as caught:
        read(outputs=("out2",))
    assert caught.value.code == "unknown-value"
    assert "out" in str(caught.value.hint)


def test_inputs_and_batch_replace_declared_sizes(read):
    model = read(inputs={"in0": (4, 3), "in1": (4, 3)})
    assert [list(value.shape) for value in (*model.ir.graph.inputs, *model.ir.graph.outputs)] == [[4, 3]] * 4
    assert list(read(batch=2).ir.graph.outputs[0].shape) == [2, 3]
