"""Detections are compared as sets: by class, overlap and score; ties may swap, a class that is swapped may not."""

import math

import numpy as np
import pytest

from zoo.parity.compare import Verdict, compared
from zoo.parity.detections.layout import layout_of, stacked
from zoo.parity.detections.matching import match
from zoo.parity.detections.noise import RowNoise, pick_noise, row_noise
from zoo.parity.detections.places import PlaceNoise
from zoo.parity.rule import DEFAULT, Floor, Rule, Tolerance

BOXES = np.array([[0.1, 0.1, 0.3, 0.4], [0.5, 0.5, 0.8, 0.9], [0.1, 0.6, 0.2, 0.9], [0.6, 0.1, 0.9, 0.3]])
SCORES = np.array([0.9, 0.7, 0.7, 0.4])
LABELS = np.array([1, 2, 1, 3])
NOISE = RowNoise(1e-7, 1e-7)


def ssd(order=(0, 1, 2, 3), labels=LABELS, scores=SCORES, boxes=BOXES):
    rows = np.column_stack([np.zeros(4), labels, scores, boxes])[list(order)]
    return rows[None, None].astype(np.float32)


def multibox(order=(0, 1, 2, 3), labels=LABELS):
    rows = np.column_stack([labels, SCORES, BOXES])[list(order)]
    return np.concatenate([rows, -np.ones((2, 6))])[None].astype(np.float32)


def judged(reference, candidate, noise=NOISE, rule=DEFAULT):
    return compared("found", reference, candidate, rule, Floor(math.inf, math.inf, sets=noise))


@pytest.mark.parametrize("made", [ssd, multibox])
def test_rows_of_equal_scores_may_swap(made):
    found = judged(made(), made(order=(0, 2, 1, 3)))
    assert found.verdict is Verdict.PASS
    assert found.as_set
    assert found.figures.ratio == 0
    assert "2 detections stand in another order, the first in row 1" in found.reason


@pytest.mark.parametrize("made", [ssd, multibox])
def test_two_boxes_whose_classes_are_swapped_fail_and_are_named(made):
    found = judged(made(), made(labels=np.array([2, 1, 1, 3])))
    assert found.verdict is Verdict.FAIL
    assert "4 detections of one side only" in found.reason
    assert "the candidate lacks image 0, class 1, score 0.9" in found.reason


@pytest.mark.parametrize(("floors", "verdict"), [(8, Verdict.PASS), (32, Verdict.FAIL)])
@pytest.mark.parametrize("column", ["score", "box"])
def test_scores_and_boxes_are_judged_by_their_own_noise(column, floors, verdict):
    noise = RowNoise(score=1e-4, box=1e-2) if column == "score" else RowNoise(score=1e-2, box=1e-4)
    scores, boxes = SCORES.copy(), BOXES.copy()
    if column == "score":
        scores[0] -= floors * noise.score
    else:
        boxes[0, 2] += floors * noise.box
    found = judged(ssd(), ssd(scores=scores, boxes=boxes), noise)
    assert found.verdict is verdict
    assert found.figures.ratio == pytest.approx(floors, rel=1e-3)


def test_a_detection_more_or_less_fails_though_all_others_are_equal():
    fewer = ssd(order=(0, 1, 2))
    for pair, said in (((ssd(), fewer), "the candidate lacks"), ((fewer, ssd()), "the reference lacks")):
        found = judged(*pair)
        assert found.verdict is Verdict.FAIL
        assert f"{said} image 0, class 3, score 0.4" in found.reason
        assert "(row 3)" in found.reason


def test_a_box_elsewhere_is_no_match_whatever_its_score():
    boxes = BOXES.copy()
    boxes[3] = [0.0, 0.9, 0.1, 1.0]
    assert judged(ssd(), ssd(boxes=boxes)).verdict is Verdict.FAIL


def test_rows_that_rounding_makes_come_and_go_are_told_and_do_not_fail():
    noise = row_noise(ssd(), [ssd(order=(0, 1, 2)), ssd()])
    assert noise.churn == 1
    found = judged(ssd(), ssd(order=(0, 1, 2)), noise)
    assert found.verdict is Verdict.PASS
    assert "1 detections of one side only come and go by rounding alone" in found.reason


def test_other_rows_than_those_are_no_pass_even_where_rounding_decides_some():
    noise = row_noise(ssd(), [ssd(order=(0, 1, 2))])
    assert judged(ssd(), ssd(order=(0, 1, 3)), noise).verdict is Verdict.IDLE
    assert judged(ssd(), ssd(order=(0, 3)), noise).verdict is Verdict.FAIL
    assert judged(ssd(), ssd(labels=np.array([2, 1, 1, 3])), noise).verdict is Verdict.FAIL


