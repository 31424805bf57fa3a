"""Foreign ONNX models in the one form that WRITE rows match."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_samples import onnx_model

from converters.diagnostic import Diagnostic
from converters.hub.builder import OPSET, WEIGHT
from converters.hub.report import Report
from converters.onnxfile.loading import load
from converters.onnxfile.normal import normalize
from converters.onnxfile.saving import save
from zoo.backends import discovery, host

IMAGE = ((2, 3, 4, 5),)


@pytest.fixture
def normal(tmp_path):
    """The normalised model of a proto, and its report."""

    def run(proto, **options):
        path = tmp_path / "model.onnx"
        onnx.save(proto, path)
        report = Report()
        return normalize(load(path), report, **options), report

    return run


def operators(model):
    return [node.op_type for node in model.graph]


def shape(value):
    return [dim if isinstance(dim, int) else dim.value for dim in value.shape]


def computed(path, inputs):
    reply = host.run(discovery.find("onnxruntime"), "onnx", {"model": path}, inputs, timeout=60)
    assert isinstance(reply, host.Reply), str(reply)
    return reply.outputs


def test_constants_become_stored_tensors(normal):
    model, _ = normal(onnx_model("c = Constant<value_float = 2.0>()\nout0 = Mul(in0, c)", IMAGE, {}))
    assert operators(model) == ["Mul"]
    assert model.graph.initializers["c"].const_value.numpy() == 2.0


def test_arithmetic_of_constants_is_done_beforehand(normal):
    nodes = "a = Add(w0, w0)\nb = Transpose(a)\nout0 = MatMul(in0, b)"
    model, report = normal(onnx_model(nodes, ((2, 3),), {"w0": np.arange(6, dtype=np.float32).reshape(2, 3)}))
    assert operators(model) == ["MatMul"]
    assert model.graph.initializers["b"].const_value.numpy().tolist() == [[0, 6], [2, 8], [4, 10]]
    assert report.written == {}


def test_large_results_stay_lazy(normal):
    nodes = "a = Transpose(w0)\nout0 = MatMul(in0, a)"
    weight = np.arange(200 * 300, dtype=np.float32).reshape(200, 300)
    model, _ = normal(onnx_model(nodes, ((2, 300),), {"w0": weight}))
    lazy = model.graph.initializers["a"].const_value.meta[WEIGHT]
    assert type(lazy).__name__ == "ComputedWeight"
    assert np.array_equal(lazy.array(), weight.T)


def test_a_constant_of_a_hostile_size_is_never_made(normal):
    nodes = (
        "s = Constant<value_ints = [1000000, 1000000]>()\nc = ConstantOfShape(s)\na = ReduceSum(c)\nout0 = Add(in0, a)"
    )
    model, _ = normal(onnx_model(nodes, IMAGE, {}))
    assert "ConstantOfShape" in operators(model)


def test_what_does_nothing_at_inference_is_removed_and_reported(normal):
    nodes = "a = Identity(in0)\nb = Dropout(a)\nc = Cast<to = 1>(b)\nd = Relu(c)\nout0 = Identity(d)"
    model, report = normal(onnx_model(nodes, IMAGE, {}))
    assert operators(model) == ["Relu"]
    assert [value.name for value in model.graph.outputs] == ["out0"]
    assert set(report.dropped) == {"a", "b", "c", "out0"}


def test_an_output_that_is_an_input_keeps_a_node_of_its_name(normal):
    model, _ = normal(onnx_model("out0 = Identity(in0)", IMAGE, {}))
    assert operators(model) == ["Identity"]


def test_a_shape_computed_from_a_fixed_input_is_known(normal):
    nodes = """
        s = Shape(in0)
        zero = Constant<value_int = 0>()
        n = Gather(s, zero)
        axes = Constant<value_ints = [0]>()
        u = Unsqueeze(n, axes)
        rest = Constant<value_ints = [-1]>()
        t = Concat<axis = 0>(u, rest)
        out0 = Reshape(in0, t)
    """
    model, _ = normal(onnx_model(nodes, IMAGE, {}))
    assert operators(model) == ["Reshape"]
    assert shape(model.graph.outputs[0]) == [2, 60]


def test_a_shape_computed_from_a_symbolic_batch_keeps_the_symbol(normal):
    nodes = """
        s = Shape(in0)
        zero = Constant<value_ints = [0]>()
        n = Gather(s, zero)
        rest = Constant<value_ints = [60]>()
        t = Concat<axis = 0>(n, rest)
        out0 = Reshape(in0, t)
    """
    model, _ = normal(onnx_model(nodes, (("N", 3, 4, 5),), {}))
    assert operators(model) == ["Reshape"]
    assert shape(model.graph.outputs[0]) == ["N", 60]
    assert model.graph.node(0).inputs[1].const_value.numpy().tolist() == [0, 60]


@pytest.mark.parametrize("batch", [None, 4])
def test_a_symbolic_batch_becomes_a_number_where_the_target_wants_one(normal, batch):
    model, report = normal(onnx_model("out0 = Relu(in0)", (("N", 3, 4, 5),), {}), batch=batch, fixed=True)
    assert shape(model.graph.outputs[0]) == [batch or 1, 3, 4, 5]
    assert bool(report.notes) == (batch is None)


def test_open_sizes_are_all_refused_at_once(normal):
    proto = onnx_model("out0 = Add(in0, in1)", ((1, "C", 4, 5), (1, 3, "H", 5)), {})
    with pytest.raises(Diagnostic) as caught:
        normal(proto, fixed=True)
    assert caught.value.details == ("in0: 1, C, 4, 5", "in1: 1, 3, H, 5")


def test_given_shapes_replace_declared_ones(normal):
    model, _ = normal(
        onnx_model("out0 = Relu(in0)", ((1, "C", "H", "W"),), {}), inputs={"in0": (1, 3, 6, 7)}, fixed=True
    )
    assert shape(model.graph.outputs[0]) == [1, 3, 6, 7]


def test_weights_that_old_files_list_as_inputs_are_no_inputs(normal):
    weight = np.ones((4, 3, 1, 1), np.float32)
    proto = onnx_model("out0 = Conv(in0, w0)", IMAGE, {"w0": weight}, opset=8)
    proto.graph.input.append(helper.make_tensor_value_info("w0", 1, weight.shape))
    proto.ir_version = 3
    model, _ = normal(proto)
    assert [value.name for value in model.graph.inputs] == ["in0"]
    assert shape(model.graph.outputs[0]) == [2, 4, 4, 5]


def test_nodes_without_a_name_are_called_after_their_output(normal):
    model, _ = normal(onnx_model("a = Relu(in0)\nout0 = Abs(a)", IMAGE, {}))
    assert [node.name for node in model.graph] == ["a", "out0"]


def test_functions_are_inlined(normal):
    proto = onnx_model("out0 = Relu(in0)", IMAGE, {})
    proto.graph.node[0].domain, proto.graph.node[0].op_type = "mine", "Twice"
    body = [helper.make_node("Add", ["x", "x"], ["y"])]
    opsets = [helper.make_opsetid("", 18)]
    proto.functions.append(helper.make_function("mine", "Twice", ["x"], ["y"], body, opsets))
    proto.opset_import.append(helper.make_opsetid("mine", 1))
    assert operators(normal(proto)[0]) == ["Add"]


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 17, 19, 21, 22])
def test_other_operator_sets_come_to_the_hubs_and_compute_the_same(normal, tmp_path, opset):
    nodes = (
        "a = Conv<pads = [1, 1, 1, 1]>(in0, w0)\nb = Relu(a)\nc = MaxPool<kernel_shape = [2, 2]>(b)\nout0 = Flatten(c)"
    )
    proto = onnx_model(nodes, IMAGE, {"w0": np.ones((4, 3, 3, 3), np.float32)}, opset=opset)
    model, _ = normal(proto)
    assert model.opset_imports[""] == OPSET
    save(model, tmp_path / "normal.onnx")
    x = {"in0": np.random.default_rng(0).standard_normal(IMAGE[0]).astype(np.float32)}
    before, after = computed(tmp_path / "model.onnx", x), computed(tmp_path / "normal.onnx", x)
    assert np.array_equal(before["out0"], after["out0"])


def test_operators_that_changed_their_meaning_are_refused(normal):
    with pytest.raises(Diagnostic, match="Gelu"):
        normal(onnx_model("out0 = Gelu(in0)", IMAGE, {}, opset=20))


def test_the_model_itself_stays_as_it_is(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(onnx_model("c = Constant<value_float = 2.0>()\na = Identity(in0)\nout0 = Mul(a, c)", IMAGE, {}), path)
    model = load(path)
    normalize(model, Report())
    assert operators(model) == ["Constant", "Identity", "Mul"]


def test_external_data_stays_in_its_file_until_it_is_used(tmp_path):
    weight = np.random.default_rng(0).standard_normal((50, 60)).astype(np.float32)
    proto = onnx_model("out0 = MatMul(in0, w0)", ((2, 50),), {"w0": weight})
    onnx.save(proto, tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    model = normalize(load(tmp_path / "m.onnx"), Report())
    assert np.array_equal(model.graph.initializers["w0"].const_value.meta[WEIGHT].array(), weight)


def test_inputs_that_are_no_tensors_are_refused(normal):
    sequence = helper.make_tensor_sequence_value_info("in0", TensorProto.FLOAT, None)
    graph = helper.make_graph(
        [helper.make_node("SequenceAt", ["in0", "i"], ["out0"])],
        "sequence",
        [sequence],
        [helper.make_empty_tensor_value_info("out0")],
        [numpy_helper.from_array(np.array(0), "i")],
    )
    with pytest.raises(Diagnostic) as caught:
        normal(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8))
    assert caught.value.code == "unsupported-input"
