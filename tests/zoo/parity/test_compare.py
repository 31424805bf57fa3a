from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zoo.parity.compare import Verdict
from zoo.parity.compare import compare as compare_with
from zoo.parity.figures import CHUNK, figures
from zoo.parity.rule import DEFAULT, Floor, K, Rule, Tolerance

ALLOWED = Tolerance(rtol=0.1, atol=0.01)
LOOSE = Rule(tolerance=ALLOWED, why="a test", source="test")
NOISE = Floor(1e-7, 4e-7)


class _Everywhere(dict):
    """One floor for every output."""

    def get(self, _name, _default=None):
        return NOISE


def compare(reference, candidate, rule, **told):
    return compare_with(reference, candidate, rule, _Everywhere(), **told)


def logits(shape=(4, 10), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def only(comparison):
    (row,) = comparison.outputs
    return row


def test_equal_outputs_pass_with_every_figure_at_its_best():
    row = only(compare({"fc": logits()}, {"fc": logits()}, DEFAULT))
    assert row.verdict is Verdict.PASS
    assert (row.figures.max_abs, row.figures.ratio, row.figures.needed.atol, row.figures.outside) == (0, 0, 0, 0)
    assert row.figures.cosine == pytest.approx(1)
    assert (row.top1.agreed, row.top1.rows) == (4, 4)


def test_no_outputs_at_all_is_a_failure():
    assert compare({}, {}, DEFAULT).verdict is Verdict.FAIL
    assert compare({}, {}, DEFAULT).ratio == math.inf


@pytest.mark.parametrize(
    ("reference", "candidate", "reason"),
    [
        ({"a": logits(), "b": logits()}, {"a": logits()}, "missing from the candidate, which has a"),
        ({"a": logits()}, {"a": logits(), "b": logits()}, "missing from the reference, which has a"),
        ({"a": logits((1, 10))}, {"a": logits((10,))}, "shape 10 where the reference has 1x10 (the same but for axes"),
        ({"a": logits((2, 5))}, {"a": logits((5, 2))}, "shape 5x2 where the reference has 2x5"),
        ({"a": logits()}, {"a": logits().astype(np.int64)}, "int64 where the reference has float32"),
        ({"a": np.array(["x"])}, {"a": np.array(["x"])}, "values of type <U1 cannot be compared"),
        ({"a": np.zeros((0, 3), "f4")}, {"a": np.zeros((0, 4), "f4")}, "shape 0x4 where the reference has 0x3"),
    ],
)
def test_a_difference_of_structure_fails_and_is_named(reference, candidate, reason):
    comparison = compare(reference, candidate, LOOSE)
    assert comparison.verdict is Verdict.FAIL
    assert any(reason in line for line in comparison.reasons), comparison.reasons


def test_an_output_without_elements_agrees_and_shows_nothing():
    empty = {"a": np.zeros((0, 3), "f4")}
    assert compare(empty, empty, LOOSE).verdict is Verdict.IDLE
    assert compare(empty, empty, LOOSE).reasons == ("a: no elements",)
    both = compare({**empty, "b": logits()}, {**empty, "b": logits()}, LOOSE)
    assert (both.verdict, both.ratio) == (Verdict.PASS, 0)


def test_one_failing_output_fails_the_pair_beside_a_passing_one():
    comparison = compare({"a": logits(), "b": logits()}, {"a": logits(), "b": logits(seed=1)}, DEFAULT)
    assert [row.verdict for row in comparison.outputs] == [Verdict.PASS, Verdict.FAIL]
    assert comparison.verdict is Verdict.FAIL


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_on_one_side_only_fails(value):
    broken = logits()
    broken[1, 3] = value
    for pair in ((logits(), broken), (broken, logits())):
        row = only(compare({"y": pair[0]}, {"y": pair[1]}, LOOSE))
        assert row.verdict is Verdict.FAIL
        assert row.reason == "1 elements are NaN or infinite on one side only, first at [1, 3]"
        assert math.isfinite(row.figures.ratio)


def test_values_that_are_not_finite_at_the_same_places_pass_and_are_told():
    left = logits()
    left[0, 0], left[1, 1], left[2, 2] = np.nan, np.inf, -np.inf
    row = only(compare({"y": left}, {"y": left.copy()}, DEFAULT))
    assert row.verdict is Verdict.PASS
    assert row.reason == "1 NaN and 2 infinite values, at the same places in both"


def test_plus_and_minus_infinity_are_different_places():
    left, right = logits(), logits()
    left[0, 0], right[0, 0] = np.inf, -np.inf
    assert compare({"y": left}, {"y": right}, LOOSE).verdict is Verdict.FAIL


def test_the_verdict_turns_exactly_where_the_formula_says():
    reference = np.array([[8.0, -4.0, 2.0]])
    allowed = ALLOWED.atol * 8 + ALLOWED.rtol * 4
    for factor, verdict in ((0.999, Verdict.PASS), (1.001, Verdict.FAIL)):
        candidate = reference + np.array([[0, allowed * factor, 0]])
        row = only(compare({"y": reference}, {"y": candidate}, LOOSE))
        assert row.verdict is verdict
        assert row.figures.tolerance_ratio == pytest.approx(factor)
    assert row.figures.outside == 1
    assert row.figures.max_abs == pytest.approx(allowed * factor)
    assert row.figures.max_rel == pytest.approx(allowed * factor / 8)
    assert row.figures.max_rel_each == pytest.approx(allowed * factor / 4)
    assert row.figures.rms == pytest.approx(allowed * factor / math.sqrt(3))


@given(
    hnp.arrays(np.float32, (3, 7), elements=st.floats(-100, 100, width=32)),
    hnp.arrays(np.float32, (3, 7), elements=st.floats(-1, 1, width=32)),
)
def test_the_numbers_said_to_be_needed_are_those_of_allclose(reference, noise):
    reference = reference.astype(np.float64)
    candidate = reference + noise
    needed = only(compare({"y": reference}, {"y": candidate}, DEFAULT)).figures.needed
    assert np.allclose(candidate, reference, rtol=0, atol=needed.atol * (1 + 1e-9))
    assert needed.atol == 0 or not np.allclose(candidate, reference, rtol=0, atol=needed.atol * 0.99)
    if math.isfinite(needed.rtol):
        assert np.allclose(candidate, reference, rtol=needed.rtol * (1 + 1e-9), atol=0)
    else:
        assert (candidate[reference == 0] != 0).any()


@pytest.mark.parametrize(("share", "verdict"), [(0.99, Verdict.PASS), (1.01, Verdict.FAIL)])
@pytest.mark.parametrize("whole", [True, False])
def test_an_output_passes_at_k_floors_by_rms_and_by_maximum(whole, share, verdict):
    reference = logits((4, 1000)).astype(np.float64)
    candidate = reference.copy()
    if whole:  # every element moves: the RMS decides
        candidate += np.where(np.arange(1000) % 2, 1, -1) * K * NOISE.rms * share
    else:  # one does: the maximum decides
        candidate[2, 5] += K * NOISE.max * share
    row = only(compare({"y": reference}, {"y": candidate}, DEFAULT))
    assert row.verdict is verdict
    assert row.figures.ratio == pytest.approx(K * share, rel=1e-3)
    assert row.figures.outside == (not whole and share > 1)


def test_an_output_without_a_floor_fails_for_want_of_a_judge():
    row = only(compare_with({"y": logits()}, {"y": logits()}, DEFAULT, {}))
    assert row.verdict is Verdict.FAIL
    assert row.reason.startswith("no floor is known for it")
    assert only(compare_with({"y": logits()}, {"y": logits()}, LOOSE, {})).verdict is Verdict.PASS


def test_what_rounding_alone_decides_is_not_judged():
    floors = {"y": Floor(math.inf, math.inf)}
    row = only(compare_with({"y": logits()}, {"y": logits(seed=1)}, DEFAULT, floors))
    assert (row.verdict, row.reason[:22]) == (Verdict.IDLE, "rounding alone decides")


def test_a_signal_to_noise_ratio_may_be_asked_for():
    reference = logits((4, 1000))
    candidate = reference * np.float32(1.001)  # 60 dB
    for decibels, verdict in ((59, Verdict.PASS), (61, Verdict.FAIL)):
        rule = Rule(tolerance=Tolerance(snr=decibels), why="a test", source="test")
        row = only(compare({"y": reference}, {"y": candidate}, rule))
        assert row.verdict is verdict
    assert row.figures.snr_db == pytest.approx(60, abs=0.01)
    assert "60.0 dB, below the 61 dB asked for" in row.reason


def test_ulps_count_the_float32_numbers_between():
    reference = np.array([[1.0, -1.0, 0.0, 1e30]], np.float32)
    candidate = np.array([[1.0 + 2**-23, -1.0 + 2**-24, -1e-45, 1e30]], np.float32)
    found = only(compare({"y": reference}, {"y": candidate}, DEFAULT)).figures.ulp
    assert (found.p50, found.max) == (1, 1)
    crossed = only(compare({"y": np.float32([[1.0, 2.0]])}, {"y": np.float32([[-1.0, 2.0]])}, DEFAULT)).figures.ulp
    assert crossed.max == 2 * 0x3F800000


def test_divergence_is_told_of_probabilities_only():
    p, q = np.array([[0.5, 0.25, 0.25]], np.float32), np.array([[0.25, 0.5, 0.25]], np.float32)
    row = only(compare({"y": p}, {"y": q}, LOOSE, kinds={"y": "probabilities"}))
    assert row.kl == pytest.approx(0.25 * math.log(2))
    assert only(compare({"y": p}, {"y": q}, LOOSE)).kl is None
    assert (
        only(compare({"y": p}, {"y": np.float32([[0, 0.5, 0.5]])}, LOOSE, kinds={"y": "probabilities"})).kl == math.inf
    )


def test_top5_counts_the_classes_that_both_hold_among_their_five_largest():
    reference = np.arange(10, dtype=np.float32)[None]
    candidate = reference.copy()
    candidate[0, 5], candidate[0, 4] = 4, 5
    assert only(compare({"y": reference}, {"y": candidate}, LOOSE)).top1.top5 == pytest.approx(0.8)


@given(st.floats(1e-20, 1e20), st.integers(0, 1000))
def test_the_verdict_does_not_depend_on_the_unit_of_the_output(unit, seed):
    reference = logits(seed=seed).astype(np.float64)
    candidate = reference * (1 + 1e-5 * np.random.default_rng(seed + 1).normal(size=reference.shape))
    here = only(compare({"y": reference}, {"y": candidate}, LOOSE)).figures.tolerance_ratio
    there = only(compare({"y": reference * unit}, {"y": candidate * unit}, LOOSE)).figures.tolerance_ratio
    assert here == pytest.approx(there, rel=1e-6)


def test_whole_numbers_are_compared_for_equality_even_beyond_the_reach_of_float64():
    reference = np.array([[1, 2**62]])
    assert compare({"y": reference}, {"y": reference.copy()}, LOOSE).verdict is Verdict.PASS
    assert compare({"y": reference}, {"y": reference + np.array([[0, 1]])}, LOOSE).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("reference", "kind", "batch", "reason"),
    [
        (np.zeros((2, 5), "f4"), None, None, "the reference is zero everywhere"),
        (np.full((2, 5), 3, "f4"), None, None, "the reference is 3 everywhere"),
        (np.full((2, 5), np.nan, "f4"), None, None, "no value of the reference is a number"),
        (np.tile(logits((1, 5)), (3, 1)), None, 3, "the reference is the same for all 3 samples"),
        (np.eye(3, 5, dtype="f4"), "probabilities", 3, "saturated: in every row"),
        (np.eye(3, 5, dtype="f4")[:, :, None, None], "probabilities", 3, "saturated: in every row"),
    ],
)
def test_equality_that_shows_nothing_is_not_a_pass(reference, kind, batch, reason):
    row = only(
        compare({"y": reference}, {"y": reference.copy()}, DEFAULT, kinds={"y": kind} if kind else {}, batch=batch)
    )
    assert row.verdict is Verdict.IDLE
    assert row.reason.startswith(reason)


