"""How a prototxt says what comes from outside, in each style, and what a person says instead."""

from __future__ import annotations

import pytest

from converters.caffe import graph, prototxt
from converters.diagnostic import Diagnostic

RELU = 'layer { name: "r" type: "ReLU" bottom: "data" top: "r" }\n'


def ports(text, inputs=None):
    found = graph.assemble(prototxt.parse(text, "net.prototxt"), (), inputs or {}).inputs
    return {port.name: port.shape for port in found}


@pytest.mark.parametrize(
    "head",
    [
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 5',
        'input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 5 }',
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 4 dim: 5 } } }',
        (
            'layer { name: "d" type: "MemoryData" top: "data" top: "l" '
            "memory_data_param { batch_size: 1 channels: 3 height: 4 width: 5 } }"
        ),
        'layer { name: "d" type: "DummyData" top: "data" dummy_data_param { shape { dim: 1 dim: 3 dim: 4 dim: 5 } } }',
        'layer { name: "d" type: "DummyData" top: "data" dummy_data_param { num: 1 channels: 3 height: 4 width: 5 } }',
    ],
)
def test_every_style_gives_the_same_input(head):
    assert ports(f"{head}\n{RELU}") == {"data": (1, 3, 4, 5)}


def test_several_inputs_take_their_shapes_in_order():
    head = 'input: "data" input: "info" input_shape { dim: 1 dim: 3 } input_shape { dim: 1 dim: 2 }\n'
    assert ports(head + RELU) == {"data": (1, 3), "info": (1, 2)}
    head = 'input: "data" input: "info"\n' + "".join(f"input_dim: {dim} " for dim in (1, 3, 4, 5, 1, 2, 1, 1))
    assert ports(head + RELU) == {"data": (1, 3, 4, 5), "info": (1, 2, 1, 1)}


def test_a_data_layer_says_no_shape_and_the_caller_must():
    head = 'layer { name: "d" type: "Data" top: "data" top: "label" data_param { source: "x" } }\n'
    with pytest.raises(Diagnostic, match="input data") as caught:
        ports(head + RELU)
    assert (caught.value.code, "--input data:" in caught.value.hint) == ("input-shape-missing", True)
    assert ports(head + RELU, {"data": (2, 3, 4, 5)}) == {"data": (2, 3, 4, 5)}


def test_a_label_that_nobody_reads_is_no_input():
    feed = "memory_data_param { batch_size: 1 channels: 1 height: 1 width: 1 }"
    head = f'layer {{ name: "d" type: "MemoryData" top: "data" top: "label" {feed} }}\n'
    assert set(ports(head + RELU)) == {"data"}


def test_a_given_shape_wins_and_without_a_name_means_the_only_input():
    head = 'input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 5 }\n'
    assert ports(head + RELU, {"data": (7, 3, 8, 9)}) == {"data": (7, 3, 8, 9)}
    assert ports(head + RELU, {"": (7, 3, 8, 9)}) == {"data": (7, 3, 8, 9)}


def test_a_name_that_is_no_input_is_refused():
    head = 'input: "data" input_shape { dim: 1 dim: 3 }\n'
    with pytest.raises(Diagnostic) as caught:
        ports(head + RELU, {"image": (1, 3)})
    assert caught.value.code == "unknown-input"


def test_missing_shapes_are_named_all_at_once():
    with pytest.raises(Diagnostic, match="a, b"):
        ports('input: "a" input: "b"\nlayer { name: "e" type: "Eltwise" bottom: "a" bottom: "b" top: "c" }')
