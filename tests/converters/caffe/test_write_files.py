"""The two files that we write: what is in them, and that both appear or neither does."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from caffe_samples import close
from frameworks import caffe_worker, framework
from onnx_samples import onnx_model

import converters
from converters.caffe import caffemodel, encoding, prototxt
from converters.diagnostic import Diagnostic, OutputFault
from converters.hub.attributes import Attributes
from converters.hub.layer import Layer, Port, SourceGraph
from converters.weights import ComputedWeight
from zoo.backends import host

IMAGE = ((1, 3, 8, 9),)
CONV = "a = Conv<pads = [1, 0, 1, 0]>(in0, w0, w1)\nout0 = Relu(a)"


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    weights = {
        "w0": rng.standard_normal((4, 3, 3, 2)).astype(np.float32),
        "w1": rng.standard_normal(4).astype(np.float32),
    }
    path = tmp_path / "source.onnx"
    onnx.save(onnx_model(CONV, IMAGE, weights), path)
    return path, weights


def test_the_prototxt_reads_as_people_write_it(source, tmp_path):
    converters.convert([source[0]], "caffe", tmp_path / "net")
    assert (
        (tmp_path / "net" / "net.prototxt").read_text()
        == """name: "sample"
layer {
  name: "in0"
  type: "Input"
  top: "in0"
  input_param { shape { dim: 1 dim: 3 dim: 8 dim: 9 } }
}
layer {
  name: "a"
  type: "Convolution"
  bottom: "in0"
  top: "a"
  convolution_param {
    num_output: 4
    pad_h: 1
    pad_w: 0
    kernel_h: 3
    kernel_w: 2
  }
}
layer {
  name: "out0"
  type: "ReLU"
  bottom: "a"
  top: "out0"
}
"""
    )


def test_the_caffemodel_holds_the_weights_bit_by_bit(source, tmp_path):
    path, weights = source
    converters.convert([path], "caffe", tmp_path / "net")
    (layer,) = [layer for layer in caffemodel.read(tmp_path / "net" / "net.caffemodel") if layer.blobs]
    assert (layer.name, layer.bottoms, layer.tops) == ("a", ("in0",), ("a",))
    for blob, array in zip(layer.blobs, weights.values(), strict=True):
        assert blob.shape == array.shape
        assert np.array_equal(blob.array(), array)


def test_a_name_of_the_prototxt_names_both_files(source, tmp_path):
    report = converters.convert([source[0]], "caffe", tmp_path / "sub" / "deploy.prototxt")
    assert sorted(report.outputs) == ["deploy.caffemodel", "deploy.prototxt"]
    assert (tmp_path / "sub" / "deploy.caffemodel").is_file()


def test_the_report_says_what_became_of_each_node(source, tmp_path):
    report = converters.convert([source[0]], "caffe", tmp_path / "net")
    assert report.written == {"a": ["a (Convolution)"], "out0": ["out0 (ReLU)"]}
    saved = json.loads((tmp_path / "net.report.json").read_text())
    assert (saved["source_format"], saved["target_format"]) == ("onnx", "caffe")


def test_writing_leaves_the_model_as_it_is(source, tmp_path):
    model = converters.read([source[0]])
    before = ir.serde.serialize_model(model.ir).SerializeToString(deterministic=True)
    converters.write(model, "caffe", tmp_path / "net")
    assert ir.serde.serialize_model(model.ir).SerializeToString(deterministic=True) == before


def test_names_with_quotes_and_umlauts_survive(tmp_path):
    proto = onnx_model("out0 = Relu(in0)", IMAGE, {})
    proto.graph.node[0].name = 'say "Grüße"\\n'
    onnx.save(proto, tmp_path / "m.onnx")
    converters.convert([tmp_path / "m.onnx"], "caffe", tmp_path / "net")
    layers = prototxt.read(tmp_path / "net" / "net.prototxt").layers
    assert layers[-1].name == 'say "Grüße"\\n'


@pytest.mark.framework
def test_outputs_that_are_read_and_parts_that_are_not_leave_exactly_the_outputs(tmp_path):
    """Caffe's outputs are the tops that nobody reads: `b` is read, `rest` and in1 are not."""
    nodes = "a, rest = Split<axis = 1, num_outputs = 2>(in0)\nb = Relu(a)\nout0 = Sigmoid(b)"
    onnx.save(onnx_model(nodes, ((1, 4, 3, 2), (1, 5)), {}, ("out0", "b")), tmp_path / "m.onnx")
    converters.convert([tmp_path / "m.onnx"], "caffe", tmp_path / "net")
    files = {"graph": tmp_path / "net" / "net.prototxt", "weights": tmp_path / "net" / "net.caffemodel"}
    x = np.random.default_rng(0).standard_normal((1, 4, 3, 2)).astype(np.float32)
    (reply,) = caffe_worker([host.Job("caffe", files, {"in0": x, "in1": np.zeros((1, 5), np.float32)})])
    assert isinstance(reply, host.Reply), str(reply)
    assert set(reply.outputs) == {"out0", "b"}
    assert close(reply.outputs["b"], np.maximum(x[:, :2], 0))


