"""A reshape means the same for every batch size, or it is refused."""

from __future__ import annotations

import pytest

from converters.hub.dims import Unresolved, resolve

GOOD = [
    ((2, 3, 4), (2, 12), (2, 12)),
    ((2, 3, 4), (2, -1), (2, 12)),
    (("N", 3, 4), ("N", -1), ("N", 12)),
    (("N", 3, 4), (-1, 12), ("N", 12)),
    (("N", 3, 4), (-1, 4), (None, 4)),
    (("N", 3, "T"), ("N", -1, 3), ("N", "T", 3)),
    (("N", 6), ("N", 2, 3), ("N", 2, 3)),
]


@pytest.mark.parametrize(("before", "dims", "after"), GOOD)
def test_what_follows_is_computed(before, dims, after):
    assert resolve(before, dims) == after


@pytest.mark.parametrize(("before", "dims"), [((2, 3), (4,)), ((2, 3), (4, -1)), ((2, 3), (-1, -1)), ((2, 3), (0, -1))])
def test_counts_that_cannot_agree_are_refused(before, dims):
    with pytest.raises(ValueError, match=r"number of values|divided|more than one"):
        resolve(before, dims)


@pytest.mark.parametrize(
    ("before", "dims"), [(("N", 3), (1, 3)), (("N", 3), (1, -1)), ((None, 3), (-1, 3)), (("N", 3), ("M", 3))]
)
def test_what_holds_for_one_batch_size_only_is_refused(before, dims):
    with pytest.raises(Unresolved):
        resolve(before, dims)
