"""DetectionOutput and PriorBox beyond their samples: what is refused, and what goes back into SSD's Caffe."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from caffe_samples import Case, cases, close
from frameworks import framework
from onnx import numpy_helper

import converters
from converters.caffe import prototxt
from converters.diagnostic import Diagnostic
from zoo.backends import host

BACK = [case for case in cases() if case.kind in ("DetectionOutput", "PriorBox") and case.sample.judge == "caffe-ssd"]

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


def exported(case, folder):
    """The sample's own files, and its ONNX with a fixed batch."""
    files = case.write(folder)
    model = folder / f"{case.slug}.onnx"
    converters.convert(list(files.values()), "onnx", model, options=converters.Options(batch=case.batch))
    return files, model


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """What SSD's Caffe computes from each sample, and from what it became by way of ONNX."""
    folder = tmp_path_factory.mktemp("back")
    jobs = []
    for case in BACK:
        files, model = exported(case, folder)
        out = folder / case.slug
        converters.convert([model], "caffe", out, dialect="ssd")
        back = {"graph": out / f"{out.name}.prototxt", "weights": out / f"{out.name}.caffemodel"}
        jobs += [host.Job("caffe", found, case.inputs(), outputs=case.outputs) for found in (files, back)]
    replies = host.run_many(framework("caffe-ssd"), jobs, 60)
    return {case.slug: (folder, *replies[2 * at : 2 * at + 2]) for at, case in enumerate(BACK)}


@pytest.mark.framework
@pytest.mark.parametrize("case", BACK, ids=lambda case: case.slug)
def test_what_comes_back_from_onnx_computes_the_same_in_ssds_caffe(case: Case, pairs):
    folder, before, after = pairs[case.slug]
    assert isinstance(before, host.Reply), str(before)
    assert isinstance(after, host.Reply), str(after)
    for name in case.outputs:
        assert close(after.outputs[name], before.outputs[name]), name
    kinds = {layer.kind for layer in prototxt.read(folder / case.slug / f"{case.slug}.prototxt").layers}
    assert {"DetectionOutput": "DetectionOutput", "PriorBox": "Parameter"}[case.kind] in kinds


def faulty(model, initializer, value):
    """The same file with another number in one constant of its subgraph."""
    proto = onnx.load(model)
    (tensor,) = (entry for entry in proto.graph.initializer if entry.name == initializer)
    tensor.CopyFrom(numpy_helper.from_array(np.full_like(numpy_helper.to_array(tensor), value), initializer))
    changed = model.with_name("changed.onnx")
    onnx.save(proto, changed)
    return changed


@pytest.mark.parametrize(("initializer", "value"), [("it/by_rank", 7), ("it/lowest", 0), ("it/two", 3)])
def test_a_subgraph_that_differs_in_one_number_is_no_detection_output(tmp_path, initializer, value):
    _, model = exported(BACK[0], tmp_path)
    with pytest.raises(Diagnostic) as caught:
        converters.convert([faulty(model, initializer, value)], "caffe", tmp_path / "net", dialect="ssd")
    assert caught.value.code == "unwritable-nodes"
    assert any("NonMaxSuppression" in line for line in caught.value.details)


def test_a_value_inside_that_somebody_else_reads_is_not_lost(tmp_path):
    _, model = exported(BACK[0], tmp_path)
    proto = onnx.load(model)
    inner = next(node.output[0] for node in proto.graph.node if node.op_type == "NonMaxSuppression")
    proto.graph.output.append(onnx.helper.make_tensor_value_info(inner, onnx.TensorProto.INT64, None))
    onnx.save(proto, tmp_path / "more.onnx")
    with pytest.raises(Diagnostic) as caught:
        converters.convert([tmp_path / "more.onnx"], "caffe", tmp_path / "net", dialect="ssd")
    assert caught.value.code == "unwritable-nodes"


def test_plain_caffe_refuses_it_as_one_layer_and_names_the_dialect(tmp_path):
    _, model = exported(BACK[0], tmp_path)
    with pytest.raises(Diagnostic) as caught:
        converters.convert([model], "caffe", tmp_path / "net")
    assert [line.partition(":")[0] for line in caught.value.details] == ['"it" (zoo.caffe']
    assert caught.value.hint == "--dialect ssd for forks that have it"