@pytest.mark.framework
def test_indices_that_are_inputs_look_up_stored_rows(tmp_path):
    table = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
    proto = onnx_model("out0 = Gather(w0, in0)", ((2, 3),), {"w0": table})
    proto.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    onnx.save(proto, tmp_path / "m.onnx")
    converters.convert([tmp_path / "m.onnx"], "caffe", tmp_path / "net")
    files = {"graph": tmp_path / "net" / "net.prototxt", "weights": tmp_path / "net" / "net.caffemodel"}
    (reply,) = caffe_worker([host.Job("caffe", files, {"in0": np.array([[1, 6, 0], [3, 3, 2]], np.float32)})])
    assert isinstance(reply, host.Reply), str(reply)
    assert np.array_equal(reply.outputs["out0"], table[[[1, 6, 0], [3, 3, 2]]])


def test_an_output_folder_that_is_a_file_is_refused(source, tmp_path):
    (tmp_path / "net").write_text("mine")
    with pytest.raises(OutputFault, match="is a file"):
        converters.convert([source[0]], "caffe", tmp_path / "net")
    assert (tmp_path / "net").read_text() == "mine"


def test_earlier_files_are_replaced(source, tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "net.prototxt").write_text("old")
    converters.convert([source[0]], "caffe", tmp_path / "net")
    assert sorted(entry.name for entry in (tmp_path / "net").iterdir()) == ["net.caffemodel", "net.prototxt"]
    assert "Convolution" in (tmp_path / "net" / "net.prototxt").read_text()


def test_when_the_second_file_cannot_take_its_place_the_first_is_put_back(source, tmp_path):
    folder = tmp_path / "net"
    (folder / "net.caffemodel").mkdir(parents=True)
    (folder / "net.prototxt").write_text("old")
    with pytest.raises(OutputFault):
        converters.convert([source[0]], "caffe", folder)
    assert sorted(entry.name for entry in folder.iterdir()) == ["net.caffemodel", "net.prototxt"]
    assert (folder / "net.prototxt").read_text() == "old"


def test_a_full_disk_leaves_neither_file(tmp_path):
    """The limit on file sizes stands for a disk that fills while we write the second file."""
    weights = {"w0": np.ones((40, 3, 3, 2), np.float32), "w1": np.ones(40, np.float32)}
    onnx.save(onnx_model(CONV, IMAGE, weights), tmp_path / "m.onnx")
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from pathlib import Path\n"
        "import converters\n"
        "from converters.diagnostic import OutputFault\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "try:\n"
        "    converters.convert([Path(sys.argv[1])], 'caffe', Path(sys.argv[2]))\n"
        "except OutputFault as fault:\n"
        "    sys.stdout.write(fault.code)\n"
    )
    arguments = [sys.executable, "-B", "-c", code, str(tmp_path / "m.onnx"), str(tmp_path / "net")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout == "disk-full"
    assert list((tmp_path / "net").iterdir()) == []


def test_weights_beyond_what_protobuf_reads_are_refused_before_anything_is_written(tmp_path):
    huge = ComputedWeight((1 << 29, 1), np.dtype("<f4"), lambda: pytest.fail("the numbers were asked for"))
    layer = Layer("InnerProduct", "fc", ("x",), ("y",), Attributes({"num_output": 1 << 29}), {0: huge})
    graph = SourceGraph("net", (Port("x", (1, 1)),), ("y",), (layer,))
    with pytest.raises(Diagnostic) as caught:
        encoding.encode(graph, tmp_path / "net")
    assert caught.value.code == "too-large"
    assert not (tmp_path / "net").exists()


@pytest.mark.framework
def test_clipping_to_six_is_a_layer_that_opencv_reads(tmp_path):
    """The Caffe of the other tests has no ReLU6; OpenCV reads the fork's layer."""
    nodes = "a = Constant<value_float = 0.0>()\nb = Constant<value_float = 6.0>()\nout0 = Clip(in0, a, b)"
    onnx.save(onnx_model(nodes, IMAGE, {}), tmp_path / "m.onnx")
    converters.convert([tmp_path / "m.onnx"], "caffe", tmp_path / "net", dialect="ssd")
    files = {"graph": tmp_path / "net" / "net.prototxt", "weights": tmp_path / "net" / "net.caffemodel"}
    x = np.random.default_rng(0).uniform(-9, 9, IMAGE[0]).astype(np.float32)
    (reply,) = host.run_many(framework("opencv"), [host.Job("caffe", files, {"in0": x})], 60)
    assert isinstance(reply, host.Reply), str(reply)
    assert np.array_equal(next(iter(reply.outputs.values())), np.clip(x, 0, 6))
