from __future__ import annotations

import pytest

from zoo.diagnostics import UsageFault
from zoo.parity.tolerance import DEFAULT, chosen


def test_nothing_asked_is_the_default_with_its_reason():
    assert chosen(None, None, None) is DEFAULT
    assert DEFAULT.why


@pytest.mark.parametrize(("rtol", "atol"), [(1e-3, None), (None, 1e-3), (1e-6, 1e-3)])
def test_a_tolerance_looser_than_the_default_needs_a_reason(rtol, atol):
    with pytest.raises(UsageFault, match="looser than the default"):
        chosen(rtol, atol, None)
    mine = chosen(rtol, atol, "half precision")
    assert (mine.why, mine.source) == ("half precision", "command line")


def test_a_tighter_tolerance_needs_none():
    mine = chosen(1e-7, None, None)
    assert (mine.rtol, mine.atol, mine.source) == (1e-7, DEFAULT.atol, "command line")


@pytest.mark.parametrize("bad", [-1.0, float("nan")])
def test_a_tolerance_that_is_no_size_is_refused(bad):
    with pytest.raises(UsageFault, match="a number from 0 up"):
        chosen(bad, None, "because")
