import numpy as np
import pytest
from onnx_samples import onnx_model
from planting.feeding import feeds
from planting.gate import Engine
from planting.networks import FAMILIES

from zoo.parity.graphs.cut import FED, cut, exposed, extract, layer
from zoo.parity.graphs.graph import Graph, attributes, change, numbers


@pytest.fixture
def net():
    return Graph(FAMILIES["vgg"](0))


def run(graph, fed):
    return Engine("ORT_DISABLE_ALL").run(graph, fed)


def test_every_value_can_be_made_an_output(net):
    fed = feeds(net, 0)
    seen = run(exposed(net), fed)
    assert set(seen) == set(net.values)
    np.testing.assert_array_equal(seen[net.outputs[0]], run(net, fed)[net.outputs[0]])


def test_a_cut_graph_computes_each_layer_from_what_it_is_fed(net):
    fed = feeds(net, 0)
    seen = run(exposed(net), fed)
    severed = cut(net, net.values)
    assert set(severed.outputs) == set(net.values)
    taught = run(severed, {**fed, **{name + FED: array for name, array in seen.items()}})
    for name, array in seen.items():
        np.testing.assert_allclose(taught[name], array, rtol=1e-5, atol=1e-6)


def test_a_cut_graph_does_not_hand_an_error_on(net):
    fed = feeds(net, 0)
    seen = run(exposed(net), fed)
    broken = net.copy()
    conv = next(node for node in broken.nodes if node.op_type == "Conv")
    broken.give(conv, 1, broken.operand(conv, 1) * 2)
    taught = run(cut(broken, net.values), {**fed, **{name + FED: array for name, array in seen.items()}})
    wrong = [name for name, array in seen.items() if not np.allclose(taught[name], array, rtol=1e-4, atol=1e-5)]
    assert wrong == [conv.output[0]]


def test_a_cut_says_the_shape_that_a_value_came_to_where_inference_finds_none():
    nodes = "s = Compress <axis = 0> (w0, w1)\nr = Reshape(in0, s)\ny = Softmax(r)"  # to as many axes as w1 says
    graph = Graph(
        onnx_model(nodes, [(2, 3, 4)], {"w0": np.array([2, 5, 12]), "w1": np.array([True, False, True])}, ["y"])
    )
    for made in (cut(graph, ["r"], {"r": (2, 12)}), exposed(graph, ["r"], {"r": (2, 12)})):
        ports = {port.name: port for port in (*made.model.graph.input, *made.model.graph.output)}
        for name in {"r", "r/fed"} & set(ports):
            assert [dim.dim_value for dim in ports[name].type.tensor_type.shape.dim] == [2, 12]
    assert "r/fed" in cut(graph, ["r"]).inputs


def test_a_layer_is_what_lies_between_the_cuts(net):
    end = net.outputs[0]
    assert [node.op_type for node in layer(net, end, net.values)] == ["Softmax"]
    logits = net.producer(end).input[0]
    kept = [name for name in net.values if name != logits]
    assert [node.op_type for node in layer(net, end, kept)] == ["Gemm", "Softmax"]


def test_an_extracted_layer_runs_by_itself(net):
    fed = feeds(net, 0)
    seen = run(exposed(net), fed)
    end = net.outputs[0]
    alone = extract(net, [end], net.values)
    logits = net.producer(end).input[0]
    assert alone.inputs == [logits]
    np.testing.assert_array_equal(run(alone, {logits: seen[logits]})[end], seen[end])


def test_an_edit_behind_a_value_reaches_all_its_readers_and_one_before_a_node_only_that(net):
    fed = feeds(net, 0)
    before = run(exposed(net), fed)
    value = net.values[1]
    behind = net.copy()
    behind.after(value, "Mul", behind.store(np.array(2, np.float32), "two"))
    np.testing.assert_array_equal(run(exposed(behind), fed)[value], before[value] * 2)
    (reader,) = net.readers(value)
    ahead = net.copy()
    ahead.before(ahead.producer(reader.output[0]), 0, "Mul", ahead.store(np.array(2, np.float32), "two"))
    np.testing.assert_array_equal(run(exposed(ahead), fed)[value], before[value])


def test_a_weight_that_two_nodes_read_is_changed_for_one(net):
    graph = net.copy()
    one, other, *_ = [node for node in graph.nodes if node.op_type == "Conv"]
    other.input[1] = one.input[1]
    graph.give(one, 1, graph.operand(one, 1) * 0)
    assert graph.operand(other, 1).any()


def test_attributes_are_set_and_removed(net):
    node = next(node for node in net.nodes if node.op_type == "Conv")
    change(node, pads=[0, 1, 2, 3], group=None)
    assert numbers(node, "pads") == [0, 1, 2, 3]
    assert "group" not in attributes(node)


def test_an_editing_leaves_the_original_alone(net):
    before = net.model.SerializeToString()
    copy = net.copy()
    copy.bypass(copy.nodes[0])
    copy.store(np.zeros(3, np.float32), "zeros")
    assert net.model.SerializeToString() == before
