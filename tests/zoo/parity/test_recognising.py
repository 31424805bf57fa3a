"""Values under other names and in other layouts are recognised, and what is recognised neither hides nor invents."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from planting.drawing import mutants
from planting.feeding import feeds
from planting.gate import Engine, teacher
from planting.harmless.linear import batch_norm_folded
from planting.networks import FAMILIES

from zoo.parity.graphs.graph import Graph, kinds
from zoo.parity.graphs.relabelled import turns
from zoo.parity.layers.labels import labels
from zoo.parity.layers.located import Located
from zoo.parity.layers.taught import teach
from zoo.parity.recognising import recognised

SEED = 1


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    graph = Graph(FAMILIES["resnet"](SEED))
    return graph, teacher(graph, feeds(graph, SEED), tmp_path_factory.mktemp("resnet") / "teacher")


def foreign(graph, prefix="c/"):
    """The same network whose values all bear other names; outputs keep theirs."""
    copy = graph.copy()
    names = {name: prefix + name for name in copy.values if name not in copy.outputs}
    for node in copy.model.graph.node:
        for held in (node.input, node.output):
            held[:] = [names.get(name, name) for name in held]
    for port in copy.model.graph.value_info:
        port.name = names.get(port.name, port.name)
    return Graph(copy.model)


def known(reference, candidate):
    run = Engine().runner
    values = reference.measured.values
    return recognised(reference.graph, candidate, reference.feeds, reference.values(), values, run)


def compared(reference, candidate):
    found = known(reference, candidate)
    taught = teach(reference, found.graph, Engine().runner, found)
    return found, Located("it", taught.whole, taught.layers, found=len(found.found), guessed=found.guessed)


def test_every_layer_of_a_file_with_other_names_is_compared(resnet):
    graph, reference = resnet
    found, located = compared(reference, foreign(graph))
    assert len(found.found) > 0.9 * len(graph.values)
    assert {row.name for row in located.layers} == found.found | set(graph.outputs)
    assert located.hint is None
    assert located.agrees


def test_a_folded_batch_normalisation_makes_a_longer_layer_and_no_false_alarm(resnet):
    graph, reference = resnet
    folded = graph.copy()
    batch_norm_folded(folded, np.random.default_rng(0))
    found, located = compared(reference, foreign(folded))
    norms = {node.output[0] for node in kinds(graph.nodes, "BatchNormalization")}
    convolutions = {node.output[0] for node in kinds(graph.nodes, "Conv")}
    assert norms <= found.found
    assert not convolutions & found.found
    assert located.agrees
    assert located.hint is None


def test_a_name_that_folding_left_to_another_value_is_no_name(resnet):
    graph, reference = resnet
    folded, old = graph.copy(), {}
    for node in kinds(graph.nodes, "BatchNormalization"):
        if graph.producer(node.input[0]).op_type == "Conv":
            old[node.output[0]] = node.input[0]
    batch_norm_folded(folded, np.random.default_rng(0))
    for node in folded.model.graph.node:  # as onnx-simplifier leaves it: the convolution keeps its name
        for held in (node.input, node.output):
            held[:] = [old.get(name, name) for name in held]
    found, located = compared(reference, Graph(folded.model))
    assert old.keys() <= found.found
    assert located.agrees
    assert located.hint is None


def test_a_fault_that_hides_at_the_outputs_is_told_under_other_names_and_decides_nothing(resnet):
    graph, reference = resnet
    wrong = next(m for m in mutants("resnet", graph, SEED) if m.fault.name == "BN eps 2e-5" and m.place == "middle")
    found, located = compared(reference, foreign(wrong.graph))
    assert wrong.value not in found.found  # its numbers are no longer the reference's
    assert located.hint is not None
    assert located.hint.depth > reference.measured.values[wrong.value].depth  # the next one that is recognised
    assert located.agrees
    assert Located("it", located.whole, located.layers).first is not None  # by name it would decide


def small():
    rng = np.random.default_rng(0)
    held = {"A": rng.normal(size=(5, 3, 3, 3)), "B": rng.normal(size=(4, 5, 3, 3))}
    nodes = [
        helper.make_node("Conv", ["x", "A"], ["one"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["one"], ["two"]),
        helper.make_node("Conv", ["two", "B"], ["three"]),
        helper.make_node("Sigmoid", ["three"], ["y"]),
    ]
    ports = [helper.make_tensor_value_info(*port) for port in (("x", TensorProto.FLOAT, [4, 3, 8, 9]),
             ("y", TensorProto.FLOAT, [4, 4, 6, 7]))]  # fmt: skip
    stored = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in held.items()]
    graph = helper.make_graph(nodes, "net", ports[:1], ports[1:], stored)
    return Graph(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9))


def test_values_in_another_layout_are_recognised_by_the_axes_that_make_them_equal(tmp_path):
    graph = small()
    graph.after("two", "Tanh")
    reference = teacher(graph, feeds(graph, SEED), tmp_path / "teacher")
    other = foreign(graph)
    relu = next(kinds(other.nodes, "Relu"))
    other.before(relu, 0, "Transpose", perm=[0, 2, 3, 1])
    other.after("c/two", "Transpose", perm=[0, 3, 1, 2])
    found, located = compared(reference, Graph(other.model))
    assert found.found == {"one", "two", "two/raw", "three"}
    assert len(kinds_of(found.graph, "Transpose")) == 6  # two of its own, two for each of the two between them
    assert {row.name for row in located.layers} == {*found.found, "y"}
    assert located.agrees
    assert located.hint is None


def kinds_of(graph, op):
    return [node for node in graph.nodes if node.op_type == op]


def test_an_input_in_another_layout_is_fed_through_a_transpose():
    graph = small()
    array = np.random.default_rng(1).normal(size=(4, 3, 8, 9)).astype(np.float32)
    (before,) = Engine().runner([(graph, {"x": array})])
    for new in ("x", "picture"):
        copy = graph.copy()
        copy.rename_input("x", new, (0, 3, 1, 2))
        (after,) = Engine().runner([(copy, {new: array.transpose(0, 2, 3, 1)})])
        assert np.array_equal(after["y"], before["y"])


def test_what_a_runtime_computes_otherwise_from_the_same_values_is_found_by_what_computes_it(tmp_path):
    graph = small()
    reference = teacher(graph, feeds(graph, SEED), tmp_path / "teacher")
    inner, other = reference.values(), foreign(graph)
    (seen,) = Engine().runner([(small_exposed(other), reference.feeds)])
    wrong = {name: 2 * array if name == "c/two" else array for name, array in seen.items()}
    made = labels(graph, other, inner, wrong, reference.measured.values, {"y"})
    assert {label.name: label.how for label in made} == {"one": "numbers", "two": "structure", "three": "numbers"}
    other.give(next(kinds(other.nodes, "Conv")), 1, np.ones((5, 3, 3, 3), np.float32))
    wrong = {name: 2 * array if name == "c/one" else array for name, array in seen.items()}
    made = labels(graph, other, inner, wrong, reference.measured.values, {"y"})
    assert "one" not in {label.name for label in made}  # other weights may be right: a folded scale, or wrong


def small_exposed(graph):
    copy = graph.copy()
    copy.model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in copy.values if name != "y"
    )
    return copy


def test_names_that_two_exporters_count_up_are_no_names(tmp_path):
    graph = small()
    reference = teacher(graph, feeds(graph, SEED), tmp_path / "teacher")
    shifted = {"one": "zero", "two": "one", "three": "two"}
    other = graph.copy()
    for node in other.model.graph.node:
        for held in (node.input, node.output):
            held[:] = [shifted.get(name, name) for name in held]
    found, located = compared(reference, Graph(other.model))
    assert {"one", "two", "three"} <= found.found
    assert located.agrees
    assert located.hint is None


def test_turns_are_those_between_channels_first_and_last():
    assert list(turns((2, 3, 4, 5), (2, 5, 3, 4))) == [(0, 3, 1, 2)]
    assert list(turns((2, 5, 3, 4), (2, 3, 4, 5))) == [(0, 2, 3, 1)]
    assert next(turns((2, 3), (2, 3))) is None
    assert list(turns((2, 3), (3, 2))) == []
