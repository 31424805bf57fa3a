"""From the files of one artifact to an ONNX file, as a library."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from frameworks import caffe_worker, shared
from nets import SMALL, small, small_weights

import converters
from converters.diagnostic import Diagnostic
from zoo.backends import discovery, host


def run(path, inputs, outputs=None):
    reply = host.run(discovery.find("onnxruntime"), "onnx", {"model": path}, inputs, outputs=outputs, timeout=60)
    assert isinstance(reply, host.Reply), str(reply)
    return reply.outputs


@pytest.fixture
def converted(tmp_path):
    out = tmp_path / "small.onnx"
    return out, converters.convert(small(tmp_path), "onnx", out)


def test_paths_may_be_strings(tmp_path):
    graph, weights = map(str, small(tmp_path))
    assert converters.sniff(graph).format == "caffe"
    converters.convert([graph, weights], "onnx", str(tmp_path / "net.onnx"))
    converters.write(converters.read([graph, weights]), "onnx", str(tmp_path / "again.onnx"))
    assert converters.inspect([graph, weights]).format == "caffe"


def test_input_and_output_names_of_the_source_are_kept(converted):
    model = onnx.load(converted[0])
    assert [value.name for value in model.graph.input] == ["data"]
    assert [value.name for value in model.graph.output] == ["prob"]


def test_the_batch_is_dynamic(converted):
    out = run(converted[0], {"data": np.zeros((3, 3, 8, 6), np.float32)})
    assert out["prob"].shape == (3, 5)


def test_every_source_layer_is_accounted_for(converted):
    report = converted[1]
    assert set(report.mapped) | set(report.dropped) == {"conv", "bn", "scale", "relu", "fc", "drop", "prob"}
    assert report.dropped == {"drop": "does nothing at inference"}
    assert report.fused == {"scale/Mul": "bn", "scale": "bn"}


def test_the_report_names_layers_blobs_and_digests(converted, tmp_path):
    report = json.loads((tmp_path / "small.onnx.report.json").read_text())
    assert (report["schema"], report["version"]) == ("zoo/convert-report", 1)
    assert report["provenance"]["prob"] == "prob"
    assert report["blobs"]["conv"] == "conv"
    digest = hashlib.sha256(converted[0].read_bytes()).hexdigest()
    assert report["outputs"] == {"small.onnx": digest}
    assert set(report["sources"]) == {"small.prototxt", "small.caffemodel"}


def test_the_onnx_file_carries_the_digests_of_its_source(converted, tmp_path):
    props = {entry.key: entry.value for entry in onnx.load(converted[0]).metadata_props}
    weights = hashlib.sha256((tmp_path / "small.caffemodel").read_bytes()).hexdigest()
    assert props["zoo.source.sha256.weights"] == weights
    assert props["zoo.source.format"] == "caffe"


def test_values_that_in_place_layers_overwrite_keep_names_of_their_own(converted):
    names = {name for node in onnx.load(converted[0]).graph.node for name in node.output}
    assert {"conv/conv", "conv", "fc", "prob"} <= names


def test_converting_twice_gives_identical_bytes(tmp_path):
    """Under two hash seeds, in two processes: no set's order may leak into the file."""
    graph, weights = small(tmp_path)
    digests = set()
    for seed in "12":
        out = tmp_path / seed / "net.onnx"
        code = (
            "import sys; from pathlib import Path; import converters; graph, weights, out = map(Path, sys.argv[1:])\n"
            "converters.convert([graph, weights], 'onnx', out)"
        )
        subprocess.run(
            [sys.executable, "-c", code, graph, weights, out], check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        )
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_weights_whose_numbers_do_not_change_are_bit_equal(converted):
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(converted[0]).graph.initializer}
    source = small_weights()
    assert np.array_equal(stored["conv/weight"], source["conv"][0])
    assert np.array_equal(stored["fc/bias"], source["fc"][1])
    assert np.array_equal(stored["bn/mean"], source["bn"][0] * np.float32(0.5))


