"""Where only outputs are seen the doctor tries mistakes at the ends of a network, and in all layers of a kind."""

import numpy as np
import pytest
from planting.drawing import mutants
from planting.feeding import feeds
from planting.gate import Engine, teacher
from planting.networks import FAMILIES

from zoo.parity.doctor.visit import visit_outputs
from zoo.parity.graphs.graph import Graph, change, kinds

SEED = 2


def examined(tmp_path, network, make):
    graph = Graph(FAMILIES[network](SEED))
    reference = teacher(graph, feeds(graph, SEED), tmp_path / "t")
    wrong = graph.copy()
    make(wrong)
    outputs = Engine().run(Graph(wrong.model), reference.feeds)
    return [finding.cause for finding in visit_outputs(reference, outputs, Engine().runner)]


def uncounted(graph):
    for node in kinds(graph.nodes, "AveragePool"):
        change(node, count_include_pad=0)


def halved(graph):
    for node in kinds(graph.nodes, "Conv", "Gemm"):
        graph.give(node, 1, graph.operand(node, 1).astype(np.float16).astype(np.float32))


def without_gamma(graph):
    for node in kinds(graph.nodes, "BatchNormalization"):
        graph.give(node, 1, np.ones_like(graph.operand(node, 1)))


@pytest.mark.parametrize(
    ("network", "make", "cause"),
    [
        ("inception", uncounted, "count_include_pad"),
        ("vgg", halved, "reduced-precision weights"),
        ("preresnet", without_gamma, "fix_gamma"),
    ],
)
def test_a_mistake_in_all_layers_of_a_kind_is_named(network, make, cause, tmp_path):
    assert examined(tmp_path, network, make)[0] == cause


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("BGR for RGB", "BGR/RGB swap"), ("softmax missing", "softmax missing"), ("labels off by one", "label offset")],
)
def test_a_mistake_at_the_ends_of_a_network_is_named(fault, cause, tmp_path):
    graph = Graph(FAMILIES["alexnet"](SEED))
    (wrong, *_) = [m.graph for m in mutants("alexnet", graph, SEED) if m.fault.name == fault]
    reference = teacher(graph, feeds(graph, SEED), tmp_path / "t")
    outputs = Engine().run(wrong, reference.feeds)
    assert visit_outputs(reference, outputs, Engine().runner)[0].cause == cause


def test_outputs_that_agree_have_no_cause(tmp_path):
    assert examined(tmp_path, "alexnet", lambda _graph: None) == []
