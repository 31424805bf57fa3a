"""prototxt and caffemodel to a source graph: values named once, phases, losses, what is left out and why."""

from __future__ import annotations

import numpy as np
import pytest
from caffe_files import write_caffemodel
from nets import SMALL, small, small_weights

from converters.caffe import graph, phases, prototxt
from converters.diagnostic import Diagnostic

INPUT = 'input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 5 }\n'


def assembled(text, weights=(), inputs=None, **state):
    net = prototxt.parse(text, "net.prototxt")
    return graph.assemble(net, weights, inputs or {}, phases.State(**state))


def layer(name, kind, bottoms, tops, extra=""):
    blobs = "".join(f' bottom: "{blob}"' for blob in bottoms) + "".join(f' top: "{blob}"' for blob in tops)
    return f'layer {{ name: "{name}" type: "{kind}"{blobs} {extra} }}\n'


def test_an_in_place_chain_gets_a_name_a_step_and_the_last_one_keeps_the_blobs():
    text = INPUT + layer("conv", "ELU", ["data"], ["c"]) + layer("bn", "ReLU", ["c"], ["c"])
    text += layer("relu", "ReLU", ["c"], ["c"]) + layer("out", "ReLU", ["c"], ["d"])
    found = assembled(text)
    assert [(entry.inputs, entry.outputs) for entry in found.layers] == [
        (("data",), ("c/conv",)),
        (("c/conv",), ("c/bn",)),
        (("c/bn",), ("c",)),
        (("c",), ("d",)),
    ]
    assert found.blobs == {"data": "data", "c/conv": "c", "c/bn": "c", "c": "c", "d": "d"}
    assert found.outputs == ("d",)


def test_a_value_read_before_it_is_overwritten_stays_what_it_was():
    text = INPUT + layer("a", "ELU", ["data"], ["c"]) + layer("branch", "TanH", ["c"], ["t"])
    text += layer("b", "ReLU", ["c"], ["c"])
    branch, after = assembled(text).layers[1:]
    assert branch.inputs == after.inputs == ("c/a",)
    assert after.outputs == ("c",)


def test_an_input_that_is_overwritten_keeps_its_name():
    found = assembled(INPUT + layer("a", "ReLU", ["data"], ["data"]) + layer("b", "TanH", ["data"], ["t"]))
    assert [port.name for port in found.inputs] == ["data"]
    assert found.layers[1].inputs == ("data/a",)


def test_two_layers_that_make_one_blob_are_refused():
    text = INPUT + layer("a", "ReLU", ["data"], ["x"]) + layer("b", "TanH", ["data"], ["x"])
    with pytest.raises(Diagnostic, match="makes x, which is made already") as caught:
        assembled(text)
    assert (caught.value.code, caught.value.where.line) == ("duplicate-top", 3)


def test_an_unknown_bottom_is_refused_with_its_line_and_the_option_that_makes_it_an_input():
    text = INPUT + layer("a", "Eltwise", ["data", "other"], ["x"])
    with pytest.raises(Diagnostic) as caught:
        assembled(text)
    assert (caught.value.code, caught.value.where.line) == ("unknown-bottom", 2)
    assert "--input other:" in caught.value.hint
    assert [port.name for port in assembled(text, inputs={"other": (1, 3, 4, 5)}).inputs] == ["data", "other"]


def test_a_blob_of_another_phase_is_told_so():
    text = layer("d", "Data", [], ["data"], "include { phase: TRAIN }") + layer("a", "ReLU", ["data"], ["x"])
    with pytest.raises(Diagnostic) as caught:
        assembled(text)
    assert "--phase TRAIN" in caught.value.hint
    assert assembled(text, inputs={"data": (1, 3)}, phase="TRAIN").inputs[0].name == "data"


@pytest.mark.parametrize(
    ("rule", "state", "there"),
    [
        ("include { phase: TEST }", {}, True),
        ("include { phase: TRAIN }", {}, False),
        ("include { phase: TRAIN }", {"phase": "TRAIN"}, True),
        ("exclude { phase: TEST }", {}, False),
        ("exclude { phase: TRAIN } exclude { stage: 'deploy' }", {"stages": frozenset({"deploy"})}, False),
        ("include { stage: 'a' stage: 'b' }", {"stages": frozenset({"a"})}, False),
        ("include { stage: 'a' stage: 'b' }", {"stages": frozenset({"a", "b", "c"})}, True),
        ("include { not_stage: 'a' }", {}, True),
        ("include { not_stage: 'a' }", {"stages": frozenset({"a"})}, False),
        ("include { min_level: 1 }", {}, False),
        ("include { min_level: 1 max_level: 2 }", {"level": 2}, True),
        ("include { max_level: 1 }", {"level": 2}, False),
        ("include { phase: TRAIN } include { stage: 'a' }", {"stages": frozenset({"a"})}, True),
    ],
)
def test_include_and_exclude_rules_choose_layers_as_caffe_does(rule, state, there):
    found = assembled(INPUT + layer("a", "ReLU", ["data"], ["x"]) + layer("b", "TanH", ["data"], ["t"], rule), **state)
    assert ("b" in [entry.name for entry in found.layers]) is there
    assert ("b" in dict(found.pruned)) is not there


