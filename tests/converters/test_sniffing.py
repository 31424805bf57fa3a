"""Files are known by what is in them, and named for what they are."""

from __future__ import annotations

import zipfile

import pytest
from caffe_files import write_caffemodel
from frameworks import shared
from nets import small, small_weights

import converters
from converters.diagnostic import Diagnostic
from converters.identify import identify

ACCIDENTS = {
    b"<!DOCTYPE html><html>sign in</html>": "HTML",
    b"\n  <html><body>404</body></html>": "HTML",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n": "Git LFS pointer",
    b"": "an empty file",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\x1f\x8b\x08\0": "gzip",
    b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.": "PyTorch",
    b"\x12\x01\0\0\0\0\0\0\0\0\0\0": "MXNet",
    b"4\n1\n3\nV 1\n13\nnn.Sequential\n": "Torch7",
    b"just some words": "no known format",
}


@pytest.mark.parametrize(("head", "words"), ACCIDENTS.items())
def test_what_people_get_by_accident_is_named(tmp_path, head, words):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(head)
    assert words in converters.sniff(path).what


def test_an_accident_named_like_a_caffemodel_is_refused_for_what_it_is(tmp_path):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(b"<html>quota exceeded</html>")
    with pytest.raises(Diagnostic, match=r"named like Caffe's weights, but it is an HTML") as caught:
        identify([path])
    assert caught.value.code == "not-a-model"


def test_both_caffe_files_are_known_whatever_their_names_are(tmp_path):
    graph, weights = small(tmp_path)
    graph, weights = graph.rename(tmp_path / "a.txt"), weights.rename(tmp_path / "b.bin")
    card, files = identify([weights, graph])
    assert (card.name, files) == ("caffe", {"graph": graph, "weights": weights})


@pytest.mark.parametrize("generation", [1, 2])
def test_caffemodels_of_both_generations_are_known(tmp_path, generation):
    path = write_caffemodel(tmp_path / "w", small_weights(), generation=generation)
    assert converters.sniff(path) == converters.Sniffed("caffe", "weights", "Caffe (weights)")


def test_two_graphs_are_not_one_network(tmp_path):
    graph, _ = small(tmp_path)
    other = tmp_path / "other.prototxt"
    other.write_bytes(graph.read_bytes())
    with pytest.raises(Diagnostic, match="two files are the graph"):
        identify([graph, other])


def test_files_of_two_formats_are_not_one_network(tmp_path):
    graph, weights = small(tmp_path)
    converters.convert([graph, weights], "onnx", tmp_path / "net.onnx")
    with pytest.raises(Diagnostic, match="different formats"):
        identify([graph, tmp_path / "net.onnx"])


def test_a_zip_checkpoint_of_pytorch_is_known_by_its_members(tmp_path):
    path = tmp_path / "net.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    assert converters.sniff(path).format == "torch"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(Diagnostic) as caught:
        converters.sniff(tmp_path / "none.onnx")
    assert caught.value.code == "unreadable"


REAL = {
    ("samplenet", "SampLeNet.prototxt"): ("caffe", "graph"),
    ("samplenet", "SampLeNet.caffemodel"): ("caffe", "weights"),
    ("samplenet", "samplenet.onnx"): ("onnx", "model"),
    ("samplenet", "samplenet-symbol.json"): ("mxnet", "graph"),
    ("samplenet", "samplenet-0000.params"): ("mxnet", "weights"),
    ("rfb320", "version-RFB-320.pth"): ("torch", "weights"),
    ("rfb320", "version-RFB-320_simplified.onnx"): ("onnx", "model"),
    ("lenet", "lenet_iter_10000.caffemodel"): ("caffe", "weights"),
    ("cifar10-m4", "cifar10_m4_iter_70000.caffemodel.h5"): ("caffe", "weights"),
    ("cifar10-m4", "cifar10_m4_train_test.prototxt"): ("caffe", "graph"),
    ("hyperlpr-segmentation", "Segmentation.prototxt"): ("caffe", "graph"),
}


@pytest.mark.parametrize(("path", "expected"), REAL.items(), ids=lambda value: value[1])
def test_real_files_are_known(path, expected):
    found = converters.sniff(shared("models", *path))
    assert (found.format, found.role) == expected
