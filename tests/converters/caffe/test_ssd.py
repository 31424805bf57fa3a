"""A published SSD face detector with its weights, whole, against OpenCV and, where it is built, a fork of Caffe."""

from __future__ import annotations

import numpy as np
import pytest
from frameworks import framework

import converters
from zoo.backends import discovery, host
from zoo.catalog.artifact import resolve
from zoo.console import Console

BEFORE = ("mbox_loc", "mbox_conf_flatten", "mbox_priorbox")
MEAN = np.array([104, 177, 123], np.float32).reshape(1, 3, 1, 1)


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ssd")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(folder / "home"))
        (artifact,) = resolve(("res10-ssd-face@caffe",), console=Console("quiet"))
    files = dict(artifact.files)
    converters.convert(list(files.values()), "onnx", folder / "whole.onnx")
    options = converters.Options(cut_at=BEFORE)
    converters.convert(list(files.values()), "onnx", folder / "before.onnx", options=options)
    return files, folder


def image(seed):
    pixels = np.random.default_rng(seed).uniform(0, 255, (1, 3, 300, 300)).astype(np.float32)
    return pixels - MEAN


def ran(backend, kind, files, seed, outputs=None):
    (reply,) = host.run_many(backend, [host.Job(kind, files, {"": image(seed)}, outputs=outputs)], 120)
    assert isinstance(reply, host.Reply), str(reply)
    return reply.outputs


def same_detections(mine, theirs):
    """Equal as sets: of each image and label the scores and corners, whatever stands in which row."""
    assert mine.shape == theirs.shape
    mine, theirs = (rows[0, 0][np.lexsort(np.round(rows[0, 0].T, 3))] for rows in (mine, theirs))
    np.testing.assert_allclose(mine, theirs, atol=2e-5)


@pytest.mark.index
@pytest.mark.framework
@pytest.mark.parametrize("seed", [0, 1])
def test_detections_agree_with_opencv(detector, seed):
    files, folder = detector
    mine = ran(discovery.find("onnxruntime"), "onnx", {"model": folder / "whole.onnx"}, seed)["detection_out"]
    theirs = ran(framework("opencv"), "caffe", files, seed)["detection_out"]
    same_detections(mine, theirs)


@pytest.mark.index
@pytest.mark.framework
def test_detections_and_what_goes_into_them_agree_with_a_fork_of_caffe(detector):
    files, folder = detector
    theirs = ran(framework("caffe-ssd"), "caffe", files, 0, outputs=("detection_out", *BEFORE))
    before = ran(discovery.find("onnxruntime"), "onnx", {"model": folder / "before.onnx"}, 0)
    for name in BEFORE:
        np.testing.assert_allclose(before[name], theirs[name], rtol=1e-5, atol=1e-5)
    mine = ran(discovery.find("onnxruntime"), "onnx", {"model": folder / "whole.onnx"}, 0)["detection_out"]
    same_detections(mine, theirs["detection_out"])


@pytest.mark.index
@pytest.mark.framework
def test_the_detector_comes_back_from_onnx_and_detects_the_same(detector):
    """Its priors as stored numbers: the Parameter that SSD's Caffe has for them."""
    files, folder = detector
    converters.convert([folder / "whole.onnx"], "caffe", folder / "back", dialect="ssd")
    back = {"graph": folder / "back" / "back.prototxt", "weights": folder / "back" / "back.caffemodel"}
    mine, theirs = (
        ran(framework("caffe-ssd"), "caffe", found, 0, outputs=("detection_out",))["detection_out"]
        for found in (back, files)
    )
    assert len(theirs[0, 0]) > 1
    same_detections(mine, theirs)
