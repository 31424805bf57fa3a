"""Weights for a graph without any: the same for a layer's name and role whatever the format, and of a sane size."""

from __future__ import annotations

import numpy as np
import pytest

import converters
from converters.diagnostic import Diagnostic
from converters.hub.initial import drawn

NET = """input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" }
layer { name: "prelu" type: "PReLU" bottom: "bn" top: "out" }
"""


def weights(tmp_path, seed):
    graph = tmp_path / "net.prototxt"
    graph.write_text(NET)
    model = converters.read([graph], converters.Options(init=seed))
    return model, {name: value.const_value.numpy() for name, value in model.ir.graph.initializers.items()}


def test_a_seed_gives_the_same_weights_each_time_and_another_gives_others(tmp_path):
    model, first = weights(tmp_path, 7)
    _, again = weights(tmp_path, 7)
    _, other = weights(tmp_path, 8)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["conv/weight"], other["conv/weight"])
    assert model.report.filled["conv/weight"] == "drawn with the seed 7"


def test_the_numbers_follow_from_seed_layer_and_role_alone(tmp_path):
    _, found = weights(tmp_path, 7)
    assert np.array_equal(found["conv/weight"], drawn(7, "conv", "weight", (4, 3, 3, 3)).array())


@pytest.mark.parametrize(
    ("one", "other"), [("gamma", "scale"), ("beta", "shift"), ("moving_mean", "mean"), ("running_var", "variance")]
)
def test_what_formats_call_a_role_makes_no_difference(one, other):
    assert np.array_equal(drawn(1, "bn", one, (5,)).array(), drawn(1, "bn", other, (5,)).array())


def test_a_relu_network_of_thirty_layers_keeps_the_variance_of_its_input():
    x = np.random.default_rng(0).standard_normal((64, 256))
    for number in range(30):
        x = np.maximum(x @ drawn(3, f"fc{number}", "weight", (256, 256)).array().T, 0)
    assert 0.1 < np.mean(x**2) < 10


def test_variances_are_positive_factors_one_and_slopes_a_quarter():
    assert drawn(0, "a", "variance", (1000,)).array().min() >= 0.9
    assert drawn(0, "a", "factor", (1,)).array().tolist() == [1.0]
    assert set(drawn(0, "a", "slope", (3,)).array().tolist()) == {0.25}


def test_a_graph_with_weights_of_its_own_is_refused(tmp_path):
    from nets import small

    with pytest.raises(Diagnostic) as caught:
        converters.read(list(small(tmp_path)), converters.Options(init=0))
    assert caught.value.code == "init-with-weights"
