"""ONNX files: what is saved loads, weights stay in the file, and a hostile file is refused."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from nets import small

import converters
from converters.diagnostic import Diagnostic
from converters.hub.builder import WEIGHT
from converters.onnxfile import loading, opset, saving
from converters.weights import FileWeight
from zoo.backends import discovery, host


@pytest.fixture
def model(tmp_path):
    return converters.read(small(tmp_path)).ir


def initializers(path):
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}


def test_the_onnx_project_reads_what_we_write(model, tmp_path):
    saving.save(model, tmp_path / "net.onnx")
    onnx.checker.check_model(str(tmp_path / "net.onnx"), full_check=True)


def test_large_weights_stay_in_the_file_when_it_is_loaded(model, tmp_path):
    saving.save(model, tmp_path / "net.onnx")
    loaded = loading.load(tmp_path / "net.onnx")
    weight = loaded.graph.initializers["fc/weight"].const_value.meta[WEIGHT]
    assert isinstance(weight, FileWeight)
    assert np.array_equal(weight.array(), initializers(tmp_path / "net.onnx")["fc/weight"])


@pytest.mark.parametrize("external", [False, True])
def test_saving_what_was_loaded_gives_the_same_file(model, tmp_path, external):
    first, second = tmp_path / "a" / "net.onnx", tmp_path / "b" / "net.onnx"
    saving.save(model, first, external_data=external)
    saving.save(loading.load(first), second, external_data=external)
    assert first.read_bytes() == second.read_bytes()


def test_external_data_lies_beside_the_file_page_by_page(model, tmp_path):
    digests = saving.save(model, tmp_path / "net.onnx", external_data=True)
    assert set(digests) == {"net.onnx", "net.onnx.data"}
    saving.save(model, tmp_path / "whole.onnx")
    apart, whole = initializers(tmp_path / "net.onnx"), initializers(tmp_path / "whole.onnx")
    assert all(np.array_equal(apart[name], whole[name]) for name in whole)
    tensors = onnx.load(tmp_path / "net.onnx", load_external_data=False).graph.initializer
    offsets = [int(entry.value) for tensor in tensors for entry in tensor.external_data if entry.key == "offset"]
    assert offsets
    assert all(offset % 4096 == 0 for offset in offsets)


def test_beyond_two_gigabytes_the_weights_go_to_a_second_file(model, tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "ONE_FILE_LIMIT", 100)
    assert len(saving.save(model, tmp_path / "net.onnx")) == 2


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", ""])
def test_external_data_outside_the_folder_is_refused(model, tmp_path, location):
    (tmp_path / "secret").write_bytes(bytes(5000))
    path = tmp_path / "inner" / "net.onnx"
    saving.save(model, path, external_data=True)
    proto = onnx.load(path, load_external_data=False)
    for entry in proto.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(Diagnostic) as caught:
        loading.load(path)
    assert caught.value.code == "path-escape"


def test_external_data_that_is_too_short_is_refused(model, tmp_path):
    saving.save(model, tmp_path / "net.onnx", external_data=True)
    (tmp_path / "net.onnx.data").write_bytes(b"short")
    with pytest.raises(Diagnostic, match="lies outside of it"):
        loading.load(tmp_path / "net.onnx")


def test_a_file_cut_off_anywhere_is_refused_or_loads_without_its_end(model, tmp_path):
    """Never anything but a Diagnostic; protobuf cannot tell a message that ends between two fields from a whole one."""
    saving.save(model, tmp_path / "net.onnx")
    data = (tmp_path / "net.onnx").read_bytes()
    refused = 0
    for size in range(0, len(data), 64):
        (tmp_path / "cut.onnx").write_bytes(data[:size])
        try:
            loading.load(tmp_path / "cut.onnx")
        except Diagnostic:
            refused += 1
    assert refused == len(range(0, len(data), 64))


@pytest.mark.parametrize("version", [9, 11, 13, 17, 21])
def test_another_opset_keeps_weights_and_numbers(model, tmp_path, version):
    converted = opset.to_opset(model, version)
    saving.save(converted, tmp_path / "net.onnx")
    saving.save(model, tmp_path / "hub.onnx")
    loaded = onnx.load(tmp_path / "net.onnx")
    assert loaded.opset_import[0].version == version
    onnx.checker.check_model(loaded, full_check=True)
    x = np.random.default_rng(0).standard_normal((1, 3, 8, 6)).astype(np.float32)
    jobs = [host.Job("onnx", {"model": tmp_path / name}, {"data": x}) for name in ("net.onnx", "hub.onnx")]
    mine, hub = host.run_many(discovery.find("onnxruntime"), jobs, 60)
    assert isinstance(mine, host.Reply), str(mine)
    assert isinstance(hub, host.Reply), str(hub)
    assert np.allclose(mine.outputs["prob"], hub.outputs["prob"], rtol=1e-6)


def test_an_opset_that_cannot_hold_the_network_is_refused(model):
    with pytest.raises(Diagnostic) as caught:
        opset.to_opset(model, 9999)
    assert caught.value.code == "opset"
