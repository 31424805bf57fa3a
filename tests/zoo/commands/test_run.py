"""`zoo run`: a model on images or arrays, from the registry or from bare files."""

import json
import shutil

import numpy as np
import pytest
from entries import entry_row, file_row, write_registry
from frameworks import framework, shared
from PIL import Image

from zoo.__main__ import main

X = np.random.default_rng(3).normal(size=(1, 3, 32, 32)).astype(np.float32)


@pytest.fixture(autouse=True)
def _own_folders(request, tmp_path, monkeypatch):
    if not request.node.get_closest_marker("framework"):
        monkeypatch.setenv("ZOO_BACKENDS", str(tmp_path / "backends"))
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def onnx():
    return str(shared("models", "samplenet", "samplenet.onnx"))


@pytest.fixture
def caffe():
    return [str(shared("models", "samplenet", name)) for name in ("SampLeNet.prototxt", "SampLeNet.caffemodel")]


@pytest.fixture
def array(tmp_path):
    np.save(tmp_path / "x.npy", X)
    return str(tmp_path / "x.npy")


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(4).integers(0, 256, (48, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return str(tmp_path / "photo.png")


@pytest.fixture
def registry(tmp_path, monkeypatch, onnx):
    """A registry of one real network: samplenet, fed as a photograph minus a mean."""
    body = shared("models", "samplenet", "samplenet.onnx").read_bytes()
    spec = {
        "name": "data",
        "shape": ["N", 3, 32, 32],
        "layout": "NCHW",
        "color": "RGB",
        "mean": [125.0, 123.0, 114.0],
        "scale": 0.0078125,
        "resize": {"mode": "warp", "size": 32},
    }
    output = {"name": "fc3", "kind": "logits", "classes": 10}
    row = entry_row(file_row(body, {"path": onnx}), id="samplenet@onnx", inputs=[spec], outputs=[output])
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", row)))


def run(capsys, *arguments):
    status = main(["run", *arguments])
    streams = capsys.readouterr()
    return status, streams.out, streams.err


def test_arrays_in_and_arrays_out(capsys, onnx, array):
    status, out, _err = run(capsys, onnx, "--input", array, "-o", "y.npz")
    assert status == 0
    assert out.startswith("fc3: 1 x 10 float32, min ")
    with np.load("y.npz") as saved:
        assert list(saved) == ["fc3"]
        assert saved["fc3"].shape == (1, 10)


def test_the_only_output_can_be_saved_as_npy_and_equal_runs_give_equal_bytes(capsys, onnx, array, tmp_path):
    for name in ("a.npy", "b.npy", "a.npz", "b.npz"):
        assert run(capsys, onnx, "--input", array, "-o", name)[0] == 0
    assert np.load("a.npy").shape == (1, 10)
    for suffix in ("npy", "npz"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_caffe_files_run_where_caffe_is_read_and_say_the_same(capsys, onnx, caffe, array):
    np.save("reversed.npy", np.ascontiguousarray(X[:, ::-1]))
    assert run(capsys, onnx, "--input", array, "-o", "onnx.npy")[0] == 0
    status, out, _err = run(
        capsys, *caffe, "--backend", "opencv", "--input", "data=reversed.npy", "-o", "c.npy", "--json"
    )
    assert status == 0
    assert json.loads(out)["backend"] == "opencv"
    np.testing.assert_allclose(np.load("c.npy"), np.load("onnx.npy"), atol=2e-5)


def test_another_backend_gets_the_conversion_to_onnx_and_it_is_said(capsys, caffe, array):
    assert run(capsys, *caffe, "--backend", "opencv", "--input", array, "-o", "direct.npy")[0] == 0
    status, out, err = run(capsys, *caffe, "--backend", "onnxruntime", "--input", array, "-o", "hub.npy", "--json")
    assert status == 0
    assert json.loads(out)["converted"] is True
    assert "converting to ONNX" in err
    np.testing.assert_allclose(np.load("hub.npy"), np.load("direct.npy"), atol=2e-5)


@pytest.mark.framework
def test_the_original_framework_comes_first(capsys, caffe, array):
    framework("caffe")
    status, out, _err = run(capsys, *caffe, "--input", array, "--json")
    assert status == 0
    assert json.loads(out)["backend"] == "caffe"


@pytest.mark.usefixtures("registry")
def test_a_photograph_is_fed_as_the_entry_says_and_classes_are_shown(capsys, photo):
    status, out, _err = run(capsys, "samplenet@onnx", "--input", photo, "--top", "3")
    assert status == 0
    lines = out.splitlines()
    assert lines[1].split() == ["score", "class", "label"]
    assert len(lines) == 5
    scores = [float(line.split()[0]) for line in lines[2:]]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.usefixtures("registry")
def test_a_batch_that_the_file_does_not_take_ends_with_5_and_its_words(capsys, photo):
    shutil.copy(photo, "other.png")
    status, _out, err = run(capsys, "samplenet@onnx", "--input", photo, "--input", "other.png")
    assert status == 5
    assert "Got: 2 Expected: 1" in err


def bad_arrays():
    good = np.lib.format.magic(1, 0) + b"\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 32, 32), }"
    return {
        "truncated": (lambda path: (np.save(path, X), path.write_bytes(path.read_bytes()[:500])), "promises"),
        "objects": (lambda path: np.save(path, np.array([{}], object), allow_pickle=True), "holds object"),
        "no npy": (lambda path: path.write_text("<html>"), "not a .npy file"),
        "header alone": (lambda path: path.write_bytes(good.ljust(127) + b"\n"), "0 bytes of data"),
        "absent": (lambda _path: None, "No such file"),
        "a folder": (lambda path: path.mkdir(), "Is a directory"),
        "wrong rank": (lambda path: np.save(path, X[0]), "its shape is [3, 32, 32], expected [N, 3, 32, 32]"),
        "wrong size": (lambda path: np.save(path, X[..., :31]), "expected [N, 3, 32, 32]"),
        "wrong type": (lambda path: np.save(path, X.astype("f8")), "it holds float64, expected float32"),
    }


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(("spoil", "said"), bad_arrays().values(), ids=bad_arrays().keys())
def test_a_bad_array_is_refused_with_3(capsys, tmp_path, spoil, said):
    spoil(tmp_path / "bad.npy")
    status, out, err = run(capsys, "samplenet@onnx", "--input", "bad.npy", "-o", "y.npy")
    assert (status, out) == (3, "")
    assert said in err
    assert "bad.npy" in err
    assert not (tmp_path / "y.npy").exists()


@pytest.mark.usefixtures("registry")
def test_a_bad_image_is_refused_with_3(capsys, tmp_path):
    (tmp_path / "cat.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    status, _out, err = run(capsys, "samplenet@onnx", "--input", "cat.jpg")
    assert status == 3
    assert "error[bad-image]: cat.jpg" in err


def test_an_image_needs_an_entry(capsys, onnx, photo):
    status, _out, err = run(capsys, onnx, "--input", photo)
    assert status == 2
    assert "error[image-without-entry]" in err


@pytest.mark.usefixtures("registry", "array")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--input", "image=x.npy"], ["image: no input of that name", "data: nothing is given for it"]),
        (["--input", "x.npy", "--input", "data=x.npy"], ["given 2 times"]),
    ],
)
def test_inputs_that_do_not_fit_are_a_usage_error(capsys, given, said):
    status, _out, err = run(capsys, "samplenet@onnx", *given)
    assert status == 2
    assert all(part in err for part in said)


def test_a_worker_that_fails_ends_with_5_and_its_words(capsys, onnx, tmp_path):
    np.save(tmp_path / "x.npy", X[..., :7])
    status, _out, err = run(capsys, onnx, "--input", "x.npy")
    assert status == 5
    assert "error[worker-failed]: onnxruntime did not run" in err


def test_a_backend_that_does_not_read_the_format_is_a_usage_error(capsys, onnx, array):
    status, _out, err = run(capsys, onnx, "--backend", "caffe", "--input", array)
    assert status == 2
    assert "caffe reads caffe, not onnx" in err
    assert "backends that do: onnxruntime, opencv" in err


def test_a_backend_that_is_not_available_ends_with_5_and_the_remedy(capsys, caffe, array):
    status, _out, err = run(capsys, *caffe, "--backend", "caffe", "--input", array)
    assert status == 5
    assert "hint: zoo backends install caffe" in err


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [("y.txt", 2, "saved as .npz"), ("nowhere/y.npz", 2, "there is no folder nowhere")],
)
def test_a_target_that_cannot_be_written_is_said_before_the_model_runs(capsys, onnx, array, target, status, said):
    got, _out, err = run(capsys, onnx, "--input", array, "-o", target)
    assert got == status
    assert said in err


@pytest.mark.index
def test_open_nsfw_tells_a_photograph_by_its_labels(capsys, photo):
    status, out, _err = run(capsys, "open-nsfw@onnx", "--input", photo)
    assert status == 0
    assert "sfw" in out
