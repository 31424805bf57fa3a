from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from zoo.parity.figures import CHUNK
from zoo.parity.spread import HIGHEST, LOWEST, WORST, spread

FLOATS = arrays.arrays(np.float32, st.integers(1, 40), elements=st.floats(width=32))


@given(st.data())
def test_every_element_is_counted_once(data):
    one = data.draw(FLOATS)
    other = data.draw(arrays.arrays(np.float32, one.shape, elements=st.floats(width=32)))
    finite = one[np.isfinite(one)]
    found = spread(one, other, float(np.abs(finite).max(initial=0)))
    assert found["equal"] + found["odd"] + sum(found["decades"].values()) == one.size


def test_an_element_lies_in_the_decade_of_its_share_of_the_scale():
    reference = np.full(4, 2.0)
    found = spread(reference, reference + np.array([0, 2.1e-3, 0.5, 1e-30]), 2.0)
    assert found["equal"] == 2  # 2 + 1e-30 is 2
    assert {name: count for name, count in found["decades"].items() if count} == {"-3": 1, "-1": 1}
    assert list(found["decades"]) == [str(exponent) for exponent in range(LOWEST, HIGHEST + 1)]


def test_the_worst_elements_are_told_with_their_places_over_all_chunks():
    reference = np.zeros((2, CHUNK), np.float32)
    candidate = reference.copy()
    places = [(1, 7), (0, 3), (1, CHUNK - 1)]
    for size, place in zip((3.0, 2.0, 1.0), places, strict=True):
        candidate[place] = size
    found = spread(reference, candidate, 1.0)["worst"]
    assert [tuple(one["index"]) for one in found] == places
    assert found[0] == {"index": [1, 7], "reference": 0.0, "candidate": 3.0, "difference": 3.0}
    assert len(spread(reference, reference + 1, 1.0)["worst"]) == WORST
