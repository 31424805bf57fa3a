"""Looking into the runs of a real check: Caffe's own blobs are what the layers are fed."""

import numpy as np
import pytest
from cli import run
from frameworks import framework
from nets import small

import converters
from zoo.parity.graphs.graph import Graph, kinds


@pytest.mark.framework
def test_layers_are_fed_the_blobs_of_the_real_caffe_and_a_dropped_bias_is_found(tmp_path):
    framework("caffe")
    prototxt, caffemodel = small(tmp_path)
    converters.convert([prototxt, caffemodel], "onnx", tmp_path / "right.onnx")
    graph = Graph.load(tmp_path / "right.onnx")
    dense = next(kinds(graph.nodes, "Gemm"))
    graph.give(dense, 2, np.zeros_like(graph.operand(dense, 2)))
    graph.save(tmp_path / "wrong.onnx")
    files = f"{prototxt},{caffemodel}"
    done = run("check-parity", f"{files}::caffe", files, f"{tmp_path / 'wrong.onnx'}::onnxruntime", "--layers")
    assert done.status == 1
    told = " ".join(done.out.split())
    assert f"differs is {dense.output[0]} (Gemm)" in told
    assert "doctor: dropped bias" in told
    assert "layers are within the limit" in told  # of our own conversion, in ONNX Runtime


def test_what_cannot_be_taken_apart_is_named_with_the_reason(tmp_path):
    prototxt, caffemodel = small(tmp_path)
    files = f"{prototxt},{caffemodel}"
    done = run("check-parity", f"{files}::onnxruntime", f"{files}::opencv", "--layers")
    told = " ".join(done.out.split())
    assert "opencv runs" in told
    assert "it shows no layers" in told


def test_a_file_whose_input_bears_another_name_is_taken_apart_all_the_same(tmp_path):
    prototxt, caffemodel = small(tmp_path)
    converters.convert([prototxt, caffemodel], "onnx", tmp_path / "right.onnx")
    graph = Graph.load(tmp_path / "right.onnx")
    dense = next(kinds(graph.nodes, "Gemm"))
    graph.give(dense, 2, np.zeros_like(graph.operand(dense, 2)))
    for node in graph.readers("data"):
        node.input[list(node.input).index("data")] = "input:0"
    graph.model.graph.input[0].name = "input:0"
    graph.save(tmp_path / "wrong.onnx")
    done = run("check-parity", f"{tmp_path / 'right.onnx'}::onnxruntime", f"{tmp_path / 'wrong.onnx'}::onnxruntime")
    assert done.status == 1
    told = " ".join(done.out.split())
    assert "doctor: dropped bias" in told
    assert "error[bug]" not in done.err
