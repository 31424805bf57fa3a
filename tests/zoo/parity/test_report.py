from __future__ import annotations

import json
import math

import numpy as np
import pytest
from house import ROOT
from parity_world import CAFFE, ONNXRUNTIME, OPENCV, artifact, entry, here, linear, means

from zoo.console import document
from zoo.parity.check import apply
from zoo.parity.payload import payload
from zoo.parity.plan import Wanted, plan
from zoo.parity.report import Report
from zoo.parity.rule import DEFAULT
from zoo.parity.show import WIDTH, human, number

NAME = "a-rather-long-network-name-with-a-width-224@caffe"


def report(*, broken=None, absent=(), label=NAME):
    networks = {
        (label, "caffe"): linear(),
        (label, "opencv"): broken or linear(scale=1 + 1e-6),
        (f"{label} -> onnx", "onnxruntime"): linear(scale=1 - 1e-6),
    }
    net = artifact(label, "caffe", entry("net@caffe"))
    decided = plan([Wanted(net)], here(CAFFE, OPENCV, ONNXRUNTIME, absent=absent), {"caffe"})
    return apply(decided, means(networks), DEFAULT, 4)


def test_the_table_has_a_line_a_run_and_fits_120_columns():
    text = human(report())
    assert max(map(len, text.splitlines())) <= WIDTH
    for word in ("caffe 1.0", "opencv 1.0", "onnxruntime 1.0", "reference", "pass", "4/4", "AGREES: 2 runs agree"):
        assert word in text


def test_a_text_of_five_backends_and_long_names_is_folded_not_cut():
    text = human(report(label="x" * 150 + "@caffe"))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.count("x") >= 3 * 150


def test_what_was_not_run_is_told_with_the_command_that_makes_it_run():
    text = human(report(absent=[CAFFE]))
    assert f"{NAME} in caffe: module caffe is missing" in text
    assert "to run it: zoo backends install caffe" in text


def test_a_difference_says_how_many_times_the_noise_it_is_and_how_many_values_are_out():
    text = human(report(broken=linear(scale=1.01)))
    assert "x the rounding noise, at most 16 x is harmless; 20 of 20 values (100.00%)" in " ".join(text.split())
    assert "DIFFERS: 1 run beyond rounding" in text


def test_the_conditions_are_told_so_that_the_check_can_be_repeated():
    text = human(report())
    assert "Inputs: 4 of a test." in text
    assert "Rule: at most 16 x the floor, by RMS and by maximum" in text
    assert "Floor: 4 x the spread of 4 runs with inputs moved by one unit in the last place: no float64" in text


def test_a_report_of_nothing_is_still_a_report():
    empty = Report(None, None, (), (), (), DEFAULT)
    assert human(empty).endswith("NOTHING COMPARED: nothing was compared: nothing ran.")
    assert payload(empty)["reference"] is None


def test_the_json_says_what_the_text_says_and_names_its_schema():
    found = json.loads(document("parity", payload(report(broken=linear(scale=1.01), absent=[CAFFE]))))
    assert (found["schema"], found["version"]) == ("zoo/parity", 1)
    assert (found["verdict"], found["status"]) == ("differs", 1)
    assert found["reference"]["backend"] == "opencv"
    assert found["rows"][0]["outputs"][0]["figures"]["outside"] == 20
    assert found["rows"][0]["outputs"][0]["top1"]["rows"] == 4
    assert found["not_run"][0]["remedy"] == "zoo backends install caffe"
    rule = {"kind": "floor", "k": 16.0, "overridden": False, "why": DEFAULT.why, "source": "default"}
    assert found["tolerance"] == {**rule, "rtol": None, "atol": None, "snr_db": None}
    assert (found["inputs"]["samples"], found["inputs"]["batch"]) == ("4 of a test", 4)
    (tensor,) = found["inputs"]["tensors"]
    assert (tensor["name"], tensor["kind"], tensor["shape"]) == ("data", "random", [4, 3, 8, 6])
    assert len(tensor["sha256"]) == 64
    assert set(found["environment"]) == {"zoo", "python", "platform"}
    assert found["pairs"][0]["runs"] == [f"{NAME} in opencv", f"{NAME} -> onnx in onnxruntime"]


@pytest.mark.parametrize("outputs", [{}, {"other": np.zeros(3)}, {"prob": np.full((4, 5), np.nan, np.float32)}])
def test_the_json_is_valid_where_nothing_could_be_measured(outputs):
    found = json.loads(document("parity", payload(report(broken=lambda _data: outputs))))
    assert found["verdict"] == "differs"
    assert math.isfinite(found["status"])


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (3.14e-9, "3.1e-09"), (math.inf, "inf"), (12.0, "1.2e+01")])
def test_an_error_figure_has_two_digits(value, text):
    assert number(value) == text


def test_every_field_of_the_json_is_documented():
    page = (ROOT / "docs" / "parity.md").read_text(encoding="utf-8")
    found = json.loads(document("parity", payload(report(absent=[CAFFE]))))
    output = found["rows"][0]["outputs"][0]
    fields = {*found, *found["reference"], *found["rows"][0], *found["pairs"][0], *found["not_run"][0], *output}
    fields |= {*output["figures"], *output["top1"], *found["tolerance"], *found["inputs"]}
    assert sorted(field for field in fields if f"`{field}`" not in page) == []
