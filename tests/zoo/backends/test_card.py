"""A card is read without importing the worker, and says every fault of the file."""

import ast
import subprocess
import sys

import pytest

from zoo.backends import card, discovery, environments
from zoo.backends.pythons import find
from zoo.diagnostics import BackendFault, UsageFault

WORKERS = sorted(discovery.WORKERS.glob("*.py"))


def test_the_shipped_backends_are_these_and_read_these_formats():
    reads = {found.name: found.reads for found in discovery.backends()}
    assert reads["caffe"] == ("caffe",)
    assert reads["onnxruntime"] == ("onnx",)
    assert set(reads["opencv"]) == {"caffe", "onnx", "torch7"}
    assert "torch" in reads


def test_reading_cards_imports_no_framework():
    script = "import sys; from zoo.backends import discovery; discovery.backends(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"cv2", "onnxruntime", "torch", "caffe"} & set(loaded)


@pytest.mark.parametrize("path", WORKERS, ids=lambda path: path.stem)
def test_workers_keep_to_the_syntax_of_python_3_6(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_the_server_runs_on_the_oldest_python_of_this_machine(worker):
    from zoo.backends.exchange import Hello
    from zoo.backends.session import greet

    found = find(["3.6", "3.7", "3.8"])
    if found.interpreter is None:
        pytest.skip("no Python 3.6, 3.7 or 3.8 here")
    assert isinstance(greet(worker(), found.interpreter, 60), Hello)


def test_every_fault_of_a_worker_file_is_in_one_message(tmp_path):
    path = tmp_path / "odd.py"
    path.write_text('NAME = "other"\nREADS = "caffe"\nENV = {"pythons": []}\nOPTIONS = [1]\nX = print()\n')
    with pytest.raises(BackendFault) as caught:
        card.read(path)
    said = str(caught.value)
    for part in (
        "function load is missing",
        "NAME is 'other'",
        "READS is 'caffe'",
        "NEEDS is None",
        "ENV is",
        "X (line 5)",
    ):
        assert part in said


def _worker(tmp_path, variants):
    lines = ['NAME = "odd"', 'READS = ["onnx"]', "NEEDS = []", "ENV = None", 'OPTIONS = {"dtype": "float32"}']
    lines += [f"VARIANTS = {variants!r}", *(f"def {name}(): ..." for name in ("load", "run", "versions"))]
    path = tmp_path / "odd.py"
    path.write_text("\n".join(lines))
    return path


def test_a_variant_is_the_same_worker_under_other_options_in_the_same_environment(tmp_path):
    plain, wide = card.read(_worker(tmp_path, {"float64": {"dtype": "float64"}})).family()
    assert (plain.name, plain.options["dtype"]) == ("odd", "float32")
    assert (wide.name, wide.options["dtype"]) == ("odd:float64", "float64")
    assert wide.home == plain.home == "odd"
    assert environments.variable(wide) == environments.variable(plain) == "ZOO_PYTHON_ODD"


def test_a_variant_sets_only_options_that_there_are(tmp_path):
    with pytest.raises(BackendFault) as caught:
        card.read(_worker(tmp_path, {"float64": {"dtipe": "float64"}}))
    assert "VARIANTS sets dtipe, which OPTIONS does not list" in str(caught.value)


def test_an_unknown_backend_is_answered_with_the_nearest_name():
    with pytest.raises(UsageFault, match="did you mean onnxruntime"):
        discovery.find("onnxruntim")
