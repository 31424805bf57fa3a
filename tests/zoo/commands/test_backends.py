"""`zoo backends` says what can run, why not, and what to type; `install` and `remove` do it."""

import json
import sys

import pytest

from zoo.__main__ import main


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_BACKENDS", str(tmp_path / "backends"))


def test_every_backend_is_listed_with_what_it_reads(capsys):
    assert main(["backends"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines if line}
    assert "available" in rows["onnxruntime"]
    assert "onnx" in rows["onnxruntime"]
    assert "caffe, onnx, torch7" in rows["opencv"]


def test_a_backend_that_cannot_run_has_a_reason_and_a_remedy(capsys):
    assert main(["backends"]) == 0
    out = capsys.readouterr().out
    assert "zoo backends install caffe" in out
    assert "caffe: zoo's own Python: No module named 'caffe'" in out


def test_json_has_interpreters_and_versions(capsys):
    assert main(["backends", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "zoo/backends"
    by_name = {row["name"]: row for row in document["backends"]}
    assert by_name["onnxruntime"]["interpreter"] == sys.executable
    assert by_name["onnxruntime"]["versions"]["onnxruntime"]
    assert by_name["caffe"]["available"] is False


@pytest.mark.parametrize("verb", ["install", "remove"])
def test_an_unknown_backend_is_a_usage_error_with_the_nearest_name(capsys, verb):
    assert main(["backends", verb, "cafe"]) == 2
    assert "did you mean caffe" in capsys.readouterr().err


def test_removing_what_is_not_there_says_so(capsys):
    assert main(["backends", "remove", "caffe"]) == 0
    assert capsys.readouterr().out == "caffe was not installed\n"


def test_without_a_fitting_python_install_ends_with_5_and_the_ways_to_get_one(capsys, monkeypatch, tmp_path):
    for name in ("PATH", "PYENV_ROOT", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    assert main(["backends", "install", "caffe"]) == 5
    said = capsys.readouterr().err
    assert "error[no-python]" in said
    assert "caffe needs Python 3.8, 3.9, 3.7" in said
    assert "ZOO_PYTHON_CAFFE" in said
