"""Which stored blobs belong to which layer, and what it means when some do not."""

from __future__ import annotations

import numpy as np
import pytest
from caffe_files import write_caffemodel
from nets import SMALL, small_weights

import converters
from converters.caffe import caffemodel, matching, prototxt
from converters.diagnostic import Diagnostic


def matched(text, *stored):
    return matching.match(prototxt.parse(text, "f").layers, stored)


def stored(name, bottoms=(), tops=(), count=1):
    from converters.weights import ArrayWeight

    return caffemodel.StoredLayer(name, bottoms, tops, tuple(ArrayWeight(np.zeros(1)) for _ in range(count)))


LAYER = 'layer { name: "%s" type: "Convolution" bottom: "x" top: "x" %s }\n'


def files(tmp_path, weights, topology=None):
    graph = tmp_path / "small.prototxt"
    graph.write_text(SMALL)
    return [graph, write_caffemodel(tmp_path / "w.caffemodel", weights, topology=topology)]


def test_missing_and_differing_weights_are_one_table(tmp_path):
    weights = small_weights()
    del weights["fc"]
    weights["conv"][0] = np.zeros((4, 3, 5, 5), np.float32)
    with pytest.raises(Diagnostic) as caught:
        converters.read(files(tmp_path, weights))
    fault = caught.value
    assert fault.code == "weights-mismatch"
    assert "2 missing, 0 extra, 1 of another shape" in fault.message
    assert fault.details == (
        "conv/weight: the graph wants [4, 3, 3, 3], the weights file has [4, 3, 5, 5]",
        "fc/weight: the graph wants [5, 96], the weights file has none",
        "fc/bias: the graph wants [5], the weights file has none",
    )


def test_missing_weights_are_filled_as_caffe_starts_when_asked(tmp_path):
    weights = small_weights()
    del weights["fc"]
    model = converters.read(files(tmp_path, weights), converters.Options(allow_missing=True))
    assert set(model.report.filled) == {"fc/weight", "fc/bias"}


def test_a_differing_weight_is_refused_even_when_missing_ones_may_be(tmp_path):
    weights = small_weights()
    weights["fc"][0] = np.zeros((5, 97), np.float32)
    with pytest.raises(Diagnostic, match="1 of another shape"):
        converters.read(files(tmp_path, weights), converters.Options(allow_missing=True))


def test_a_second_blob_that_the_layer_does_not_want_is_extra(tmp_path):
    weights = small_weights()
    weights["conv"].append(np.zeros(4, np.float32))
    with pytest.raises(Diagnostic, match="1 extra"):
        converters.read(files(tmp_path, weights))


def test_a_stored_head_that_the_network_lacks_is_unused(tmp_path):
    weights = {**small_weights(), "aux": [np.zeros(3, np.float32)]}
    topology = {"conv": (["data"], ["conv"]), "aux": (["conv"], ["aux"])}
    model = converters.read(files(tmp_path, weights, topology))
    assert model.report.unused == ["aux"]


def test_a_stored_layer_between_two_of_the_network_is_a_lost_one(tmp_path):
    weights = {name: small_weights()[name] for name in ("conv", "bn", "scale")}
    weights = {**weights, "lost": [np.zeros(3, np.float32)], "fc": small_weights()["fc"]}
    topology = {"conv": (["data"], ["c"]), "lost": (["c"], ["l"]), "fc": (["l"], ["fc"])}
    with pytest.raises(Diagnostic, match="1 extra") as caught:
        converters.read(files(tmp_path, weights, topology))
    assert any(line.startswith("lost:") for line in caught.value.details)


def test_weights_of_another_network_are_refused(tmp_path):
    with pytest.raises(Diagnostic) as caught:
        converters.read(files(tmp_path, {"other": [np.zeros((3, 3), np.float32)]}))
    assert caught.value.code == "weights-mismatch"


def test_layers_that_name_a_parameter_share_the_first_ones():
    text = LAYER % ("a", "param { name: 'w' } param { name: 'b' }") + LAYER % (
        "b",
        "param { name: 'w' } param { name: 'b' }",
    )
    found = matched(text, stored("a", count=2))
    assert found.weights["b"] == found.weights["a"]


def test_a_shared_parameter_wins_over_the_layers_own_copy_in_the_file():
    text = LAYER % ("a", "param { name: 'w' }") + LAYER % ("b", "param { name: 'w' }")
    first, second = stored("a"), stored("b", count=2)
    found = matched(text, first, second)
    assert found.weights["b"][0] is first.blobs[0]
    assert found.weights["b"][1] is second.blobs[1]


def test_shared_parameters_become_one_initializer(tmp_path):
    graph = tmp_path / "g.prototxt"
    conv = "convolution_param { num_output: 3 kernel_size: 1 } param { name: 'w' } param { name: 'b' }"
    graph.write_text(
        'input: "x" input_shape { dim: 1 dim: 3 dim: 4 dim: 5 }\n'
        f'layer {{ name: "a" type: "Convolution" bottom: "x" top: "a" {conv} }}\n'
        f'layer {{ name: "b" type: "Convolution" bottom: "a" top: "b" {conv} }}\n'
    )
    weights = write_caffemodel(
        tmp_path / "w.caffemodel", {"a": [np.zeros((3, 3, 1, 1), np.float32), np.zeros(3, np.float32)]}
    )
    model = converters.read([graph, weights])
    assert sorted(model.ir.graph.initializers) == ["a/bias", "a/weight"]


def test_shared_parameters_without_a_file_are_drawn_once(tmp_path):
    graph = tmp_path / "g.prototxt"
    inner = "inner_product_param { num_output: 4 } param { name: 'w' }"
    graph.write_text(
        'input: "x" input_shape { dim: 1 dim: 4 }\n'
        f'layer {{ name: "a" type: "InnerProduct" bottom: "x" top: "a" {inner} }}\n'
        f'layer {{ name: "b" type: "InnerProduct" bottom: "a" top: "b" {inner} }}\n'
    )
    values = converters.read([graph], converters.Options(init=3)).ir.graph.initializers
    assert np.array_equal(values["a/weight"].const_value.numpy(), values["b/weight"].const_value.numpy())
    assert not np.array_equal(values["a/bias"].const_value.numpy(), values["b/bias"].const_value.numpy())
