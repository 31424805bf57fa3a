from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from time import sleep

import numpy as np
import pytest

from zoo.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["net@caffe::cafe"], "unknown-backend"),
        (["net@caffe", "--backends", "cafe"], "unknown-backend"),
        (["net@caffe", "--require", "opencv,onxruntime"], "unknown-backend"),
        (["a,,b"], "subject"),
        (["no-such-network-anywhere"], "unknown-model"),
        (["net@caffe", "--rtol", "0.5"], "tolerance"),
        (["net@caffe", "--bisect", "--no-layers"], "layers"),
        (["net@caffe", "--atol=-1", "--why", "x"], "tolerance"),
    ],
)
def test_a_call_that_means_nothing_is_refused_before_anything_is_brought_here(
    arguments, code, capsys, monkeypatch, tmp_path
):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "store"))
    assert main(["check-parity", *arguments, "--offline"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert f"error[{code}]" in output.err
    assert not list((tmp_path / "store").rglob("objects"))


def test_arrays_and_photos_exclude_each_other(capsys):
    assert main(["check-parity", "x", "--inputs", "a.npz", "--images", "b"]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_a_missing_file_is_an_input_fault_that_names_it(capsys):
    assert main(["check-parity", "no/such.prototxt,no/such.caffemodel"]) == 3
    assert "no/such.prototxt" in capsys.readouterr().err


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def zoo(home, monkeypatch, capsys):
    """Runs the command line in this process, with one store for the module; gives status, stdout and stderr."""
    monkeypatch.setenv("ZOO_HOME", str(home))

    def run(*arguments):
        status = main(list(map(str, arguments)))
        output = capsys.readouterr()
        return status, output.out, output.err

    return run


@pytest.mark.index
def test_open_nsfw_agrees_in_every_format_and_backend_that_is_here(zoo, tmp_path):
    status, out, err = zoo("check-parity", "open-nsfw", "--no-layers", "--json", tmp_path / "report.json")
    assert status == 0, out + err
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["verdict"] == "agrees"
    ran = {(row["artifact"], row["backend"]) for row in (report["reference"], *report["rows"])}
    assert ran >= {
        ("open-nsfw@caffe", "opencv"),
        ("open-nsfw@caffe -> onnx", "onnxruntime"),
        ("open-nsfw@onnx", "onnxruntime"),
    }
    # The published ONNX has its BatchNorm folded into float32 weights: run in float64, its first figures differ from
    # those of the Caffe files by 2.4e-6 where the two classes are nearly even. Whatever runs the Caffe files is closer.
    for pair in report["pairs"]:
        published = any("open-nsfw@onnx" in run for run in pair["runs"])
        main = [output for output in pair["outputs"] if output["kind"] == "output" and output["inputs"] == "random"]
        worst = max(output["figures"]["max_abs"] for output in main)
        assert worst <= (1e-5 if published else 1e-6), pair
    assert "AGREES" in out
    assert max(map(len, out.splitlines())) <= 120


@pytest.mark.index
def test_json_to_stdout_is_one_document_and_nothing_else(zoo):
    subjects = ("open-nsfw@caffe::opencv", "open-nsfw@onnx::onnxruntime")
    status, out, _ = zoo("check-parity", *subjects, "--json", "-", "--batch", "2")
    report = json.loads(out)
    assert (status, report["schema"], report["inputs"]["batch"]) == (0, "zoo/parity", 2)
    assert report["reference"]["backend"] == "opencv"
    # Its names and layout are TensorFlow's, and so is its epsilon; what is recognised by numbers alone decides nothing.
    (published,) = (one for one in report["layers"] if one["run"] == "open-nsfw@onnx in onnxruntime")
    assert published["layers"] > 100
    assert [cause["cause"] for cause in published["doctor"][:1]] == ["BatchNorm eps"]
    assert "1.001e-05 instead of 1e-05" in published["doctor"][0]["proof"]


@pytest.mark.index
def test_one_run_alone_is_no_check(zoo):
    status, out, _ = zoo("check-parity", "open-nsfw@onnx::onnxruntime", "--batch", "1")
    assert status == 1
    assert "NOTHING COMPARED" in out


@pytest.mark.index
def test_a_tolerance_that_nothing_meets_says_no_and_what_would_pass(zoo):
    subjects = ("open-nsfw@caffe::opencv", "open-nsfw@onnx::onnxruntime", "--no-layers")
    status, out, _ = zoo("check-parity", *subjects, "--rtol", "0", "--atol", "1e-12",
                         "--why", "to see it refuse")  # fmt: skip
    assert status == 1
    assert "DIFFERS" in out


@pytest.mark.index
def test_arrays_of_a_file_are_fed_and_told_in_the_report(zoo, tmp_path):
    pictures = np.random.default_rng(3).integers(0, 256, (2, 3, 224, 224)).astype(np.float32)
    np.savez(tmp_path / "in.npz", data=pictures)
    subjects = ("open-nsfw@caffe::opencv", "open-nsfw@onnx::onnxruntime", "--no-layers")
    status, out, _ = zoo("check-parity", *subjects, "--inputs", tmp_path / "in.npz")
    assert status == 0
    assert f"Inputs: {tmp_path / 'in.npz'}; the first of them alone" in " ".join(out.split())


@pytest.mark.index
def test_photos_of_a_folder_are_fed(zoo, tmp_path):
    from PIL import Image

    rng = np.random.default_rng(4)
    for index in range(2):
        Image.fromarray(rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)).save(tmp_path / f"{index}.png")
    status, out, _ = zoo("check-parity", "open-nsfw@caffe::opencv", "open-nsfw@onnx::onnxruntime", "--no-layers",
                         "--images", tmp_path)  # fmt: skip
    assert status == 0
    assert "2 photos" in out


@pytest.mark.index
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"no archive at all"])
def test_a_damaged_file_of_arrays_is_refused(zoo, tmp_path, content):
    (tmp_path / "in.npz").write_bytes(content)
    status, out, err = zoo("check-parity", "open-nsfw@onnx", "--inputs", tmp_path / "in.npz")
    assert (status, out) == (3, "")
    assert "error[inputs-file]" in err


@pytest.mark.index
def test_a_required_backend_that_reads_nothing_of_it_is_status_5_and_the_report_is_still_there(zoo):
    status, out, _ = zoo("check-parity", "open-nsfw@caffe::opencv", "open-nsfw@onnx::onnxruntime", "--no-layers",
                         "--require", "mxnet")  # fmt: skip
    assert status == 5
    assert "mxnet" in out
    assert "INCOMPLETE" in out


@pytest.mark.index
def test_ctrl_c_while_workers_run_leaves_nothing_behind(home, tmp_path):
    environment = {**os.environ, "ZOO_HOME": str(home), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "zoo", "check-parity", "open-nsfw", "--batch", "256"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not list(tmp_path.glob("zoo-parity-*")) or not list(tmp_path.glob("zoo-run-*")):
            assert process.poll() is None, process.stderr.read()
            sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert err.endswith("interrupted: nothing half-written is left behind\n")
    assert list(tmp_path.iterdir()) == []