def test_an_idle_output_does_not_spoil_a_pair_whose_other_output_was_exercised():
    zero = np.zeros((2, 3), "f4")
    assert compare({"y": logits(), "z": zero}, {"y": logits(), "z": zero}, DEFAULT).verdict is Verdict.PASS
    assert compare({"z": zero}, {"z": zero}, DEFAULT).verdict is Verdict.IDLE


def test_a_zero_reference_and_another_candidate_fail_whatever_the_tolerance():
    row = only(compare({"y": np.zeros((2, 3))}, {"y": np.full((2, 3), 1e-30)}, LOOSE))
    assert row.verdict is Verdict.FAIL
    assert row.figures.needed.rtol == math.inf


def test_one_unsaturated_row_is_enough_to_exercise_an_output():
    rows = np.eye(3, 5, dtype="f4")
    rows[2] = [0.2, 0.3, 0.1, 0.25, 0.15]
    assert compare({"y": rows}, {"y": rows}, DEFAULT, kinds={"y": "probabilities"}).verdict is Verdict.PASS


def test_top1_counts_rows_that_the_reference_has_decided_and_leaves_ties_out():
    reference = np.array([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.2, 0.1, 0.7]])
    candidate = np.array([[0.1, 0.9, 0.0], [0.4, 0.6, 0.0], [0.2, 0.1, 0.7]])
    row = only(compare({"y": reference}, {"y": candidate}, LOOSE))
    assert (row.top1.agreed, row.top1.rows, row.top1.ties) == (1, 2, 1)
    assert row.top1.margin == 0


