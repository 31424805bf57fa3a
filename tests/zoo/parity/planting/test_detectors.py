"""Faults of detectors are seen in what they find, and orders of the rows are none; all: benchmarks/parity_score.py."""

import pytest
from planting.detectors import NETWORKS, detected


@pytest.mark.parametrize("name", NETWORKS)
def test_every_fault_that_changes_what_is_found_is_seen_and_no_harmless_change_is(name):
    found = detected(name, seed=0)
    assert [fault for _, fault, changes, seen in found.rows if changes and not seen] == []
    assert [fault for _, fault, changes, seen in found.rows if seen and not changes] == []
    assert sum(changes for _, _, changes, _ in found.rows) >= 20
    assert found.red == []
    assert found.runs >= 20
