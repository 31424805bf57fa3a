"""zoo convert as a person uses it: what it prints, what it refuses, and that it never leaves half a file."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys

import numpy as np
import onnx
import pytest
from caffe_files import write_caffemodel
from nets import SMALL, small, small_weights

ZOO = [sys.executable, "-m", "zoo"]


def convert(*arguments, **options):
    command = [*ZOO, "convert", *map(str, arguments), "--to", "onnx"]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture
def files(tmp_path):
    return small(tmp_path)


def test_a_network_becomes_an_onnx_file_and_a_report(files, tmp_path):
    out = tmp_path / "net.onnx"
    done = convert(*files, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert "7 layers of caffe -> 6 ONNX nodes" in done.stdout
    onnx.checker.check_model(str(out), full_check=True)
    assert json.loads((tmp_path / "net.onnx.report.json").read_text())["source_format"] == "caffe"


def test_without_o_the_file_is_named_after_the_weights(files, tmp_path):
    assert convert(*files, cwd=tmp_path).returncode == 0
    assert (tmp_path / "small.onnx").is_file()


def test_json_prints_the_report_and_nothing_else(files, tmp_path):
    done = convert(*files, "-o", tmp_path / "net.onnx", "--json")
    document = json.loads(done.stdout)
    assert document["schema"] == "zoo/convert-report"
    assert document["mapped"]["conv"] == ["Conv"]


@pytest.mark.parametrize("dims", ["data:2,3,8,6", "2,3,8,6"])
def test_an_input_shape_can_be_given_with_and_without_its_name(files, tmp_path, dims):
    done = convert(*files, "-o", tmp_path / "net.onnx", "--input", dims, "--batch", "2")
    assert done.returncode == 0, done.stderr
    shape = onnx.load(tmp_path / "net.onnx").graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_value for dim in shape] == [2, 3, 8, 6]


def truncated(tmp_path):
    graph, weights = small(tmp_path)
    weights.write_bytes(weights.read_bytes()[:-100])
    return graph, weights


def syntax_error(tmp_path):
    return small(tmp_path, SMALL.replace("num_output: 4", "num_output: four"))


def unknown_kinds(tmp_path):
    return small(tmp_path, SMALL.replace('"ReLU"', '"ReLUU"').replace('"Dropout"', '"Dropoff"'))


def other_shape(tmp_path):
    return small(tmp_path, SMALL.replace("num_output: 5", "num_output: 6"))


def missing_weights(tmp_path):
    weights = small_weights()
    del weights["fc"]
    return small(tmp_path, weights=weights)


def lost_layer(tmp_path):
    """The weights file knows a layer between conv and fc that the prototxt has lost."""
    graph, weights = small(tmp_path)
    topology = {"conv": (["data"], ["conv"]), "lost": (["conv"], ["lost"]), "fc": (["lost"], ["fc"])}
    layers = {**small_weights(), "lost": [np.zeros((4, 4, 1, 1), np.float32)]}
    order = ["conv", "bn", "scale", "lost", "fc"]
    write_caffemodel(weights, {name: layers[name] for name in order}, topology=topology)
    return graph, weights


def html_page(tmp_path):
    graph, weights = small(tmp_path)
    weights.write_text("<!DOCTYPE html><title>Sign in</title>")
    return graph, weights


def lfs_pointer(tmp_path):
    graph, weights = small(tmp_path)
    weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n")
    return graph, weights


def pytorch_file(tmp_path):
    graph, weights = small(tmp_path)
    weights.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
    return graph, weights


def unreadable(tmp_path):
    graph, weights = small(tmp_path)
    weights.unlink()
    weights.mkdir()
    return graph, weights


def weights_alone(tmp_path):
    return small(tmp_path)[1:]


REFUSED = {
    truncated: ["small.caffemodel", "at byte", "truncated or damaged"],
    syntax_error: ["small.prototxt:9:35", "Couldn't parse integer"],
    unknown_kinds: ["2 layer kinds have no mapping", "Dropoff", "similar: Dropout", "ReLUU", '"relu"', "line 13"],
    other_shape: ["fc/weight: the graph wants [6, 96], the weights file has [5, 96]", "fc/bias"],
    missing_weights: ["2 missing", "fc/weight: the graph wants [5, 96], the weights file has none", "--allow-missing"],
    lost_layer: ["lost: in the weights file only, though the graph depends on it"],
    html_page: ["small.caffemodel", "an HTML or XML page"],
    lfs_pointer: ["small.caffemodel", "a Git LFS pointer"],
    pytorch_file: ["small.caffemodel", "PyTorch (weights)"],
    unreadable: ["small.caffemodel"],
    weights_alone: ["a caffemodel holds the weights", "zoo convert deploy.prototxt small.caffemodel"],
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_bad_input_is_refused_by_name_and_leaves_nothing(tmp_path, make):
    done = convert(*make(tmp_path), "-o", tmp_path / "out" / "net.onnx")
    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert [words for words in REFUSED[make] if words not in done.stderr] == [], done.stderr
    assert not (tmp_path / "out").exists()


def test_missing_weights_can_be_allowed_and_are_told(tmp_path):
    done = convert(*missing_weights(tmp_path), "-o", tmp_path / "net.onnx", "--allow-missing")
    assert done.returncode == 0
    assert "filled   fc/weight" in done.stdout


def test_an_output_that_cannot_be_written_is_a_usage_fault(files, tmp_path):
    (tmp_path / "file").touch()
    done = convert(*files, "-o", tmp_path / "file" / "net.onnx")
    assert (done.returncode, "unwritable" in done.stderr) == (2, True)


def test_a_full_disk_leaves_the_old_file(files, tmp_path):
    out = tmp_path / "out" / "net.onnx"
    out.parent.mkdir()
    out.write_bytes(b"old")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    done = convert(*files, "-o", out, preexec_fn=limit)
    assert (done.returncode, "disk is full" in done.stderr) == (2, True), done.stderr
    assert [path.name for path in out.parent.iterdir()] == ["net.onnx"]
    assert out.read_bytes() == b"old"


INTERRUPTED = """
import os, signal, sys
from zoo.__main__ import main
real, calls = os.write, []
def write(descriptor, data):
    calls.append(len(data))
    if len(calls) == 4:
        os.kill(os.getpid(), signal.SIGINT)
    return real(descriptor, data)
os.write = write
sys.exit(main(sys.argv[1:]))
"""


def test_ctrl_c_in_the_middle_of_writing_leaves_nothing(files, tmp_path):
    out = tmp_path / "out" / "net.onnx"
    command = [sys.executable, "-c", INTERRUPTED, "convert", *map(str, files), "--to", "onnx", "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert "interrupted" in done.stderr
    assert list(out.parent.iterdir()) == []


def test_a_usage_fault_has_status_two(files, tmp_path):
    assert convert(*files, "-o", tmp_path / "n.onnx", "--batch", "many").returncode == 2
    assert convert(*files, "-o", tmp_path / "n.onnx", "--input", "data:a b").returncode == 2
