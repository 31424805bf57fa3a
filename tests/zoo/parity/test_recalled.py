"""A value beside the few numbers, or all, that a golden holds of it."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.parity.golden import Inner
from zoo.parity.recalled import judged
from zoo.parity.sampled import places

SHAPE = (2, 50, 1000)
TRUE = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)


def inner(*, whole=False, floor_max=1e-3):
    return Inner(name="v", op="Conv", depth=3, shape=SHAPE, dtype="float32", sha256="", floor_rms=1e-6,
                 floor_max=floor_max, whole=whole)  # fmt: skip


def recorded(*, whole):
    return TRUE if whole else TRUE.reshape(-1)[places(TRUE.size)]


@pytest.mark.parametrize(("times", "verdict"), [(0.0, "pass"), (10.0, "pass"), (20.0, "fail")])
def test_one_outlier_among_few_numbers_is_judged_by_the_maximum_not_by_its_chance_in_their_rms(times, verdict):
    got = TRUE.copy()
    got.reshape(-1)[places(TRUE.size)[100]] += np.float32(times * 1e-3)
    row = judged(inner(), recorded(whole=False), got)
    assert (row.verdict, row.kind, row.depth) == (verdict, "inner", 3)
    assert row.ratio == pytest.approx(times, rel=0.01)


def test_many_small_differences_are_seen_by_the_rms_of_all_numbers_and_of_few():
    got = TRUE + np.float32(1e-3)
    assert judged(inner(whole=True), recorded(whole=True), got).ratio == pytest.approx(1000, rel=0.01)
    few = judged(inner(), recorded(whole=False), got)
    assert (few.verdict, few.ratio > 20) == ("fail", True)


@pytest.mark.parametrize("whole", [False, True])
def test_another_shape_and_a_nan_of_one_side_never_pass(whole):
    got = TRUE.copy()
    got.reshape(-1)[places(TRUE.size)[7]] = np.nan
    for array in (got, TRUE[:, :49], TRUE.reshape(2, 1000, 50)):
        row = judged(inner(whole=whole), recorded(whole=whole), array)
        assert (row.verdict, row.ratio) == ("fail", np.inf)
