from __future__ import annotations

import json
import zipfile

import pytest
from cli import run
from tiny import tiny

from zoo.parity.golden import read


@pytest.fixture
def net(tmp_path):
    return tiny(tmp_path / "net.onnx")


@pytest.fixture
def made(net, tmp_path):
    ran = run("golden", "make", f"{net}::opencv", "-o", str(tmp_path / "g.npz"), "--json")
    assert ran.status == 0, ran.err
    return tmp_path / "g.npz"


def test_a_golden_says_what_computed_it_and_of_which_file(made, net):
    told = run("golden", "show", str(made), "--json").json
    assert told["reference"]["backend"] == "opencv"
    assert told["reference"]["versions"]["opencv"]
    assert told["reference"]["artifact"] == "net.onnx"
    assert told["sha256"] == read(made).sha256
    assert [one["name"] for one in told["outputs"]] == ["prob"]
    assert [one["name"] for one in told["sets"]] == ["one", "edge"]
    assert "net.onnx in opencv" in run("golden", "show", str(made)).out


def test_the_same_network_agrees_with_its_golden_and_the_golden_is_the_reference(made, net):
    ran = run("check-parity", f"{net}::onnxruntime", "--golden", str(made), "--json", "-")
    assert ran.status == 0, ran.err
    assert ran.json["reference"]["artifact"] == "g.npz"
    assert ran.json["reference"]["backend"] == "opencv"
    assert ran.json["reference"]["settings"]["golden"] == read(made).sha256
    assert ran.json["reference_again"] is None  # nothing was run twice
    assert [row["backend"] for row in ran.json["rows"]] == ["onnxruntime", "float64"]
    assert "of the golden g.npz" in ran.json["inputs"]["samples"]


def test_a_golden_says_of_each_set_and_of_the_logits_what_the_reference_itself_would(net, tmp_path):
    """The floors are the reference's as well: every ratio is that of the check in which it runs."""
    path = str(tmp_path / "g.npz")
    assert run("golden", "make", f"{net}::onnxruntime", "-o", path).status == 0
    other = f"{tiny(tmp_path / 'other.onnx', change=1e-6)}::onnxruntime"
    recorded = run("check-parity", other, "--golden", path, "--json", "-").json
    itself = run("check-parity", f"{net}::onnxruntime", other, "--batch", "2", "--json", "-").json

    def ratios(report):
        return {(o["name"], o["kind"], o["inputs"]): o["figures"]["ratio"] for o in report["rows"][0]["outputs"]}

    found = ratios(recorded)
    assert found == ratios(itself)
    assert all(ratio > 0 for ratio in found.values())
    assert set(found) == {("prob", kind, name) for kind in ("output", "logits") for name in ("random", "one", "edge")}
    assert recorded["floor"].startswith("recorded with the golden: float64 of net.onnx")
    assert recorded["not_inside"] is None
    assert recorded["layers"][0]["values"] >= 5


def test_a_golden_of_the_first_version_is_still_read_and_holds_outputs_alone(made, net, tmp_path):
    old = tmp_path / "old.npz"
    with zipfile.ZipFile(made) as archive, zipfile.ZipFile(old, "w") as written:
        card = json.loads(archive.read("golden.json"))
        for name in ("kind", "sets", "floor", "inner", "inner_batch", "inner_of"):
            del card[name]
        card |= {
            "version": 1,
            "outputs": [{k: v for k, v in one.items() if k != "kind"} for one in card["outputs"][:1]],
        }
        written.writestr("golden.json", json.dumps(card))
        for name in ("inputs/0.npy", "outputs/0.npy"):
            written.writestr(name, archive.read(name))
    ran = run("check-parity", f"{net}::onnxruntime", "--golden", str(old), "--json", "-")
    assert (ran.status, ran.json["not_inside"]) == (0, "this golden holds outputs alone")
    assert {o["inputs"] for o in ran.json["rows"][0]["outputs"]} == {"random"}
    refused = run("check-parity", f"{net}::onnxruntime", "--golden", str(old), "--layers")
    assert refused.status == 2
    assert "error[golden-layers]: this golden holds outputs alone" in refused.err


