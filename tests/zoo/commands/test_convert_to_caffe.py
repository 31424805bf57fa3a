"""zoo convert --to caffe as a person uses it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import onnx
from nets import small
from onnx_samples import onnx_model


def convert(*arguments, **options):
    command = [sys.executable, "-m", "zoo", "convert", *map(str, arguments), "--to", "caffe"]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def model(folder, nodes, shape=("N", 3, 8, 9)):
    path = folder / "model.onnx"
    weights = {"w0": np.ones((4, 3, 3, 2), np.float32)} if "w0" in nodes else {}
    onnx.save(onnx_model(nodes, (shape,), weights), path)
    return path


def test_an_onnx_file_becomes_a_folder_with_two_files_and_a_report(tmp_path):
    done = convert(model(tmp_path, "a = Conv(in0, w0)\nout0 = Relu(a)"), "-o", tmp_path / "net")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 ONNX nodes -> 2 layers of caffe" in done.stdout
    assert "the batch size of in0 (N) becomes 1; --batch sets another" in done.stdout
    assert sorted(entry.name for entry in (tmp_path / "net").iterdir()) == ["net.caffemodel", "net.prototxt"]
    assert json.loads((tmp_path / "net.report.json").read_text())["target_format"] == "caffe"


def test_without_o_the_folder_is_named_after_the_source(tmp_path):
    assert convert(model(tmp_path, "out0 = Relu(in0)"), cwd=tmp_path).returncode == 0
    assert (tmp_path / "model" / "model.prototxt").is_file()


def test_the_batch_is_what_is_asked_for(tmp_path):
    assert convert(model(tmp_path, "out0 = Relu(in0)"), "-o", tmp_path / "net", "--batch", "4").returncode == 0
    assert "dim: 4 dim: 3 dim: 8 dim: 9" in (tmp_path / "net" / "net.prototxt").read_text()


def test_open_sizes_are_given_with_input(tmp_path):
    path = model(tmp_path, "out0 = Relu(in0)", ("N", 3, "H", "W"))
    refused = convert(path, "-o", tmp_path / "net")
    assert (refused.returncode, "needs-fixed-shape" in refused.stderr) == (3, True)
    assert convert(path, "-o", tmp_path / "net", "--input", "in0:2,3,6,7").returncode == 0
    assert "dim: 2 dim: 3 dim: 6 dim: 7" in (tmp_path / "net" / "net.prototxt").read_text()


def test_a_refusal_names_the_node_the_reason_and_what_to_type(tmp_path):
    path = model(tmp_path, "out0 = Transpose<perm = [0, 2, 3, 1]>(in0)")
    done = convert(path, "-o", tmp_path / "net")
    assert done.returncode == 3
    assert "unwritable-nodes" in done.stderr
    assert '"out0" (Transpose): it moves axes [0, 2, 3, 1], and plain BVLC Caffe has no Permute' in done.stderr
    assert "--dialect ssd" in done.stderr
    assert not (tmp_path / "net").exists()
    assert convert(path, "-o", tmp_path / "net", "--dialect", "ssd").returncode == 0


def test_caffe_files_are_rewritten_in_todays_generation(tmp_path):
    done = convert(*small(tmp_path), "-o", tmp_path / "net")
    assert done.returncode == 0, done.stderr
    assert "7 layers of caffe -> 6 ONNX nodes -> 6 layers of caffe" in done.stdout