def test_a_factor_of_zero_makes_mean_and_variance_zero(tmp_path):
    weights = small_weights()
    weights["bn"][2] = np.zeros(1, np.float32)
    converters.convert(small(tmp_path, weights=weights), "onnx", tmp_path / "net.onnx")
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(tmp_path / "net.onnx").graph.initializer}
    assert not stored["bn/mean"].any()
    assert not stored["bn/variance"].any()


@pytest.mark.framework
def test_the_whole_network_agrees_with_the_real_caffe(converted, tmp_path):
    x = np.random.default_rng(1).standard_normal((2, 3, 8, 6)).astype(np.float32)
    files = {"graph": tmp_path / "small.prototxt", "weights": tmp_path / "small.caffemodel"}
    (reply,) = caffe_worker([host.Job("caffe", files, {"data": x}, outputs=("conv", "fc", "prob"))])
    assert isinstance(reply, host.Reply), str(reply)
    assert np.allclose(run(converted[0], {"data": x})["prob"], reply.outputs["prob"], rtol=1e-5, atol=1e-7)


def test_a_fixed_batch_is_fixed(tmp_path):
    converters.convert(small(tmp_path), "onnx", tmp_path / "n.onnx", options=converters.Options(batch=4))
    shape = onnx.load(tmp_path / "n.onnx").graph.input[0].type.tensor_type.shape
    assert [dim.dim_value for dim in shape.dim] == [4, 3, 8, 6]


def test_another_input_shape_replaces_the_declared_one(tmp_path):
    text = SMALL.replace('layer { name: "fc"', 'layer { name: "fc" include { phase: TRAIN }').replace(
        'layer { name: "prob" type: "Softmax" bottom: "fc"', 'layer { name: "prob" type: "Softmax" bottom: "conv"'
    )
    text = text.replace('layer { name: "drop"', 'layer { name: "drop" include { phase: TRAIN }')
    options = converters.Options(inputs={"": (1, 3, 20, 9)}, allow_missing=False)
    model = converters.read(small(tmp_path, text), options).ir
    assert list(model.graph.outputs[0].shape) == ["N", 4, 18, 7]


def test_an_input_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(Diagnostic, match="no input called image; its inputs: data") as caught:
        converters.read(small(tmp_path), converters.Options(inputs={"image": (1, 3, 8, 6)}))
    assert caught.value.code == "unknown-input"


def test_chosen_outputs_leave_out_what_they_do_not_need(tmp_path):
    model = converters.read(small(tmp_path), converters.Options(outputs=["fc", "conv/conv"])).ir
    assert [value.name for value in model.graph.outputs] == ["fc", "conv/conv"]
    assert "Softmax" not in {node.op_type for node in model.graph}


def test_a_cut_ends_the_network_and_keeps_what_the_rest_would_have_used(tmp_path):
    text = SMALL + 'layer { name: "sum" type: "Unheard" bottom: "prob" bottom: "conv" top: "sum" }'
    with pytest.raises(Diagnostic) as caught:
        converters.read(small(tmp_path, text))
    assert caught.value.code == "unsupported-ops"
    model = converters.read(small(tmp_path, text), converters.Options(cut_at=["prob"])).ir
    assert [value.name for value in model.graph.outputs] == ["prob", "conv"]


def test_a_dropped_layer_on_the_input_leaves_the_inputs_name_alone(tmp_path):
    text = SMALL.replace(
        'layer {\n  name: "conv"',
        'layer { name: "noise" type: "Dropout" bottom: "data" top: "data" }\nlayer {\n  name: "conv"',
    )
    model = converters.read(small(tmp_path, text)).ir
    assert [value.name for value in model.graph.inputs] == ["data"]


def test_an_output_that_is_an_input_is_handed_through(tmp_path):
    text = SMALL + 'layer { name: "copy" type: "Dropout" bottom: "data" top: "copy" }'
    model = converters.read(small(tmp_path, text)).ir
    assert [value.name for value in model.graph.outputs] == ["prob", "copy"]


