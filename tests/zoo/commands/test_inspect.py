from __future__ import annotations

import json

import pytest

from zoo.__main__ import main

UNSUPPORTED = """
name: "odd" input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 6 }
layer { name: "a" type: "Warp" bottom: "data" top: "a" }
layer { name: "b" type: "Warp" bottom: "a" top: "b" }
layer { name: "c" type: "Weave" bottom: "b" top: "c" }
"""


@pytest.fixture
def lenet(shared):
    folder = shared / "models" / "lenet"
    return next(folder.glob("*.prototxt")), next(folder.glob("*.caffemodel"))


@pytest.fixture
def zoo(capsys):
    def run(*arguments):
        status = main(["inspect", *map(str, arguments)])
        output = capsys.readouterr()
        return status, output.out, output.err

    return run


def test_the_contents_of_a_network_are_counted_and_listed(zoo, lenet):
    status, out, _ = zoo(*lenet)
    assert status == 0
    assert "431,080 parameters, 1,724,320 bytes" in out
    assert "64 x 1 x 28 x 28" in out
    assert "20 x 1 x 5 x 5" in out
    assert "Convolution   2" in out
    assert "prob" in out


def test_the_json_holds_what_the_text_shows(zoo, lenet):
    status, out, _ = zoo(*lenet, "--json")
    found = json.loads(out)
    assert (status, found["schema"]) == (0, "zoo/inspection")
    (one,) = found["artifacts"]
    assert one["format"] == "caffe"
    assert one["inputs"] == [{"name": "data", "shape": [64, 1, 28, 28]}]
    assert one["parameters"] == 431_080
    assert one["layers"]["InnerProduct"] == 2
    assert sum(tensor["bytes"] for tensor in one["tensors"]) == 1_724_320
    assert one["convertible"] is True
    assert one["blockers"] == []


def test_support_says_yes_with_0(zoo, lenet):
    status, out, _ = zoo(*lenet, "--support")
    assert status == 0
    assert out.endswith("can be converted\n")


def test_support_says_no_with_3_and_every_reason_at_once(zoo, tmp_path):
    (tmp_path / "odd.prototxt").write_text(UNSUPPORTED)
    status, out, err = zoo(tmp_path / "odd.prototxt", "--support")
    assert (status, err) == (3, "")
    assert "cannot be converted" in out
    assert "Warp" in out
    assert "2x" in out
    assert "Weave" in out


def test_what_cannot_be_converted_can_still_be_inspected(zoo, tmp_path):
    (tmp_path / "odd.prototxt").write_text(UNSUPPORTED)
    status, out, _ = zoo(tmp_path / "odd.prototxt", "--json")
    (one,) = json.loads(out)["artifacts"]
    assert status == 0
    assert one["layers"] == {"Warp": 2, "Weave": 1}
    assert one["convertible"] is False


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("net.caffemodel", b"<!DOCTYPE html><html>sign in</html>"),
        ("net.onnx", b"\x08\x07torn"),
        ("net.prototxt", b"layer {"),
    ],
)
def test_a_damaged_file_is_refused_with_its_name(zoo, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    status, out, err = zoo(tmp_path / name)
    assert (status, out) == (3, "")
    assert err.startswith("error[")
    assert name in err


@pytest.mark.index
def test_every_format_of_a_published_network_is_inspected(zoo):
    status, out, _ = zoo("open-nsfw", "--support")
    assert status == 0
    assert "open-nsfw@caffe: can be converted" in out
    assert "open-nsfw@onnx: can be converted" in out


DEVICES = {
    "models/rfb320/version-RFB-320.pth": {"cuda:0": 244},
    "models/samplenet/samplenet-0000.params": {"cpu": 10},
    "goldens/torch7/cuda_nn_cnn/model.t7": {"cuda": 42},
    "models/samplenet/samplenet.onnx": None,
}


@pytest.mark.parametrize(("path", "devices"), DEVICES.items())
def test_the_devices_of_a_checkpoint_are_counted(zoo, shared, path, devices):
    status, out, errors = zoo(shared / path, "--json")
    assert status == 0, errors
    assert json.loads(out)["artifacts"][0]["devices"] == devices


def test_the_devices_are_told_in_words(zoo, shared):
    assert zoo(shared / "models/rfb320/version-RFB-320.pth")[1].rstrip().endswith("244 tensors on cuda:0")
