"""The machinery that writes: tables, chains, and the account of every node, value and constant."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_samples import onnx_model

from converters.diagnostic import Diagnostic
from converters.hub.matching import Declined, Part
from converters.hub.report import Report
from converters.hub.writetable import Write, gather_writers, merge
from converters.hub.writing import write
from converters.onnxfile.loading import load
from converters.onnxfile.normal import normalize

IMAGE = ((1, 3, 4, 5),)


def unary(kind):
    def op(match, view):
        return [match.layer(kind)]

    return op


def dense(match, view):
    return [match.layer("Dense", {}, {0: view.weight(match.operand(1, len(match.nodes) - 1))})]


def declining(match, view):
    return Declined("not today")


def two_layers(match, view):
    return match.series(Part("A", role="x"), Part("B"))


def half_fed(match, view):
    return [match.layer("Add", inputs=match.inputs[:1])]


def elsewhere(match, view):
    return [match.layer("Relu", outputs=["other"])]


RELU, SIN, ABS = (Write(unary(kind), (kind,)) for kind in ("Relu", "Sin", "Abs"))


@pytest.fixture
def written(tmp_path):
    """Write the nodes through some rows: the layers, and the report."""

    def run(nodes, rows, shapes=IMAGE, weights=None, outputs=("out0",), **options):
        path = tmp_path / "model.onnx"
        path.write_bytes(onnx_model(nodes, shapes, weights or {}, outputs).SerializeToString())
        report = Report()
        normal = normalize(load(path), report)
        return write(normal, merge(rows), report, title="Target", file="model.onnx", **options), report

    return run


def kinds(graph):
    return [layer.kind for layer in graph.layers]


def test_two_rows_for_one_chain_are_refused_with_both_addresses():
    rows = [Write(dense, ("Relu",), address="first.module"), Write(dense, ("Relu",), address="second.module")]
    with pytest.raises(ValueError, match=r"Relu is written twice: in first\.module and in second\.module"):
        merge(rows)


def test_gathered_rows_know_the_module_they_come_from():
    table = gather_writers("converters.caffe.writers")
    assert table["Conv",].address == "converters.caffe.writers.convolution"


def test_the_longest_chain_is_written_first(written):
    both = Write(unary("Both"), ("Relu", "Abs"))
    graph, report = written("a = Relu(in0)\nout0 = Abs(a)", [RELU, ABS, both])
    assert kinds(graph) == ["Both"]
    assert report.written == {"a": ["out0 (Both)"], "out0": ["out0 (Both)"]}


def test_a_chain_that_declines_gives_way_to_shorter_ones(written):
    both = Write(declining, ("Relu", "Abs"))
    graph, _ = written("a = Relu(in0)\nout0 = Abs(a)", [RELU, ABS, both])
    assert kinds(graph) == ["Relu", "Abs"]


def test_a_value_that_others_read_is_not_hidden_inside_a_chain(written):
    both = Write(unary("Both"), ("Relu", "Abs"))
    graph, _ = written("a = Relu(in0)\nb = Abs(a)\nout0 = Sin(a)", [RELU, ABS, SIN, both], outputs=("out0", "b"))
    assert sorted(kinds(graph)) == ["Abs", "Relu", "Sin"]


def test_an_output_of_the_network_is_not_hidden_inside_a_chain(written):
    both = Write(unary("Both"), ("Relu", "Abs"))
    graph, _ = written("a = Relu(in0)\nout0 = Abs(a)", [RELU, ABS, both], outputs=("out0", "a"))
    assert kinds(graph) == ["Relu", "Abs"]
    assert graph.outputs == ("out0", "a")


def test_a_chain_stands_where_all_that_it_reads_is_made(written):
    """The chain begins before the node whose value its end reads."""
    joined = Write(unary("Joined"), ("Relu", "Add"))
    graph, _ = written("a = Relu(in0)\nb = Sin(in0)\nout0 = Add(b, a)", [SIN, joined])
    assert kinds(graph) == ["Sin", "Joined"]


def test_two_chains_never_share_a_node(written):
    joined = Write(unary("Joined"), ("Relu", "Add"))
    graph, _ = written("a = Relu(in0)\nb = Relu(in1)\nout0 = Add(a, b)", [RELU, joined], shapes=IMAGE * 2)
    assert kinds(graph) == ["Relu", "Joined"]


def test_names_between_layers_are_made_unique(written):
    twice = Write(two_layers, ("Relu",))
    graph, _ = written("x = Relu(in0)\nout0 = Relu(x)", [twice])
    made = [name for layer in graph.layers for name in layer.outputs]
    assert len(set(made)) == len(made) == 4
    assert len({layer.name for layer in graph.layers}) == 4
    assert all(layer.inputs[0] in ("in0", *made) for layer in graph.layers)


def test_every_refused_node_is_listed(written):
    with pytest.raises(Diagnostic) as caught:
        written("a = Sin(in0)\nb = Relu(a)\nout0 = Cos(b)", [RELU])
    assert caught.value.code == "unwritable-nodes"
    assert caught.value.details == ('"a" (Sin): Target has no layer for it', '"out0" (Cos): Target has no layer for it')


@pytest.mark.parametrize(
    ("nodes", "op", "lost"),
    [
        ("out0 = LeakyRelu<alpha = 0.5>(in0)", unary("Leaky"), "it sets alpha"),
        ("out0 = Add(in0, w0)", unary("Add"), "zoo would lose w0"),
        ("out0 = Add(in0, in1)", half_fed, "lose in1"),
        ("out0 = Relu(in0)", elsewhere, "lose out0"),
    ],
    ids=["an attribute", "a constant", "an input", "an output"],
)
def test_a_row_that_loses_something_is_refused(written, nodes, op, lost):
    operator = nodes.split("= ", 1)[1].split("(")[0].split("<")[0]
    weights = {"w0": np.ones(5, np.float32)} if "w0" in nodes else {}
    shapes = IMAGE * (2 if "in1" in nodes else 1)
    with pytest.raises(Diagnostic) as caught:
        written(nodes, [Write(op, (operator,))], shapes=shapes, weights=weights)
    assert lost in caught.value.details[0]


def test_neutral_attributes_may_be_left_unread(written):
    graph, _ = written("out0 = LeakyRelu<alpha = 0.5>(in0)", [Write(unary("L"), ("LeakyRelu",), neutral=("alpha",))])
    assert kinds(graph) == ["L"]


def test_a_weight_that_two_nodes_share_reaches_both_layers(written):
    weights = {"w0": np.arange(2500, dtype=np.float32).reshape(50, 50)}
    graph, _ = written(
        "a = MatMul(in0, w0)\nout0 = MatMul(a, w0)", [Write(dense, ("MatMul",))], shapes=((2, 50),), weights=weights
    )
    assert all(np.array_equal(layer.weights[0].array(), weights["w0"]) for layer in graph.layers)


def test_a_symbolic_batch_stays_where_the_target_allows_it(written):
    graph, _ = written("out0 = Relu(in0)", [RELU], shapes=(("N", 3, 4, 5),))
    assert graph.inputs[0].shape == ("N", 3, 4, 5)