def test_an_unknown_cut_is_refused_with_similar_names(tmp_path):
    with pytest.raises(Diagnostic, match=r"(?s)no value or layer .*similar names: prob"):
        converters.read(small(tmp_path), converters.Options(cut_at=["prob1"]))


def test_a_failed_conversion_leaves_nothing_behind(tmp_path):
    files = small(tmp_path, SMALL.replace("num_output: 5", "num_output: 6"))
    with pytest.raises(Diagnostic):
        converters.convert(files, "onnx", tmp_path / "out" / "net.onnx")
    assert not (tmp_path / "out").exists()


def test_a_target_that_zoo_does_not_write_is_refused_by_name(tmp_path):
    with pytest.raises(Diagnostic, match="does not write lasagne yet"):
        converters.convert(small(tmp_path), "lasagne", tmp_path / "net")


REAL = {
    "lenet": (("lenet", "lenet.prototxt"), ("lenet", "lenet_iter_10000.caffemodel"), (2, 1, 28, 28)),
    "samplenet": (("samplenet", "SampLeNet.prototxt"), ("samplenet", "SampLeNet.caffemodel"), (2, 3, 32, 32)),
    "rfb320": (("rfb320", "RFB-320.prototxt"), ("rfb320", "RFB-320.caffemodel"), (1, 3, 240, 320)),
    "hyperlpr": (
        ("hyperlpr-segmentation", "Segmentation.prototxt"),
        ("hyperlpr-segmentation", "Segmentation.caffemodel"),
        (2, 1, 22, 22),
    ),
    "waifu2x": (
        ("waifu2x-vgg7", "noise1_model.prototxt"),
        ("waifu2x-vgg7", "noise1_model.json.caffemodel"),
        (1, 3, 142, 142),
    ),
}


@pytest.mark.framework
@pytest.mark.parametrize("name", REAL)
def test_real_networks_pass_the_checker_and_agree_with_the_real_caffe(name, tmp_path):
    graph, weights, shape = REAL[name]
    files = [shared("models", *graph), shared("models", *weights)]
    out = tmp_path / "net.onnx"
    converters.convert(files, "onnx", out)
    onnx.checker.check_model(str(out), full_check=True)
    x = np.random.default_rng(7).uniform(-1, 1, shape).astype(np.float32)
    (theirs,) = caffe_worker([host.Job("caffe", {"graph": files[0], "weights": files[1]}, {"": x})])
    assert isinstance(theirs, host.Reply), str(theirs)
    mine = run(out, {"": x})
    assert set(mine) == set(theirs.outputs)
    for key, value in theirs.outputs.items():
        assert np.max(np.abs(mine[key] - value)) <= 2e-6 * max(1.0, float(np.max(np.abs(value)))), key


def test_a_caffe_network_and_its_published_twin_agree_with_channels_swapped(tmp_path):
    """samplenet's README: the same weights but conv1, whose input channels are reversed in the Caffe file."""
    files = [shared("models", "samplenet", name) for name in ("SampLeNet.prototxt", "SampLeNet.caffemodel")]
    converters.convert(files, "onnx", tmp_path / "net.onnx")
    x = np.random.default_rng(3).standard_normal((1, 3, 32, 32)).astype(np.float32)
    mine = run(tmp_path / "net.onnx", {"data": np.ascontiguousarray(x[:, ::-1])})["fc3"]
    published = next(iter(run(shared("models", "samplenet", "samplenet.onnx"), {"": x}).values()))
    assert np.allclose(mine, published, rtol=1e-5, atol=1e-5)


def test_an_hdf5_snapshot_of_a_training_network_converts(tmp_path):
    files = [
        shared("models", "cifar10-m4", name)
        for name in ("cifar10_m4_train_test.prototxt", "cifar10_m4_iter_70000.caffemodel.h5")
    ]
    with pytest.raises(Diagnostic, match="does not say the shape of its input data"):
        converters.read(files)
    model = converters.read(files, converters.Options(inputs={"data": (1, 3, 32, 32)}))
    assert [value.name for value in model.ir.graph.outputs] == ["prob"]
    assert isinstance(model.ir, ir.Model)
