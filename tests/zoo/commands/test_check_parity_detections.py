"""`zoo check-parity` on detectors: the original framework against ours, rows as sets, a swapped class found."""

import json

import numpy as np
import onnx
import pytest
from cli import run
from detectors import detector
from frameworks import framework
from multibox import ANCHORS, CLASSES, multibox
from onnx import numpy_helper

import converters


def swapped(path, out, one=1, other=2):
    """The same network with two of its classes swapped at the first anchor."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.shape[:1] == (ANCHORS * (CLASSES + 1),) and array.ndim in (1, 4):
            rows = list(range(len(array)))
            rows[one], rows[other] = rows[other], rows[one]
            tensor.CopyFrom(numpy_helper.from_array(array[rows], tensor.name))
    onnx.save(model, out)


@pytest.mark.framework
def test_mxnets_detections_are_ours_as_sets_and_a_swapped_class_is_found(tmp_path):
    framework("mxnet")
    files = multibox(tmp_path)
    source = ",".join(map(str, files.values()))
    converters.convert(list(files.values()), "onnx", tmp_path / "ours.onnx")
    swapped(tmp_path / "ours.onnx", tmp_path / "swapped.onnx")
    report = tmp_path / "r.json"
    done = run("check-parity", f"{source}::mxnet", f"{tmp_path / 'ours.onnx'}::onnxruntime", "--json", str(report))
    assert done.status == 0, done.out + done.err
    outputs = [
        one for row in json.loads(report.read_text())["rows"] for one in row["outputs"] if one["kind"] == "output"
    ]
    assert {one["as_set"] for one in outputs} == {True}
    assert all(
        one["figures"]["ratio"] < 16 and one["figures"]["size"] >= 50 for one in outputs if one["inputs"] == "random"
    )
    done = run("check-parity", f"{source}::mxnet", f"{tmp_path / 'swapped.onnx'}::onnxruntime")
    assert done.status == 1
    assert "detections of one side only: the candidate lacks image 0" in done.out


@pytest.mark.index
@pytest.mark.framework
def test_a_published_ssd_in_its_own_caffe_opencv_and_ours_agree_as_sets(tmp_path):
    framework("caffe-ssd")
    report = tmp_path / "r.json"
    subjects = [f"res10-ssd-face@caffe::{name}" for name in ("caffe-ssd", "opencv", "onnxruntime")]
    done = run("check-parity", *subjects, "--json", str(report))
    assert done.status == 0, done.out + done.err
    rows = json.loads(report.read_text())["rows"]
    assert [row["backend"] for row in rows] == ["opencv", "onnxruntime", "float64"]
    assert all(one["as_set"] and one["figures"]["ratio"] < 16 for row in rows for one in row["outputs"])


@pytest.fixture
def plain(tmp_path):
    """A network without any suppression: six columns times one."""
    weights = numpy_helper.from_array(np.ones(6, np.float32), "w")
    ports = [onnx.helper.make_tensor_value_info(name, 1, ["N", 5, 6]) for name in ("x", "y")]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Mul", ["x", "w"], ["y"])], "net", *ports_of(ports), [weights]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, tmp_path / "net.onnx")
    onnx.save(model, tmp_path / "same.onnx")
    return tmp_path


def ports_of(ports):
    return ports[:1], ports[1:]


def test_outputs_that_are_said_to_hold_detections_are_compared_as_sets(plain):
    rows = np.random.default_rng(0).uniform(0.1, 1, (2, 5, 6)).astype(np.float32)
    rows[..., 0] = [1, 2, 1, 0, -1]
    np.savez(plain / "rows.npz", x=rows)
    subjects = [f"{plain / name}.onnx::onnxruntime" for name in ("net", "same")]
    options = ("--inputs", str(plain / "rows.npz"), "--json", str(plain / "r.json"))
    for more, said in (((), False), (("--detections", "y"), True)):
        done = run("check-parity", *subjects, *options, *more)
        assert done.status == 0, done.out + done.err
        outputs = json.loads((plain / "r.json").read_text())["rows"][0]["outputs"]
        assert {one["as_set"] for one in outputs} == {said}


def test_an_output_that_holds_no_rows_is_refused_as_detections(plain):
    for name, said in (("y", "y does not hold rows of detections"), ("z", "no output of the reference is called z")):
        done = run("check-parity", f"{plain / 'net.onnx'}::onnxruntime", "--detections", name)
        assert done.status == 2
        assert said in done.err


def test_boxes_labels_and_scores_apart_are_one_set_in_which_every_fault_shows(tmp_path):
    faults = {"exchanged": {"exchanged": True}, "overlap": {"overlap": 0.3}, "scored": {"factor": 1 + 1e-4}}
    files = {"net": {}, "sorted": {"order": True}, **faults}
    subjects = [f"{detector(tmp_path / f'{name}.onnx', **how)}::onnxruntime" for name, how in files.items()]
    done = run("check-parity", *subjects, "--batch", "1", "--no-layers", "--json", str(tmp_path / "r.json"))
    assert done.status == 1, done.out + done.err
    report = json.loads((tmp_path / "r.json").read_text())
    verdicts = {row["artifact"].removesuffix(".onnx"): row["verdict"] for row in report["rows"]}
    assert verdicts == {"sorted": "pass", **dict.fromkeys(faults, "fail"), "net": "pass"}
    assert "detections stand in another order" in done.out
    assert "detections is boxes, scores, labels, compared as one set" in done.out
    assert "sorted.onnx and net.onnx: the same to the last bit of float64" in done.out


def test_portions_of_a_detector_count_their_images_on(tmp_path):
    made = {"net": {}, "sorted": {"order": True}, "lost": {"lost": True}, "moved": {"shift": 1e-2}}
    subjects = [f"{detector(tmp_path / f'{name}.onnx', **how)}::onnxruntime" for name, how in made.items()]
    written = ("--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "page.html"))
    done = run("check-parity", *subjects, "--batch", "3", "--no-layers", *written)
    assert done.status == 1, done.out + done.err
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert [row["verdict"] for row in rows] == ["pass", "fail", "fail"]
    assert {one["name"] for row in rows for one in row["outputs"]} == {"detections"}
    assert "the candidate lacks image 2" in done.out
    assert (tmp_path / "page.html").is_file()


def test_roles_are_named_where_nothing_tells_them_and_refused_where_they_do_not_fit(tmp_path):
    path = detector(tmp_path / "net.onnx")
    for named, said in (
        ("boxes=boxes,scores=labels", "boxes, labels do not hold detections together"),
        ("boxes=boxes,scores=points", "no output of the reference is called points"),
    ):
        done = run("check-parity", f"{path}::onnxruntime", "--batch", "2", "--no-layers", "--detections", named)
        assert done.status == 2
        assert said in done.err
