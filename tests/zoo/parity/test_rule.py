from __future__ import annotations

import pytest

from zoo.diagnostics import UsageFault
from zoo.parity.rule import DEFAULT, K, chosen


def test_nothing_asked_is_sixteen_floors():
    assert chosen(None, None, None, None) is DEFAULT
    assert (DEFAULT.k, DEFAULT.tolerance, DEFAULT.source) == (K, None, "default")
    assert DEFAULT.why


@pytest.mark.parametrize(
    ("rtol", "atol", "snr"), [(1e-3, None, None), (None, 1e-12, None), (None, None, 60.0), (0.0, 0.0, None)]
)
def test_whatever_takes_the_place_of_the_floor_needs_a_reason_however_tight_it_is(rtol, atol, snr):
    with pytest.raises(UsageFault, match="needs a reason"):
        chosen(rtol, atol, snr, None)
    mine = chosen(rtol, atol, snr, "half precision")
    assert (mine.why, mine.source) == ("half precision", "command line")
    assert (mine.tolerance.rtol, mine.tolerance.atol, mine.tolerance.snr) == (rtol or 0.0, atol or 0.0, snr)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_that_is_no_size_is_refused(bad):
    with pytest.raises(UsageFault, match="a number from 0 up"):
        chosen(bad, None, None, "because")


def test_a_ratio_alone_judges_no_single_element():
    assert not chosen(None, None, 60.0, "x").tolerance.elementwise
    assert chosen(1e-3, None, 60.0, "x").tolerance.elementwise


def test_a_stricter_rule_is_stricter_in_every_number():
    strict = chosen(1e-3, 1e-4, None, "x").strict(0.1)
    assert (strict.k, strict.tolerance.rtol, strict.tolerance.atol) == pytest.approx((1.6, 1e-4, 1e-5))
