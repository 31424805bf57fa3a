"""What Caffe cannot hold is refused by node and reason, all at once, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_samples import onnx_model

import converters
from converters.diagnostic import Diagnostic

_IMAGE = ((1, 3, 8, 9),)

REASONS = {
    "Transpose in plain BVLC": ("out0 = Transpose<perm = [0, 2, 3, 1]>(in0)", "no Permute"),
    "Clip to six in plain BVLC": (
        "a = Constant<value_float = 0.0>()\nb = Constant<value_float = 6.0>()\nout0 = Clip(in0, a, b)",
        "no ReLU6",
    ),
    "dilated pooling": ("out0 = MaxPool<kernel_shape = [2, 2], dilations = [2, 2]>(in0)", "dilated"),
    "a window beyond its input": ("out0 = MaxPool<kernel_shape = [20, 2]>(in0)", "larger than its padded input"),
    "pooling with more windows than Caffe's": (
        "out0 = MaxPool<kernel_shape = [2, 2], pads = [0, 0, 1, 1], strides = [1, 1]>(in0)",
        "Caffe computes [7, 8] windows here, ONNX [8, 9]",
    ),
    "padding that no dilation divides": (
        "out0 = Conv<dilations = [2, 2], pads = [0, 0, 1, 0]>(in0, w0)",
        "differs by no multiple of its dilation",
    ),
    "a weight that is computed": ("a = Relu(w0)\nb = Mul(a, in0)\nout0 = Conv(in0, b)", "its weight is computed"),
    "a product of two computed values": (
        "a = Transpose<perm = [0, 1, 3, 2]>(in0)\nout0 = MatMul(in0, a)",
        "stored matrix",
    ),
    "shapes that do not fit": ("out0 = MatMul(in0, in0)", "the model contradicts itself"),
    "the first of equal values": ("out0 = ArgMax<axis = 1>(in0)", "Caffe's ArgMax the last"),
    "interpolation": (
        's = Constant<value_floats = [1.0, 1.0, 2.0, 2.0]>()\nout0 = Resize<mode = "linear">(in0, , s)',
        "interpolates",
    ),
    "an operator without a layer": ("out0 = Sin(in0)", "Caffe has no layer for it"),
    "a reduction of the batch": ("a = Constant<value_ints = [0]>()\nout0 = ReduceMean(in0, a)", "reduces axes [0]"),
    "other element types": ("a = Cast<to = 11>(in0)\nb = Relu(a)\nout0 = Cast<to = 1>(b)", "float64"),
    "a slice of nothing": (
        "a = Constant<value_ints = [2]>()\nb = Constant<value_ints = [2]>()\nout0 = Slice(in0, a, b)",
        "holds no numbers",
    ),
}  # fmt: skip


def refusal(model: onnx.ModelProto, folder: Path, **options: object) -> Diagnostic:
    path = folder / "model.onnx"
    onnx.save(model, path)
    with pytest.raises(Diagnostic) as caught:
        converters.convert([path], "caffe", folder / "net", **options)
    assert sorted(entry.name for entry in folder.iterdir()) == ["model.onnx"]
    assert caught.value.exit_status == 3
    return caught.value


@pytest.mark.parametrize("case", REASONS)
def test_a_node_that_caffe_cannot_hold_is_refused_with_the_reason(case, tmp_path):
    nodes, reason = REASONS[case]
    weights = {"w0": np.ones((3, 3, 2, 2), np.float32)} if "w0" in nodes else {}
    if case == "a weight that is computed":
        weights = {"w0": np.ones((1, 3, 8, 9), np.float32)}
    fault = refusal(onnx_model(nodes, _IMAGE, weights), tmp_path)
    assert fault.code == "unwritable-nodes"
    assert any(reason in line for line in fault.details), fault.details


_LSTM = {
    "batch first": ("LSTM<hidden_size = 2, layout = 1>(in0, w0, w1)", "layout 1"),
    "other activations": (
        'LSTM<hidden_size = 2, activations = ["HardSigmoid", "Tanh", "Tanh"]>(in0, w0, w1)',
        "its activations are",
    ),
    "clipped gates": ("LSTM<hidden_size = 2, clip = 3.0>(in0, w0, w1)", "clips its gates"),
    "coupled gates": ("LSTM<hidden_size = 2, input_forget = 1>(in0, w0, w1)", "couples two"),
    "peepholes": ("LSTM<hidden_size = 2>(in0, w0, w1, , , , , w2)", "peepholes"),
    "one state": ("LSTM<hidden_size = 2>(in0, w0, w1, , , w3)", "one state"),
    "computed weights": ("LSTM<hidden_size = 2>(in0, w0, a)", "its recurrent weights is computed"),
}


@pytest.mark.parametrize("case", _LSTM)
def test_an_lstm_that_is_not_caffes_is_refused_with_the_reason(case, tmp_path):
    node, reason = _LSTM[case]
    shapes = {"w0": (1, 8, 3), "w1": (1, 8, 2), "w2": (1, 6), "w3": (1, 4, 2)}
    weights = {name: np.ones(shape, np.float32) for name, shape in shapes.items() if name in node}
    text = f"a = Relu(in1)\nout0 = {node}"
    fault = refusal(onnx_model(text, ((5, 4, 3), (1, 8, 2)), weights), tmp_path)
    assert any(reason in line for line in fault.details), fault.details


def test_streams_of_different_lengths_are_refused(tmp_path):
    weights = {"w0": np.ones((1, 8, 3), np.float32), "w1": np.ones((1, 8, 2), np.float32)}
    weights["n"] = np.array([5, 3, 5, 5], np.int32)
    model = onnx_model("out0 = LSTM<hidden_size = 2>(in0, w0, w1, , n)", ((5, 4, 3),), weights)
    assert any("sequence_lens" in line for line in refusal(model, tmp_path).details)


def test_all_refused_nodes_are_named_at_once(tmp_path):
    fault = refusal(onnx_model("a = Sin(in0)\nb = Relu(a)\nc = Cos(b)\nout0 = Sin(c)", _IMAGE, {}), tmp_path)
    assert [line.split()[0] for line in fault.details] == ['"a"', '"c"', '"out0"']
    assert "1x Cos, 2x Sin" in fault.message


def test_the_hint_names_the_dialect_that_has_the_layer(tmp_path):
    fault = refusal(onnx_model(REASONS["Transpose in plain BVLC"][0], _IMAGE, {}), tmp_path)
    assert fault.hint == "--dialect ssd for forks that have it"


def test_an_unknown_dialect_is_refused(tmp_path):
    fault = refusal(onnx_model("out0 = Relu(in0)", _IMAGE, {}), tmp_path, dialect="deeplab")
    assert (fault.code, "bvlc, ssd" in fault.message) == ("unknown-dialect", True)


@pytest.mark.parametrize("option", [{"opset": 13}, {"external_data": True}])
def test_options_of_other_formats_are_refused(option, tmp_path):
    assert refusal(onnx_model("out0 = Relu(in0)", _IMAGE, {}), tmp_path, **option).code == "unsuited-option"


def test_open_sizes_are_refused_with_the_option_that_fixes_them(tmp_path):
    fault = refusal(onnx_model("out0 = Relu(in0)", (("N", 3, "H", "W"),), {}), tmp_path)
    assert fault.code == "needs-fixed-shape"
    assert fault.details == ("in0: 1, 3, H, W",)
    assert "--input in0:" in str(fault.hint)


def test_control_flow_is_refused(tmp_path):
    ends = [helper.make_empty_tensor_value_info("y")]
    branch = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "branch", [], ends)
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["top"], keepdims=0),
        helper.make_node("Greater", ["top", "zero"], ["is"]),
        helper.make_node("If", ["is"], ["out"], then_branch=branch, else_branch=branch),
    ]
    graph = helper.make_graph(
        nodes,
        "if",
        [helper.make_tensor_value_info("x", 1, (1, 3))],
        [helper.make_tensor_value_info("out", 1, (1, 3))],
        [helper.make_tensor("zero", TensorProto.FLOAT, (), [0.0])],
    )
    fault = refusal(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), tmp_path)
    assert any("(If): Caffe has no layer" in line for line in fault.details)


def test_inputs_of_other_types_are_refused(tmp_path):
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["out"])],
        "half",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT16, (1, 3))],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT16, (1, 3))],
    )
    fault = refusal(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), tmp_path)
    assert "float16" in fault.details[0]


def test_operators_of_a_newer_set_are_refused_by_name(tmp_path):
    model = onnx_model("out0 = Gelu(in0)", _IMAGE, {}, opset=20)
    fault = refusal(model, tmp_path)
    assert (fault.code, "Gelu" in fault.message) == ("opset", True)
