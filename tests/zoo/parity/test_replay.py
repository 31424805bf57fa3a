"""A check is repeated from its report alone, from any folder, to the last digit; what has changed since is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cli import run
from entries import entry_row, file_row, write_registry
from PIL import Image
from tiny import tiny

SHOWN = ("verdict", "status", "explanation", "request", "tolerance", "floor", "layers", "not_inside", "files")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two networks, one of them in a registry as a classifier of pictures; and what can be fed to them."""
    place = tmp_path / "work"
    place.mkdir()
    tiny(place / "source.onnx")
    tiny(place / "other.onnx", change=1e-6)
    body = (place / "source.onnx").read_bytes()
    picture = {"name": "data", "shape": ["N", 3, 8, 7], "layout": "NCHW", "color": "BGR", "range": [0, 255]}
    row = entry_row(file_row(body, {"path": str(place / "source.onnx")}), inputs=[picture],
                    outputs=[{"name": "prob", "kind": "probabilities"}])  # fmt: skip
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(place / "registry.yaml", row)))
    rng = np.random.default_rng(0)
    np.savez(place / "in.npz", data=rng.normal(size=(3, 3, 8, 7)).astype(np.float32))
    (place / "photos").mkdir()
    for index in range(2):
        Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8)).save(place / "photos" / f"{index}.png")
    monkeypatch.chdir(place)
    return place


SUBJECTS = ("source.onnx::onnxruntime", "other.onnx::onnxruntime")
KINDS = {
    "random": (*SUBJECTS, "--seed", "7", "--batch", "3"),
    "inputs": (*SUBJECTS, "--inputs", "in.npz"),
    "images": ("made-up@onnx::onnxruntime", "other.onnx::onnxruntime", "--images", "photos"),
    "golden": (SUBJECTS[1], "--golden", "g.npz", "--layers"),
    "layers": (*SUBJECTS, "--layers"),
    "no layers": (*SUBJECTS, "--no-layers", "--backends", "onnxruntime", "--require", "onnxruntime"),
    "tolerance": (*SUBJECTS, "--rtol", "1e-4", "--snr", "20", "--why", "a test"),
}


def said(report, name):
    """A part of the report; that a network was looked into before is not a part of what was found."""
    return [{**one, "before": None} for one in report[name]] if name == "layers" else report[name]


@pytest.mark.parametrize("kind", KINDS)
def test_a_check_is_repeated_from_another_folder_to_the_last_digit(kind, folder, monkeypatch, tmp_path):
    if kind == "golden":
        assert run("golden", "make", SUBJECTS[0], "-o", "g.npz", "--layers").status == 0
    first = run("check-parity", *KINDS[kind], "--json", str(folder / "r.json"))
    assert first.status == 0, first.out + first.err
    monkeypatch.chdir(tmp_path)
    again = run("check-parity", "--replay", str(folder / "r.json"), "--json", "-")
    report = json.loads((folder / "r.json").read_text())
    assert again.err == ""
    for name in SHOWN:
        assert said(again.json, name) == said(report, name), name
    assert again.json["inputs"]["tensors"] == report["inputs"]["tensors"]
    assert [row["outputs"] for row in again.json["rows"]] == [row["outputs"] for row in report["rows"]]
    assert again.json["tolerance"]["overridden"] == (kind == "tolerance")


def test_detections_are_repeated_as_sets(folder):
    import onnx
    from onnx import helper

    port = [helper.make_tensor_value_info(name, 1, ["N", 5, 6]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "rows", port[:1], port[1:])
    for name in ("one.onnx", "two.onnx"):
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), name)
    rows = np.random.default_rng(0).uniform(0.1, 1, (2, 5, 6)).astype(np.float32)
    rows[..., 0] = [1, 2, 1, 0, 3]
    np.savez("rows.npz", x=rows)
    run("check-parity", "one.onnx::onnxruntime", "two.onnx::onnxruntime", "--inputs", "rows.npz", "--detections", "y",
        "--json", "r.json")  # fmt: skip
    again = run("check-parity", "--replay", "r.json", "--json", "-")
    (output, *_) = again.json["rows"][0]["outputs"]
    assert (again.status, output["as_set"]) == (0, True)
    assert again.json["rows"][0]["outputs"] == json.loads((folder / "r.json").read_text())["rows"][0]["outputs"]


def test_another_golden_is_refused_and_another_candidate_is_told(folder):
    run("golden", "make", SUBJECTS[0], "-o", "g.npz")
    run("check-parity", SUBJECTS[1], "--golden", "g.npz", "--json", "r.json")
    tiny(folder / "other.onnx", change=0.5)
    again = run("check-parity", "--replay", "r.json")
    assert again.status == 1
    assert "not as it was: other.onnx: model is another file than then" in again.err
    run("golden", "make", SUBJECTS[1], "-o", "g.npz", "--force")  # fed the same
    refused = run("check-parity", "--replay", "r.json")
    assert refused.status == 3
    assert "error[replay-differs]" in refused.err
    assert "the golden: sha256" in refused.err


def test_another_version_is_told(folder):
    run("check-parity", *SUBJECTS, "--no-layers", "--json", "r.json")
    text = (folder / "r.json").read_text()
    report = json.loads(text)
    report["rows"][0]["versions"]["onnxruntime"] = "0.1"
    (folder / "r.json").write_text(json.dumps(report))
    assert "other.onnx in onnxruntime: numpy" in run("check-parity", "--replay", "r.json").err


def test_the_report_of_a_list_is_refused_with_the_way_to_repeat_it(folder):
    (folder / "r.json").write_text(json.dumps({"checks": [{}, {}]}))
    refused = run("check-parity", "--replay", "r.json")
    assert refused.status == 3
    assert "is a report of 2 checks" in refused.err
    assert "--no-cache" in refused.err


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("inputs", "tensors"), [5]),
        (("inputs", "tensors"), {"data": {}}),
        (("files",), {"source.onnx": "model"}),
        (("rows",), [5]),
        (("reference", "settings"), [5]),
        (("request", "batch"), -1),
    ],
)
def test_a_report_that_was_edited_into_nonsense_is_refused(place, value, tmp_path):
    tiny(tmp_path / "net.onnx")
    report = {
        "request": {"subjects": [f"{tmp_path / 'net.onnx'}::onnxruntime"]},
        "inputs": {"tensors": []},
        "reference": {"artifact": "a", "backend": "b", "versions": {}, "settings": {}},
        "rows": [],
    }
    *above, last = place
    inner = report
    for name in above:
        inner = inner[name]
    inner[last] = value
    (tmp_path / "r.json").write_text(json.dumps(report))
    ran = run("check-parity", "--replay", str(tmp_path / "r.json"))
    assert ran.status in {2, 3}
    assert ran.err.startswith("error[")