@pytest.mark.parametrize(
    ("shape", "kind", "asked"),
    [((2, 5, 1, 1), None, True), ((2, 5, 3, 3), None, False), ((2, 5), "embedding", False), ((2, 1), None, False)],
)
def test_top1_is_asked_only_of_outputs_with_classes(shape, kind, asked):
    row = only(compare({"y": logits(shape)}, {"y": logits(shape)}, DEFAULT, kinds={"y": kind} if kind else {}))
    assert (row.top1 is not None) is asked


def test_cosine_tells_direction_from_size():
    row = only(compare({"y": logits()}, {"y": -logits()}, DEFAULT))
    assert row.figures.cosine == pytest.approx(-1)
    assert only(compare({"y": logits()}, {"y": 2 * logits()}, DEFAULT)).figures.cosine == pytest.approx(1)


def test_figures_of_many_chunks_equal_those_of_one_array_operation():
    reference = logits((3, CHUNK + 17))
    candidate = reference + np.float32(1e-3) * logits((3, CHUNK + 17), seed=1)
    found, _ = figures(reference, candidate, LOOSE, NOISE)
    error = np.abs(candidate.astype(np.float64) - reference.astype(np.float64))
    scale = np.abs(reference).max().astype(np.float64)
    assert found.max_abs == error.max()
    assert found.rms == pytest.approx(np.sqrt((error**2).mean()))
    assert found.max_rel_each == pytest.approx((error / np.abs(reference.astype(np.float64))).max())
    bound = ALLOWED.atol * scale + ALLOWED.rtol * np.abs(reference.astype(np.float64))
    assert found.tolerance_ratio == pytest.approx((error / bound).max())
    assert found.outside == (error > bound).sum()