def test_a_network_that_was_changed_differs_from_its_golden(made, tmp_path):
    ran = run("check-parity", str(tiny(tmp_path / "net.onnx", change=0.01)), "--golden", str(made))
    assert ran.status == 1
    assert "DIFFERS" in ran.out


def test_a_network_of_a_fixed_batch_is_checked_in_portions(made, tmp_path):
    one = tiny(tmp_path / "one.onnx", batch=1)
    assert run("check-parity", f"{one}::onnxruntime", "--golden", str(made)).status == 0
    four = tiny(tmp_path / "four.onnx", batch=4)
    ran = run("check-parity", f"{four}::onnxruntime", "--golden", str(made))
    assert ran.status == 3
    assert "takes 4 samples at a time, there are 2" in " ".join(ran.out.split())


def test_a_golden_is_never_written_over_silently(made, net):
    before = made.read_bytes()
    ran = run("golden", "make", str(net), "-o", str(made), "--seed", "5")
    assert (ran.status, made.read_bytes()) == (2, before)
    assert "error[golden-exists]" in ran.err
    assert run("golden", "make", str(net), "-o", str(made), "--seed", "5", "--force").status == 0
    assert made.read_bytes() != before


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_in_ci_no_golden_is_made(made, net, monkeypatch, force):
    monkeypatch.setenv("CI", "true")
    for path in (made, made.with_name("new.npz")):
        ran = run("golden", "make", str(net), "-o", str(path), *force)
        assert ran.status == 2
        assert "error[golden-in-ci]" in ran.err
    assert not made.with_name("new.npz").exists()


def test_a_reference_whose_output_shows_nothing_is_not_recorded(tmp_path):
    import numpy as np

    net = tiny(tmp_path / "net.onnx")
    np.savez(tmp_path / "same.npz", data=np.zeros((2, 3, 8, 7), np.float32))
    path = tmp_path / "g.npz"
    ran = run("golden", "make", str(net), "-o", str(path), "--inputs", str(tmp_path / "same.npz"))
    assert ran.status == 6
    assert "error[golden-unsteady]" in ran.err
    assert not path.exists()


def test_what_nothing_can_run_is_no_reference(tmp_path):
    (tmp_path / "net.onnx").write_bytes(tiny(tmp_path / "whole.onnx").read_bytes()[:-200])
    ran = run("golden", "make", f"{tmp_path / 'net.onnx'}::onnxruntime", "-o", str(tmp_path / "g.npz"))
    assert ran.status in (3, 5)
    assert not (tmp_path / "g.npz").exists()


def test_a_golden_and_arrays_exclude_each_other(made, net):
    ran = run("check-parity", str(net), "--golden", str(made), "--images", "x")
    assert ran.status == 2
    assert "--images and --golden exclude each other" in ran.err


def test_check_parity_writes_every_report_at_once(made, net, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    files = {name: tmp_path / f"report.{name}" for name in ("json", "junit", "html")}
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    ran = run("check-parity", str(tiny(tmp_path / "other.onnx", seed=3)), "--golden", str(made), *options, "--github")
    assert ran.status == 1
    assert json.loads(files["json"].read_text())["status"] == 1
    assert json.loads(files["json"].read_text())["rows"][0]["outputs"][0]["spread"]["worst"]
    assert "<failure" in files["junit"].read_text()
    assert "Worst elements" in files["html"].read_text()
    assert "::error title=parity of" in ran.err
    assert ran.out.startswith("::stop-commands::")
    assert ":x:" in (tmp_path / "summary.md").read_text()


def test_reports_are_written_of_a_check_that_could_not_begin(tmp_path):
    junit = tmp_path / "r.xml"
    ran = run("check-parity", "no/such.onnx", "--junit", str(junit), "--github")
    assert ran.status == 3
    assert "error[no-file]" in ran.err
    assert "::error title=parity of no/such.onnx::refused: no-file" in ran.err
    assert "<error" in junit.read_text()