def test_the_noise_is_that_of_the_scores_and_of_the_corners_whatever_the_order():
    moved = ssd(order=(3, 2, 1, 0), scores=SCORES + 1e-4, boxes=BOXES - 3e-4).astype(np.float64)
    moved[..., 1] *= 1 + 2.0**-24  # a perturbed run moves whole numbers, too
    noise = row_noise(ssd(), [ssd(), moved])
    assert noise.score == pytest.approx(1e-4, rel=1e-2)
    assert noise.box == pytest.approx(3e-4, rel=1e-2)
    assert noise.churn == 0


def test_nothing_detected_is_not_exercised():
    nothing = np.array([[[[0, -1, -1, -1, -1, -1, -1]]]], np.float32)
    found = judged(nothing, nothing)
    assert found.verdict is Verdict.IDLE
    assert "nothing is detected" in found.reason
    assert judged(nothing, ssd()).verdict is Verdict.FAIL
    assert judged(ssd(), nothing).verdict is Verdict.FAIL


def test_rows_of_zeros_that_fill_an_output_up_are_no_detections():
    full = np.concatenate([ssd(), np.zeros((1, 1, 3, 7), np.float32)], axis=2)
    assert judged(ssd(), full).verdict is Verdict.PASS


def test_rows_with_nan_are_compared_as_they_stand():
    broken = ssd()
    broken[0, 0, 1, 2] = np.nan
    found = compared("found", ssd(), broken, DEFAULT, Floor(1e-7, 1e-7, sets=NOISE))
    assert found.verdict is Verdict.FAIL
    assert "NaN" in found.reason


def test_a_tolerance_set_by_hand_judges_the_pairs():
    rule = Rule(tolerance=Tolerance(atol=1e-3), why="a test")
    assert judged(ssd(), ssd(order=(0, 2, 1, 3), scores=SCORES - 5e-4), rule=rule).verdict is Verdict.PASS
    assert judged(ssd(), ssd(scores=SCORES - 5e-3), rule=rule).verdict is Verdict.FAIL
    assert judged(ssd(), ssd(labels=np.array([2, 1, 1, 3])), rule=rule).verdict is Verdict.FAIL


def test_two_boxes_in_one_place_are_told_apart_by_their_scores():
    boxes = np.repeat(BOXES[:1], 4, axis=0)
    one, other = ssd(boxes=boxes, labels=np.ones(4)), ssd(boxes=boxes, labels=np.ones(4), order=(3, 2, 1, 0))
    layout = layout_of(one, other)
    pairs = match(layout.read(one), layout.read(other)).pairs
    assert dict(pairs) in ({0: 3, 1: 2, 2: 1, 3: 0}, {0: 3, 1: 1, 2: 2, 3: 0})


def test_boxes_without_an_area_match_where_they_lie():
    flat = BOXES.copy()
    flat[:, 2] = flat[:, 0]
    assert judged(ssd(boxes=flat), ssd(boxes=flat + 5e-8)).verdict is Verdict.PASS
    assert judged(ssd(boxes=flat), ssd(boxes=flat + 0.05)).verdict is Verdict.FAIL


def test_portions_are_joined_row_by_row_and_their_images_counted_on():
    fill = np.zeros((1, 1, 1, 7), np.float32)
    joined = stacked([ssd(order=(0,)), np.concatenate([ssd(order=(1, 2)), fill], axis=2)], [1, 1])
    assert joined.shape == (1, 1, 4, 7)
    assert joined[0, 0, :, 0].tolist() == [0, 1, 1, 0]
    assert layout_of(joined).read(joined).images.tolist() == [0, 1, 1]


def test_selected_boxes_are_a_set_of_triples():
    one = np.array([[0, 0, 5], [0, 0, 2], [0, 1, 7]])
    noise = pick_noise(one, [one[:2]])
    assert judged(one, one[[1, 0, 2]], noise).verdict is Verdict.PASS
    assert judged(one, one[:2], noise).verdict is Verdict.PASS
    assert judged(one, one[1:], noise).verdict is Verdict.FAIL
    assert judged(one, np.array([[0, 0, 5], [0, 0, 3], [0, 1, 7]]), noise).verdict is Verdict.FAIL


def test_places_may_differ_where_their_values_tie_and_nowhere_else():
    values = np.array([[1.0, 3.0, 3.0 + 1e-7, 0.0], [5.0, 1.0, 2.0, 2.5]])
    noise = PlaceNoise(values, -1, 1e-7)
    best = np.array([2, 0])
    assert judged(best, np.array([1, 0]), noise).verdict is Verdict.PASS
    assert judged(best, np.array([0, 0]), noise).verdict is Verdict.FAIL
    two = np.array([[2, 1], [0, 3]])
    assert judged(two, np.array([[1, 2], [0, 3]]), noise).verdict is Verdict.PASS
    assert judged(two, np.array([[1, 1], [0, 3]]), noise).verdict is Verdict.FAIL
    assert judged(two, np.array([[1, 9], [0, 3]]), noise).verdict is Verdict.FAIL
    assert judged(two, np.array([[2, 1], [0, 2]]), noise).verdict is Verdict.FAIL
    assert judged(best[:1], np.array([1]), noise).verdict is Verdict.PASS
