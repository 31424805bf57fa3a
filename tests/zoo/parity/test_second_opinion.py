"""Another converter's result stands beside ours, is judged like any other, and never decides."""

from __future__ import annotations

import pytest
from frameworks import framework, shared
from parity_world import CAFFE, ONNXRUNTIME, artifact, here, linear, means
from seeded import seeded_caffemodel

from zoo.__main__ import main
from zoo.backends.exchange import Failed
from zoo.diagnostics import Diagnostic, UsageFault
from zoo.parity.check import apply
from zoo.parity.compare import Verdict
from zoo.parity.payload import payload
from zoo.parity.plan import Choice, Wanted, plan
from zoo.parity.report import outcome
from zoo.parity.rule import DEFAULT
from zoo.parity.second_opinion import added, converter
from zoo.parity.show import human

NET = artifact("net@caffe", "caffe")
OURS, THEIRS = "net@caffe -> onnx", "net@caffe -> onnx by caffe2onnx"


def heard(theirs, *, ours=None, convert=None):
    networks = {
        ("net@caffe", "caffe"): linear(),
        (OURS, "onnxruntime"): ours or linear(scale=1 + 1e-6),
        (THEIRS, "onnxruntime"): theirs,
    }
    decided = plan((Wanted(NET),), here(CAFFE, ONNXRUNTIME), {"caffe"}, Choice())
    world = means(networks)
    report = apply(decided, world, DEFAULT, 4)
    written = convert or (lambda _card, source, _folder: artifact(f"{source.label} -> onnx by caffe2onnx", "onnx"))
    return added(report, decided, [converter("caffe2onnx")], world, DEFAULT, written)


def test_a_second_opinion_that_agrees_is_a_marked_row_and_does_not_count():
    report = heard(linear(scale=1 - 1e-6))
    assert [(row.ran.label, row.comparison.verdict) for row in report.opinions] == [
        (f"{THEIRS} in onnxruntime", Verdict.PASS)
    ]
    assert outcome(report)[:2] == (0, "agrees")
    assert outcome(report).sentence == "1 run agrees with the reference"
    assert "second opinion: pass" in human(report)
    assert [row["artifact"] for row in payload(report)["second_opinions"]] == [THEIRS]


def test_a_second_opinion_that_differs_is_shown_and_leaves_the_exit_status_alone():
    report = heard(linear(seed=1))
    assert report.opinions[0].comparison.verdict is Verdict.FAIL
    assert outcome(report)[:2] == (0, "agrees")
    assert "second opinion: fail" in human(report)


def test_a_second_opinion_that_agrees_with_the_reference_does_not_save_ours():
    report = heard(linear(), ours=linear(seed=1))
    assert outcome(report)[:2] == (1, "differs")


def test_a_converted_file_that_does_not_run_is_a_named_line():
    report = heard(Failed("failed", "GEMM: Dimension mismatch"))
    assert outcome(report).status == 0
    assert "No second opinion:" in human(report)
    assert f"{THEIRS} in onnxruntime: failed: GEMM: Dimension mismatch" in human(report)


def test_a_conversion_that_fails_is_a_named_line():
    def gives_up(_card, _source, _folder):
        raise Diagnostic("second-opinion", "failed: it ended with status -1: Failed type not support: Crop")

    report = heard(linear(), convert=gives_up)
    assert outcome(report).status == 0
    assert not report.opinions
    assert "net@caffe in caffe2onnx: second-opinion: failed: it ended with status -1" in human(report)


def test_only_a_converter_gives_second_opinions():
    with pytest.raises(UsageFault, match="opencv gives no second opinion") as caught:
        converter("opencv")
    assert "caffe2onnx" in caught.value.hint


GUARDED = """name: "guarded"
input: "data" input_shape {{ dim: 1 dim: 3 dim: 12 dim: 9 }}
layer {{
  name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param {{ num_output: 4 kernel_size: 3 }}
}}
layer {{ name: "relu" type: "{activation}" bottom: "conv" top: "conv" }}
layer {{
  name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param {{ pool: AVE kernel_size: 3 stride: 2 {pad} }}
}}
layer {{ name: "all" type: "Pooling" bottom: "pool" top: "all" pooling_param {{ pool: AVE global_pooling: true }} }}
layer {{ name: "fc" type: "InnerProduct" bottom: "all" top: "fc" inner_product_param {{ num_output: 5 }} }}
"""


def asked(capsys, files, *more):
    """Status and text of a check by the real Caffe, with the real caffe2onnx beside ours."""
    for name in ("caffe", "caffe2onnx"):
        framework(name)
    subject = ",".join(map(str, files))
    backends = ["--backends", "caffe,onnxruntime"]
    status = main(["check-parity", subject, *backends, "--second-opinion", "caffe2onnx", *more])
    return status, " ".join(capsys.readouterr().out.split())


@pytest.mark.framework
def test_the_real_caffe2onnx_is_right_on_a_real_network(capsys):
    folder = shared("models", "samplenet")
    status, out = asked(capsys, [folder / "SampLeNet.prototxt", folder / "SampLeNet.caffemodel"])
    assert status == 0, out
    assert "second opinion: pass" in out


@pytest.mark.framework
@pytest.mark.parametrize(
    ("pad", "activation", "says"),
    [
        ("pad: 1", "ReLU", "second opinion: pass"),
        # It pads in both directions or in none.
        ("pad_h: 1 pad_w: 0", "ReLU", "second opinion: fail"),
        # It gives the slope the shape [C], which ONNX lays along the width.
        ("pad: 1", "PReLU", "No second opinion:"),
    ],
)
def test_the_real_caffe2onnx_beside_ours_on_geometry_and_slopes(pad, activation, says, capsys, tmp_path):
    graph = tmp_path / "guarded.prototxt"
    graph.write_text(GUARDED.format(pad=pad, activation=activation))
    status, out = asked(capsys, [graph, seeded_caffemodel(graph)])
    assert status == 0, out
    assert says in out


@pytest.mark.framework
def test_a_layer_that_it_does_not_know_is_told_in_its_own_words(capsys, tmp_path):
    graph = tmp_path / "bnll.prototxt"
    graph.write_text(GUARDED.format(pad="", activation="BNLL"))
    status, out = asked(capsys, [graph, seeded_caffemodel(graph)])
    assert status == 0, out
    assert "Failed type not support: BNLL" in out
