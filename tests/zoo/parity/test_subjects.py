from __future__ import annotations

import pytest

from zoo.diagnostics import UsageFault
from zoo.parity.subjects import Subject, known, parse, short


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("open-nsfw", Subject("open-nsfw")),
        ("open-nsfw@caffe", Subject("open-nsfw@caffe")),
        ("open-nsfw@caffe::opencv", Subject("open-nsfw@caffe", "opencv")),
        ("m.onnx::onnxruntime", Subject("m.onnx", "onnxruntime")),
        ("d.prototxt,n.caffemodel", Subject(("d.prototxt", "n.caffemodel"))),
        ("a/d.prototxt,n.caffemodel::opencv", Subject(("a/d.prototxt", "n.caffemodel"), "opencv")),
        ("C:/m.onnx", Subject("C:/m.onnx")),
    ],
)
def test_a_subject_is_an_id_or_files_and_perhaps_a_backend(text, subject):
    assert parse(text) == subject


@pytest.mark.parametrize("text", ["", ",", "a,", ",a", "a,,b", "::opencv", "a::", "a::b::c"])
def test_a_subject_with_an_empty_part_is_refused(text):
    with pytest.raises(UsageFault) as caught:
        parse(text)
    assert caught.value.code == "subject"


def test_unknown_backends_are_all_named_with_the_nearest_names():
    with pytest.raises(UsageFault) as caught:
        known(["cafe", "opencv", "onxruntime"], ["caffe", "onnxruntime", "opencv"])
    assert "cafe or onxruntime" in str(caught.value)
    assert "did you mean caffe, onnxruntime?" in str(caught.value)


def test_names_are_kept_once_in_their_order():
    assert known(["opencv", "caffe", "opencv"], ["caffe", "opencv"]) == ("opencv", "caffe")


def test_folders_are_left_out_of_labels_unless_two_would_become_one():
    assert short(["/a/net.prototxt,/a/net.caffemodel", "open-nsfw@caffe"]) == {
        "/a/net.prototxt,/a/net.caffemodel": "net.prototxt,net.caffemodel",
        "open-nsfw@caffe": "open-nsfw@caffe",
    }
    assert short(["/a/m.onnx", "/b/m.onnx"]) == {"/a/m.onnx": "/a/m.onnx", "/b/m.onnx": "/b/m.onnx"}