def test_a_layer_of_the_same_text_as_one_of_another_phase_is_kept():
    twice = layer("a", "ReLU", ["data"], ["x"], "include { phase: %s }")
    assert len(assembled(INPUT + twice % "TRAIN" + twice % "TEST").layers) == 1


def test_losses_keep_their_prediction_and_measures_go():
    text = INPUT + 'input: "label" input_shape { dim: 1 }\n'
    text += layer("loss", "SoftmaxWithLoss", ["data", "label"], ["loss"], "softmax_param { axis: 2 }")
    text += layer("acc", "Accuracy", ["data", "label"], ["acc"])
    found = assembled(text)
    assert [(entry.kind, entry.outputs) for entry in found.layers] == [("Softmax", ("prob",))]
    assert found.layers[0].attrs["axis"] == 2
    assert "acc" in dict(found.pruned)


def test_several_losses_give_predictions_of_several_names():
    text = INPUT + layer("a", "ReLU", ["data"], ["x"])
    text += layer("l1", "SoftmaxWithLoss", ["x", "x"], ["l1"]) + layer(
        "l2", "SigmoidCrossEntropyLoss", ["x", "x"], ["l2"]
    )
    text += layer("l3", "SoftmaxWithLoss", ["x", "x"], ["l3", "p3"])
    assert [entry.outputs for entry in assembled(text).layers[1:]] == [("x/softmax",), ("x/sigmoid",), ("p3",)]


def test_a_data_layer_in_python_feeds_the_network():
    text = layer("data", "Python", [], ["data", "label"], "python_param { module: 'm' layer: 'l' }")
    text += layer("a", "ReLU", ["data"], ["x"])
    found = assembled(text, inputs={"data": (1, 3, 4, 5)})
    assert [port.name for port in found.inputs] == ["data"]
    assert [entry.name for entry in found.layers] == ["a"]


def test_weights_stand_by_position_and_a_part_named_alike_is_shared(tmp_path):
    graph_file, weights = small(tmp_path)
    found = graph.decode({"graph": graph_file, "weights": weights}, {})
    conv = next(entry for entry in found.layers if entry.name == "conv")
    assert np.array_equal(conv.weights[0].array(), small_weights()["conv"][0])
    assert set(conv.weights) == {0, 1}


@pytest.mark.parametrize(
    ("role", "content", "code"),
    [
        ("weights", None, "graph-missing"),
        ("state", b"x", "solver-state"),
        ("solver", b"x", "solver-prototxt"),
        ("mean", b"x", "graph-missing"),
    ],
)
def test_what_is_no_network_is_refused_by_its_name(tmp_path, role, content, code):
    path = write_caffemodel(tmp_path / "w", small_weights()) if content is None else tmp_path / "file"
    with pytest.raises(Diagnostic) as caught:
        graph.decode({role: path}, {})
    assert caught.value.code == code


def test_an_unknown_phase_and_an_unknown_dialect_are_refused(tmp_path):
    graph_file, _ = small(tmp_path)
    with pytest.raises(Diagnostic, match="phase DEPLOY"):
        graph.decode({"graph": graph_file}, {}, phase="DEPLOY")
    with pytest.raises(Diagnostic, match="dialect nvidia") as caught:
        graph.decode({"graph": graph_file}, {}, dialect="nvidia")
    assert any("segnet" in line for line in caught.value.details)


@pytest.mark.parametrize(("dialect", "kind"), [("bvlc", "ReLU6"), ("ssd", "Reorg")])
def test_under_a_dialect_layers_of_other_forks_are_refused_with_their_lines(tmp_path, dialect, kind):
    graph_file, _ = small(tmp_path, SMALL + layer("six", kind, ["prob"], ["six"]))
    with pytest.raises(Diagnostic) as caught:
        graph.decode({"graph": graph_file}, {}, dialect=dialect)
    assert (caught.value.code, caught.value.where.line) == ("fork-layers", 17)
    graph.decode({"graph": graph_file}, {})
