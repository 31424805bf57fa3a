"""Every cause that the doctor is asked for is named, with its proof, for a fault that is planted."""

from collections.abc import Iterator

import pytest
from planting.drawing import mutants
from planting.fault import Unfit
from planting.faults import FAULTS
from planting.feeding import feeds
from planting.gate import Engine, judge, teacher
from planting.networks import FAMILIES

from zoo.parity.doctor.visit import visit
from zoo.parity.graphs.graph import Graph

SEED = 3
CAUSES = {  # of the list in the documentation -> the fault that shows it, and the network that it is planted in
    "BGR/RGB swap": ("BGR for RGB", "vgg"),
    "mean of the input": ("mean forgotten", "vgg"),
    "scale of the input": ("scale forgotten", "vgg"),
    "NHWC/NCHW": ("NHWC for NCHW", "alexnet"),
    "softmax missing": ("softmax missing", "vgg"),
    "softmax twice": ("softmax twice", "vgg"),
    "channel permutation": ("two output channels swapped", "vgg"),
    "class permutation": ("labels in another order", "alexnet"),
    "label offset": ("labels off by one", "alexnet"),
    "BatchNorm eps": ("BN eps 1e-3", "preresnet"),
    "BatchNorm scale factor": ("BN scale factor not divided by", "preresnet"),
    "fix_gamma": ("gamma read as 1", "preresnet"),
    "ceil or floor pooling": ("ceil mode flipped", "squeezenet"),
    "count_include_pad": ("count_include_pad flipped", "inception"),
    "pad side": ("padding at the end", "alexnet"),
    "flipped kernels": ("layer flipped", "vgg"),
    "LRN alpha": ("LRN alpha over n", "alexnet"),
    "PReLU sharing": ("PReLU shared", "facenet"),
    "dropped bias": ("all biases dropped", "vgg"),
    "dropout left on": ("dropout at work", "vgg"),
    "transposed fully-connected weights": ("fully-connected weights transposed", "vgg"),
    "channels-last fully-connected weights": ("rows for HWC", "vgg"),
    "reduced-precision weights": ("layer in fp16", "vgg"),
    "interpolation": ("nearest and linear exchanged", "unet"),
    "order of gates": ("gates 2 and 3 exchanged", "lstm"),
    "direction": ("read backwards", "lstm"),
    "kind of activation": ("sigmoid for tanh in the cell", "gru"),
    "reset gate": ("reset before the product", "gru"),
    "order of inputs": ("concatenated in reverse", "densenet"),
    "activation slope": ("leak 10 % larger", "darknet"),
    "slice offset": ("slice one off", "fcn"),
}

OTHERS = {  # of the same list -> a fault that looks like it and is another, and the network
    "BGR/RGB swap": ("mean forgotten", "vgg"),
    "mean of the input": ("scale forgotten", "vgg"),
    "scale of the input": ("mean forgotten", "vgg"),
    "NHWC/NCHW": ("picture mirrored", "alexnet"),
    "softmax missing": ("softmax twice", "vgg"),
    "softmax twice": ("logarithm of the softmax", "vgg"),
    "channel permutation": ("bias negated", "vgg"),
    "class permutation": ("softmax axis", "ssd"),
    "label offset": ("labels in another order", "alexnet"),
    "BatchNorm eps": ("BN scale factor 0.1 % off", "preresnet"),
    "BatchNorm scale factor": ("BN eps 1e-3", "preresnet"),
    "fix_gamma": ("beta dropped", "preresnet"),
    "ceil or floor pooling": ("max and average exchanged", "squeezenet"),
    "count_include_pad": ("max and average exchanged", "inception"),
    "pad side": ("dilation gained", "alexnet"),
    "flipped kernels": ("kernels transposed", "vgg"),
    "LRN alpha": ("LRN beta 0.5", "alexnet"),
    "PReLU sharing": ("PReLU one slope wrong", "facenet"),
    "dropped bias": ("bias added twice", "vgg"),
    "dropout left on": ("Gemm alpha 0.5", "vgg"),
    "transposed fully-connected weights": ("rows for HWC", "vgg"),
    "reduced-precision weights": ("layer scaled by 1.001", "vgg"),
}


@pytest.mark.parametrize("cause", OTHERS)
def test_a_cause_is_not_named_where_another_fault_that_looks_like_it_is_planted(cause, tmp_path):
    fault, network = OTHERS[cause]
    graph = Graph(FAMILIES[network](SEED))
    reference = teacher(graph, feeds(graph, SEED), tmp_path / "t")
    planted = [mutant for mutant in mutants(network, graph, SEED) if mutant.fault.name == fault]
    seen = [(mutant, judge(reference, mutant.graph)) for mutant in planted]
    red = [(mutant, found) for mutant, found in seen if found.layer is not None]
    assert red
    mutant, found = red[-1]
    findings = visit(reference, mutant.graph, found.taught, Engine().runner)
    assert cause not in [finding.cause for finding in findings]


@pytest.mark.parametrize("cause", CAUSES)
def test_the_doctor_names_the_cause_with_its_proof(cause, tmp_path):
    fault, network = CAUSES[cause]
    graph = Graph(FAMILIES[network](SEED))
    reference = teacher(graph, feeds(graph, SEED), tmp_path / "t")
    planted = [mutant for mutant in mutants(network, graph, SEED) if mutant.fault.name == fault]
    assert planted
    seen = [(mutant, judge(reference, mutant.graph)) for mutant in planted]
    red = [(mutant, found) for mutant, found in seen if found.layer is not None]
    assert red
    mutant, found = red[-1]
    findings = visit(reference, mutant.graph, found.taught, Engine().runner)
    assert findings, f"{fault} in {mutant.value}: no cause named"
    assert cause in [finding.cause for finding in findings[:2]]
    best = next(finding for finding in findings if finding.cause == cause)
    assert best.after <= 16 < best.before
    assert mutant.value in best.proof or "data" in best.proof


def test_a_cause_that_is_not_there_is_not_named(tmp_path):
    graph = Graph(FAMILIES["vgg"](SEED))
    reference = teacher(graph, feeds(graph, SEED), tmp_path / "t")
    found = judge(reference, graph.copy())
    assert visit(reference, graph.copy(), found.taught, Engine().runner) == ()


def test_two_mistakes_in_one_layer_are_not_blamed_on_one(tmp_path):
    graph = Graph(FAMILIES["vgg"](SEED))
    reference = teacher(graph, feeds(graph, SEED), tmp_path / "t")
    for first in planted(graph, "layer flipped"):
        twice = next(planted(first, "all biases dropped"))
        found = judge(reference, twice)
        causes = {finding.cause for finding in visit(reference, twice, found.taught, Engine().runner)}
        assert not causes & {"flipped kernels", "dropped bias"}
        break


def planted(graph: Graph, fault: str) -> Iterator[Graph]:
    try:
        yield from (mutant.graph for mutant in mutants("vgg", graph, SEED) if mutant.fault.name == fault)
    except Unfit:
        return


def test_every_fault_has_a_cause_that_the_doctor_could_name():
    assert all(fault.cause for fault in FAULTS.values())
