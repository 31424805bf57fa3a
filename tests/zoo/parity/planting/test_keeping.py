"""What a part of the score found comes back from the disk as it was."""

from collections import Counter

import numpy as np
from planting.conversions.result import Converted
from planting.detectors import Detected
from planting.keeping import Part, keep, kept
from planting.scoring import Alarms, Planted, Score

TASK = ("faults", "vgg")


def part():
    row = Planted(
        network="vgg", fault="layer flipped", place="late", shape=False, at_outputs=True, at_logits=np.bool_(True),
        at_inner=True, at_layer=True, right_layer=True, causes=("flipped kernels", "x"), right_cause=True, effect=None,
    )  # fmt: skip
    alarms = Alarms(Counter({"renamed": 2}), {"renamed": 3.5}, ["vgg, inputs 0: renamed: why"], {"vgg": 3.5})
    one = Converted("caffe", "a rule", True, True, True, False, "conv1", None)
    found = Detected(
        [("DetectionOutput", "one lost", True, True)], 3, ["DetectionOutput: renamed"], {"DetectionOutput": 2.5}
    )
    return Part(Score([row]), alarms, large=True, converted=[one], detected=found)


def test_a_part_is_kept_whole(tmp_path):
    assert kept(tmp_path, TASK) is None
    keep(tmp_path, TASK, part())
    assert kept(tmp_path, TASK) == part()
    assert kept(tmp_path, ("faults", "ssd")) is None
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]


def test_a_part_says_what_it_found_in_a_line():
    assert part().said == (
        "1 of 1 faults seen, 1 alarms in 2 harmless runs, "
        "1 of 1 faults seen, 1 alarms in 3 harmless runs, a rule: differs"
    )