def test_any_memory_order_gives_the_same_figures():
    reference, candidate = logits((5, 6, 7)), logits((5, 6, 7), seed=1)
    plain = compare({"y": reference}, {"y": candidate}, DEFAULT)
    assert compare({"y": np.asfortranarray(reference)}, {"y": candidate}, DEFAULT) == plain
    strided = np.repeat(reference, 2, axis=2)[:, :, ::2]
    assert compare({"y": strided}, {"y": candidate.astype(">f4")}, DEFAULT) == plain


def test_memory_does_not_grow_with_the_arrays(tmp_path):
    count = 20_000_000
    np.save(tmp_path / "a.npy", np.zeros(1, "f4"))
    paths = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for path in paths:
        written = np.lib.format.open_memmap(path, "w+", np.float32, (count,))
        written[:: count // 7] = 1
        del written
    reference, candidate = (np.load(path, mmap_mode="r") for path in paths)
    tracemalloc.start()
    try:
        row = only(compare({"y": reference}, {"y": candidate}, DEFAULT))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert row.verdict is Verdict.PASS
    assert peak < 64 * 1024 * 1024 < reference.nbytes


def test_a_tolerance_of_zero_passes_only_equal_arrays():
    zero = Rule(tolerance=Tolerance(), why="a test", source="test")
    assert compare({"y": logits()}, {"y": logits()}, zero).verdict is Verdict.PASS
    nudged = np.nextafter(logits(), np.float32(9))
    assert compare({"y": logits()}, {"y": nudged}, zero).verdict is Verdict.FAIL
