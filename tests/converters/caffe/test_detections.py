"""DetectionOutput beyond its samples: what is refused, and what the refusal says to type instead."""

from __future__ import annotations

import pytest

import converters
from converters.diagnostic import Diagnostic

NET = """input: "loc" input_shape {{ dim: 1 dim: 8 }}
input: "conf" input_shape {{ dim: 1 dim: 4 }}
input: "priors" input_shape {{ dim: 1 dim: 2 dim: 8 }}
layer {{ name: "flat" type: "Softmax" bottom: "conf" top: "flat" }}
layer {{ name: "out" type: "DetectionOutput" bottom: "loc" bottom: "flat" bottom: "priors" top: "out"
  detection_output_param {{ num_classes: 2 code_type: CENTER_SIZE nms_param {{ {nms} }} {more} }} }}
"""


def graph(tmp_path, nms="nms_threshold: 0.3", more=""):
    path = tmp_path / "net.prototxt"
    path.write_text(NET.format(nms=nms, more=more))
    return path


def test_a_threshold_that_eta_would_lessen_is_refused_and_the_cut_that_it_names_works(tmp_path):
    path = graph(tmp_path, "nms_threshold: 0.6 eta: 0.9")
    with pytest.raises(Diagnostic, match="eta below 1 lessens") as caught:
        converters.read([path])
    option, names = str(caught.value.hint).split(" ")
    assert option == "--cut-at"
    model = converters.read([path], converters.Options(cut_at=tuple(names.split(","))))
    assert [value.name for value in model.ir.graph.outputs] == ["flat"]


def test_an_eta_that_never_acts_is_no_reason_to_refuse(tmp_path):
    model = converters.read([graph(tmp_path, "nms_threshold: 0.5 eta: 0.9")])
    assert [value.name for value in model.ir.graph.outputs] == ["out"]
