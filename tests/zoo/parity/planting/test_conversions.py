"""Mistakes in the converters' own rules, seen beside the real frameworks; all of them: benchmarks/parity_score.py."""

from dataclasses import replace

import pytest
from frameworks import framework
from planting.conversions import MISTAKES, NETS, told
from planting.conversions.recorded import RECORDED, there

SHOWN = {
    ("caffe", "BatchNorm's scale factor is not divided by"),
    ("caffe", "an average leaves the padding out"),
    ("caffe", "pooling rounds down"),
    ("mxnet", "fix_gamma is ignored"),
    ("mxnet", "the LSTM's gates are taken as they are stored"),
    ("torch7", "a Concat's branches are joined in reverse"),
    ("torch7", "running_std of old files is taken for a variance"),
}
UNNAMED = {"torch7": ["Threshold's other value is 0"]}
"""Mistakes whose layer is named, and for which the doctor has no word."""


def test_a_dozen_rules_of_each_framework_are_broken_and_each_has_a_layer_and_a_cause():
    for name in ("caffe", "mxnet", "torch7"):
        mine = [mistake for mistake in MISTAKES if mistake.framework == name]
        assert len(mine) >= 12
        assert len({mistake.name for mistake in mine}) == len(mine)
        assert all(mistake.layer for mistake in mine)
        assert [mistake.name for mistake in mine if not mistake.cause] == UNNAMED.get(name, [])
    assert {(mistake.framework, mistake.name) for mistake in MISTAKES} >= SHOWN


@pytest.mark.framework
@pytest.mark.parametrize(
    "mistake",
    [one for one in MISTAKES if (one.framework, one.name) in SHOWN],
    ids=lambda one: f"{one.framework}: {one.name}",
)
def test_a_broken_rule_is_seen_with_its_layer_and_its_cause(mistake):
    framework(mistake.framework)
    found = told(mistake)
    assert found.seen, found.text
    assert found.layer == mistake.layer
    assert found.causes[0] == mistake.cause
    assert f"the conversion computes otherwise than {mistake.framework}" in " ".join(found.text.split())


@pytest.mark.framework
@pytest.mark.parametrize("mistake", NETS, ids=lambda one: f"{one.framework}: {one.net.__name__}")
def test_a_whole_converter_agrees_with_the_framework_in_every_layer(mistake):
    framework(mistake.framework)
    found = told(mistake, plant=False)
    assert found.status == 0, found.text
    assert found.layer is None
    assert "layers are within the limit" in " ".join(found.text.split())


def test_the_goldens_of_the_real_torch7_show_two_dozen_rules_at_the_outputs_and_every_case_is_one():
    assert len(RECORDED) >= 20
    assert len({one.name for one in RECORDED}) == len(RECORDED)


@pytest.mark.parametrize("recorded", list(there()), ids=lambda one: one.name)
def test_a_broken_rule_gives_other_outputs_than_the_real_torch7_recorded(recorded):
    assert recorded.differs()
    assert not recorded.differs(plant=False)


def test_a_reference_that_is_wrong_itself_is_told_by_layer_and_cause():
    """OpenCV 4.14 reads InnerProduct without its `transpose`; Caffe and the conversion agree about it."""
    mistake = next(one for one in MISTAKES if one.name == "InnerProduct's transpose is ignored")
    found = told(replace(mistake, framework="opencv"), plant=False)
    assert found.status == 1
    assert found.layer == mistake.layer
    assert found.causes[0] == mistake.cause
