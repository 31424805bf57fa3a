"""Real networks written as Caffe: what the real Caffe computes from our files, and what of the source is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from frameworks import caffe_worker, shared

import converters
from converters.caffe import caffemodel, prototxt
from zoo.backends import discovery, host

ROUND_TRIPS = {
    "lenet": (("lenet", "lenet.prototxt"), ("lenet", "lenet_iter_10000.caffemodel")),
    "samplenet": (("samplenet", "SampLeNet.prototxt"), ("samplenet", "SampLeNet.caffemodel")),
    "rfb320": (("rfb320", "RFB-320.prototxt"), ("rfb320", "RFB-320.caffemodel")),
    "hyperlpr": (
        ("hyperlpr-segmentation", "Segmentation.prototxt"),
        ("hyperlpr-segmentation", "Segmentation.caffemodel"),
    ),
    "waifu2x": (("waifu2x-vgg7", "noise1_model.prototxt"), ("waifu2x-vgg7", "noise1_model.json.caffemodel")),
}  # fmt: skip
PUBLISHED = {
    "samplenet": ("samplenet", "samplenet.onnx"),
    "rfb320 simplified": ("rfb320", "version-RFB-320_simplified.onnx"),
    "rfb320 without postprocessing": ("rfb320", "version-RFB-320_without_postprocessing.onnx"),
}
GONE = {"hyperlpr": {"dropout_9", "flatten_6"}, "waifu2x": {"loss", "target"}}
"""Layers that do nothing at inference, or whose work the next layer does itself."""
SSD = {"rfb320", "rfb320 simplified", "rfb320 without postprocessing"}
"""Networks with Permute."""


def written(sources: Sequence[Path], out: Path, name: str) -> dict[str, Path]:
    converters.convert(sources, "caffe", out, dialect="ssd" if name in SSD else None)
    return {"graph": out / f"{out.name}.prototxt", "weights": out / f"{out.name}.caffemodel"}


def feeds(graph: Path) -> dict[str, np.ndarray]:
    """Random numbers for the Input layers of a prototxt that we wrote."""
    rng = np.random.default_rng(0)
    inputs = [layer for layer in prototxt.read(graph).layers if layer.kind == "Input"]
    return {
        layer.tops[0]: rng.uniform(-2, 2, tuple(layer.message.input_param.shape[0].dim)).astype(np.float32)
        for layer in inputs
    }


def outputs(reply: host.Reply | host.Failed) -> Mapping[str, np.ndarray]:
    assert isinstance(reply, host.Reply), str(reply)
    return reply.outputs


@pytest.mark.framework
@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_caffe_to_onnx_to_caffe_keeps_every_output_bit(name, tmp_path):
    graph, weights = (shared("models", *place) for place in ROUND_TRIPS[name])
    files = written([graph, weights], tmp_path / "net", name)
    x = feeds(files["graph"])
    jobs = [host.Job("caffe", {"graph": graph, "weights": weights}, x), host.Job("caffe", files, x)]
    before, after = map(outputs, caffe_worker(jobs))
    assert set(before) == set(after)
    for key, value in before.items():
        assert np.array_equal(value, after[key]), key


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_caffe_to_onnx_to_caffe_keeps_layer_names_and_weights(name, tmp_path):
    graph, weights = (shared("models", *place) for place in ROUND_TRIPS[name])
    files = written([graph, weights], tmp_path / "net", name)
    before = {layer.name for layer in prototxt.read(graph).layers}
    after = {layer.name for layer in prototxt.read(files["graph"]).layers}
    assert before - after == GONE.get(name, set())
    stored = {layer.name: layer.blobs for layer in caffemodel.read(weights)}
    for layer in caffemodel.read(files["weights"]):
        for old, new in zip(stored.get(layer.name, ()), layer.blobs, strict=False):
            assert np.array_equal(old.array().reshape(-1), new.array().reshape(-1)), layer.name


@pytest.mark.framework
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_onnx_file_computes_the_same_in_the_real_caffe(name, tmp_path):
    source = shared("models", *PUBLISHED[name])
    files = written([source], tmp_path / "net", name)
    x = feeds(files["graph"])
    (reply,) = host.run_many(discovery.find("onnxruntime"), [host.Job("onnx", {"model": source}, x)], 60)
    (found,) = caffe_worker([host.Job("caffe", files, x)])
    assert set(outputs(reply)) == set(outputs(found))
    for key, value in outputs(reply).items():
        assert np.allclose(outputs(found)[key], value, rtol=1e-5, atol=1e-5), key


@pytest.mark.framework
def test_a_training_network_with_an_hdf5_snapshot_becomes_a_network_that_caffe_runs(tmp_path):
    """Its own prototxt reads a database, so that only the ONNX file can be the reference."""
    names = ("cifar10_m4_train_test.prototxt", "cifar10_m4_iter_70000.caffemodel.h5")
    sources = [shared("models", "cifar10-m4", name) for name in names]
    options = converters.Options(inputs={"data": (1, 3, 32, 32)})
    converters.convert(sources, "onnx", tmp_path / "net.onnx", options=options)
    converters.convert(sources, "caffe", tmp_path / "net", options=options)
    files = {"graph": tmp_path / "net" / "net.prototxt", "weights": tmp_path / "net" / "net.caffemodel"}
    x = feeds(files["graph"])
    jobs = [host.Job("onnx", {"model": tmp_path / "net.onnx"}, x)]
    (wanted,) = host.run_many(discovery.find("onnxruntime"), jobs, 60)
    (found,) = caffe_worker([host.Job("caffe", files, x)])
    assert set(outputs(wanted)) == set(outputs(found))
    for key, value in outputs(wanted).items():
        assert np.allclose(outputs(found)[key], value, rtol=1e-5, atol=1e-5), key


def test_writing_twice_gives_identical_bytes(tmp_path):
    sources = [shared("models", *place) for place in ROUND_TRIPS["rfb320"]]
    first, second = (written(sources, tmp_path / run / "net", "rfb320") for run in ("a", "b"))
    assert all(first[role].read_bytes() == second[role].read_bytes() for role in first)
