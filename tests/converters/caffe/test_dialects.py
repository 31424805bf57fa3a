"""What forks call alike: `--dialect` decides where the file does not; numbers of fields decide nothing."""

from __future__ import annotations

import numpy as np
import pytest
from caffe_files import blob, field, write_caffemodel
from cli import run

import converters
from converters.caffe import caffemodel
from converters.diagnostic import Diagnostic

HEAD = 'input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 5 }\n'
BN = 'layer { name: "bn" type: "BN" bottom: "data" top: "out" }\n'
READABLE = ("bvlc", "deeplab", "faceboxes", "pspnet", "segnet", "ssd")


def read(tmp_path, text, blobs=None, **settings):
    graph = tmp_path / "net.prototxt"
    graph.write_text(HEAD + text)
    files = [graph] if blobs is None else [graph, write_caffemodel(tmp_path / "net.caffemodel", blobs)]
    return converters.read(files, converters.Options(settings=settings, allow_missing=True))


@pytest.mark.parametrize(
    ("dialect", "operators"),
    [
        ("deeplab", ["BatchNormalization"]),
        ("pspnet", ["BatchNormalization"]),
        ("segnet", ["Mul", "Add"]),
    ],
)
def test_a_bn_that_says_nothing_of_its_layout_is_read_as_the_dialect_has_it(tmp_path, dialect, operators):
    with pytest.raises(Diagnostic, match="0 blobs"):
        read(tmp_path, BN)
    nodes = [node.op_type for node in read(tmp_path, BN, dialect=dialect).ir.graph]
    assert nodes[-len(operators) :] == operators


def test_the_ssd_dialect_reads_the_layers_of_ssd(tmp_path):
    text = 'layer { name: "n" type: "Normalize" bottom: "data" top: "out" norm_param { channel_shared: false } }\n'
    blobs = {"n": [np.ones(3, np.float32)]}
    plain, told = (read(tmp_path, text, blobs, **given).ir for given in ({}, {"dialect": "ssd"}))
    assert [node.op_type for node in plain.graph] == [node.op_type for node in told.graph]


@pytest.mark.parametrize("dialect", READABLE)
def test_every_dialect_can_be_told_on_the_command_line(tmp_path, dialect):
    graph = tmp_path / "net.prototxt"
    graph.write_text(HEAD + 'layer { name: "r" type: "ReLU" bottom: "data" top: "out" }\n')
    out = tmp_path / "net.onnx"
    assert run("convert", str(graph), "--to", "onnx", "--dialect", dialect, "-o", str(out)).status == 0
    assert out.is_file()


def test_hole_and_dilation_together_are_refused(tmp_path):
    text = (
        'layer { name: "c" type: "Convolution" bottom: "data" top: "out"\n'
        "  convolution_param { num_output: 1 kernel_size: 2 hole: 2 dilation: 2 } }\n"
    )
    with pytest.raises(Diagnostic, match="different forks"):
        read(tmp_path, text)


@pytest.mark.parametrize("number", [8, 10, 120, 150, 206, 8266711])
def test_a_caffemodels_fields_of_any_number_but_its_blobs_change_nothing(tmp_path, number):
    """One number means several things in several forks: the same file with such a field in it reads the same."""
    kernel = np.arange(6, dtype=np.float32).reshape(1, 3, 1, 2)
    stranger = field(number, b"\x08\x01\x10\x02")
    path = tmp_path / "net.caffemodel"
    path.write_bytes(field(1, b"net") + field(100, stranger + field(1, b"c") + stranger + field(7, blob(kernel))))
    (found,) = caffemodel.read(path)
    assert found.name == "c"
    (stored,) = found.blobs
    np.testing.assert_array_equal(stored.array(), kernel)
