"""HDF5 snapshots: a published one, and what is none."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from frameworks import shared
from nets import SMALL, small_weights

import converters
from converters.caffe import graph, hdf5
from converters.diagnostic import Diagnostic


def snapshot(path, weights):
    with h5py.File(path, "w") as file:
        for name, blobs in weights.items():
            group = file.create_group(f"data/{name}")
            for position, blob in enumerate(blobs):
                group[str(position)] = blob
    return path


def files(tmp_path, weights):
    net = tmp_path / "net.prototxt"
    net.write_text(SMALL)
    return [net, snapshot(tmp_path / "net.caffemodel.h5", weights)]


def test_a_snapshot_gives_the_same_network_as_the_binary_file(tmp_path):
    from caffe_files import write_caffemodel

    net, weights = files(tmp_path, small_weights())
    binary = write_caffemodel(tmp_path / "net.caffemodel", small_weights())
    converters.convert([net, weights], "onnx", tmp_path / "a.onnx")
    converters.convert([net, binary], "onnx", tmp_path / "b.onnx")
    one, other = (converters.read([tmp_path / name]).ir.graph.initializers for name in ("a.onnx", "b.onnx"))
    assert {name: value.const_value.numpy().tobytes() for name, value in one.items()} == {
        name: value.const_value.numpy().tobytes() for name, value in other.items()
    }


def test_a_snapshot_with_a_differing_blob_is_refused(tmp_path):
    weights = small_weights()
    weights["fc"][1] = np.zeros(6, np.float32)
    with pytest.raises(Diagnostic, match="1 of another shape"):
        converters.read(files(tmp_path, weights))


def test_an_hdf5_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "x.caffemodel.h5"
    with h5py.File(path, "w") as file:
        file["model_weights"] = np.zeros(3)
    with pytest.raises(Diagnostic) as caught:
        hdf5.read(path)
    assert caught.value.code == "not-a-caffemodel"


def test_a_truncated_hdf5_file_is_refused(tmp_path):
    path = snapshot(tmp_path / "x.caffemodel.h5", small_weights())
    path.write_bytes(path.read_bytes()[:512])
    with pytest.raises(Diagnostic) as caught:
        hdf5.read(path)
    assert caught.value.code == "damaged-file"


@pytest.mark.parametrize("entry", ["dataset where a group is due", "position that is no number", "text for numbers"])
def test_a_snapshot_of_another_form_is_refused(tmp_path, entry):
    path = tmp_path / "x.caffemodel.h5"
    with h5py.File(path, "w") as file:
        if entry.startswith("dataset"):
            file["data/conv"] = np.zeros(3)
        elif entry.startswith("position"):
            file["data/conv/weight"] = np.zeros(3)
        else:
            file["data/conv/0"] = "words"
    with pytest.raises(Diagnostic) as caught:
        hdf5.read(path)
    assert caught.value.code == "not-a-caffemodel"


def test_the_published_snapshot_of_cifar10_converts():
    folder = shared("models", "cifar10-m4")
    weights = next(folder.glob("*.h5"))
    net = next(folder.glob("*.prototxt"))
    layers = graph.read_weights(weights)
    assert sum(int(np.prod(blob.shape)) for layer in layers for blob in layer.blobs) > 10_000
    model = converters.read([net, weights], converters.Options(inputs={"data": (1, 3, 32, 32)}))
    assert [value.name for value in model.ir.graph.outputs] == ["prob"]
