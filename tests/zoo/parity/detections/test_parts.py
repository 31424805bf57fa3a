"""Boxes, scores and labels in outputs of their own are told from the graph and joined row by row."""

import numpy as np
import onnx
import pytest
from detectors import detector
from onnx import TensorProto, helper

from zoo.diagnostics import UsageFault
from zoo.parity.detections.layout import layout_of
from zoo.parity.detections.parts import Parts, fold, joined, leading, said
from zoo.parity.detections.recognised import recognised

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
BOXES = np.arange(24, dtype=np.float32).reshape(2, 3, 4) + 1
SCORES = np.linspace(0.1, 0.6, 6, dtype=np.float32).reshape(2, 3)
LABELS = np.array([[1, 2, 3], [0, 1, 2]])
PARTS = Parts("b", "s", "l")


def found(table):
    return layout_of(table).read(table)


def test_a_batch_of_boxes_becomes_rows_that_bear_their_image():
    rows = found(PARTS.table({"b": BOXES, "s": SCORES, "l": LABELS}))
    assert rows.images.tolist() == [0, 0, 0, 1, 1, 1]
    assert rows.labels.tolist() == LABELS.ravel().tolist()
    assert np.array_equal(rows.boxes, BOXES.reshape(6, 4))
    assert np.allclose(rows.scores, SCORES.ravel())


def test_an_axis_of_one_behind_and_a_single_image_are_the_same_rows():
    one = PARTS.table({"b": BOXES[0], "s": SCORES[0], "l": LABELS[0]})
    assert np.array_equal(one, PARTS.table({"b": BOXES[:1], "s": SCORES[:1, :, None], "l": LABELS[:1, :, None]}))


@pytest.mark.parametrize("count", [np.array([2, 1]), np.array([[2.0], [1.0]], np.float32)])
def test_rows_behind_the_count_are_none_whatever_they_hold(count):
    scores = SCORES.copy()
    scores[0, 2] = np.nan
    rows = found(Parts("b", "s", "l", "n").table({"b": BOXES, "s": scores, "l": LABELS, "n": count}))
    assert rows.places.tolist() == [0, 1, 3]


def test_rows_of_zeros_and_of_negative_labels_fill_up_and_are_none():
    boxes, scores, labels = BOXES.copy(), SCORES.copy(), LABELS.copy()
    boxes[0, 2], scores[0, 2] = 0, 0
    labels[1, 0] = -1
    assert found(PARTS.table({"b": boxes, "s": scores, "l": labels})).places.tolist() == [0, 1, 4, 5]


@pytest.mark.parametrize("wrong", [
    {"b": BOXES[..., :3]}, {"s": SCORES[:, :2]}, {"l": LABELS.T}, {"s": LABELS}, {"b": BOXES[0]},
])  # fmt: skip
def test_outputs_that_do_not_fit_together_stay_as_they_are(wrong):
    outputs = {"b": BOXES, "s": SCORES, "l": LABELS, **wrong}
    assert fold([PARTS], outputs) == outputs


def test_joined_outputs_take_the_place_of_their_parts_and_keep_the_first_images():
    folded = fold([PARTS], {"mask": LABELS, "b": BOXES, "s": SCORES, "l": LABELS})
    assert [*folded] == ["mask", "detections"]
    assert found(leading(folded["detections"], 1)).images.tolist() == [0, 0, 0]


def test_a_name_that_is_taken_is_not_given_again():
    assert joined([PARTS], ["b", "detections"])[0].joined == "detections of b"
    assert [one.joined for one in joined([PARTS, Parts("c", "t")], [])] == ["detections of b", "detections of c"]


def test_the_command_line_names_roles_group_by_group():
    rows, groups = said(["whole", "boxes=b", "scores=s", "boxes=c", "scores=t", "labels=u", "count=n"])
    assert rows == ("whole",)
    assert groups == (Parts("b", "s"), Parts("c", "t", "u", "n"))


@pytest.mark.parametrize(("text", "why"), [
    (["boxes=b"], "lacks scores"), (["scores=s"], "lacks boxes"), (["box=b", "scores=s"], "ROLE=NAME"),
    (["boxes=", "scores=s"], "ROLE=NAME"),
])  # fmt: skip
def test_roles_that_mean_nothing_are_refused(text, why):
    with pytest.raises(UsageFault, match=why):
        said(text)


def test_an_exported_detectors_outputs_are_told_from_the_graph(tmp_path):
    sets = recognised(detector(tmp_path / "net.onnx"))
    assert sets.parts == (Parts("boxes", "scores", "labels"),)
    assert not sets.rows


SHAPES = {"boxes": (FLOAT, ["n", 4]), "scores": (FLOAT, ["n"])}


@pytest.mark.parametrize(("more", "expected"), [
    ({}, Parts("boxes", "scores")),
    ({"which": (INT, ["n"])}, Parts("boxes", "scores", "which")),
    ({"classes": (FLOAT, ["n"])}, Parts("boxes", "scores", "classes")),
    ({"classes": (INT, ["n"]), "anchor": (INT, ["n"])}, Parts("boxes", "scores", "classes")),
    ({"classes": (INT, ["n"]), "num_detections": (INT, [])}, Parts("boxes", "scores", "classes", "num_detections")),
    ({"masks": (FLOAT, ["n", 28, 28])}, Parts("boxes", "scores")),
    ({"one": (INT, ["n"]), "other": (INT, ["n"])}, None),
    ({"more_scores": (FLOAT, ["n"])}, None),
    ({"more_boxes": (FLOAT, ["n", 4])}, None),
])  # fmt: skip
@pytest.mark.parametrize("choice", ["NonMaxSuppression", "TopK", "Relu"])
def test_types_decide_before_names_and_a_doubt_or_no_choice_leaves_them_apart(tmp_path, more, expected, choice):
    kinds = {**SHAPES, **more}
    nodes = [helper.make_node(choice, ["x", "x"][: 1 if choice == "Relu" else 2], ["kept"])]
    nodes += [helper.make_node("Any", ["kept"], [name], domain="any") for name in kinds]
    ports = [helper.make_tensor_value_info(name, *kind) for name, kind in kinds.items()]
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", FLOAT, [1, 8, 4])], ports)
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("any", 1)]
    onnx.save(helper.make_model(graph, opset_imports=imports), tmp_path / "net.onnx")
    parts = recognised(tmp_path / "net.onnx").parts
    assert parts == (() if expected is None or choice == "Relu" else (expected,))
