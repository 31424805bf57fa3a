"""The classic networks at full size, with seeded weights, against the real Caffe: outputs and logits.

The res10 SSD detector is judged with its published weights in test_ssd.py.
"""

from __future__ import annotations

import pytest
from caffe_classics import CLASSICS
from caffe_inception import inception_v3
from frameworks import framework
from published_nets import tried

# Of the largest value; measured: at most 5e-7 before the softmax and 3e-6 behind it.
BEFORE, BEHIND = 2e-6, 1e-5


@pytest.mark.framework
@pytest.mark.parametrize("name", [*CLASSICS, "inception_v3"])
def test_a_classic_network_agrees_with_the_real_caffe(name, tmp_path):
    framework("caffe")
    graph = tmp_path / f"{name}.prototxt"
    graph.write_text({**CLASSICS, "inception_v3": inception_v3}[name]())
    record = tried(graph)
    assert (record.verdict, record.judge) == ("agrees", "caffe"), record
    assert len(record.errors) == 2, "the probabilities and the logits"
    assert record.errors.pop("prob") <= BEHIND
    assert max(record.errors.values()) <= BEFORE
