"""Code runs only when somebody says so; no PyTorch is needed to refuse it."""

from __future__ import annotations

import zipfile

import onnx
import pytest
from cli import run
from onnx_nets import random_net
from torch_files import Pool, Raw, body, state, weights, write_zip

MODULE = """
from pathlib import Path
Path(__file__).with_name("ran").write_text("")
"""


def script(path):
    """A TorchScript archive of resnet18's weights."""
    pool = Pool()
    tree = Raw(b"c__torch__.Net\nM\n)\x81" + body(state(weights("resnet18"), pool)) + b"b")
    return write_zip(path, tree, pool, extra={"net/code/__torch__.py": b"raise SystemExit\n"})


def program(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data/weights/weight_0", bytes(5000))
        archive.writestr("net/models/model.json", "{}")
        archive.writestr("net/archive_format", "pt2")
    return path


def test_python_code_does_not_run_without_trust(tmp_path):
    (tmp_path / "mine.py").write_text(MODULE)
    ran = run("convert", "mine:Net", "--import-path", str(tmp_path), "--to", "onnx", "--input", "1,3,8,8")
    assert ran.status == 3
    assert "error[untrusted-code]: mine:Net: it is Python code" in ran.err
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("make", "what"), [(script, "TorchScript archive"), (program, "ExportedProgram")])
def test_graph_files_are_refused_without_trust(tmp_path, make, what):
    path = make(tmp_path / "net.bin")
    ran = run("convert", str(path), "--to", "onnx", "-o", str(tmp_path / "o.onnx"))
    assert ran.status == 3
    assert "untrusted-code" in ran.err
    assert what in ran.err
    assert "--trust" in ran.err
    assert not (tmp_path / "o.onnx").exists()


def test_a_torchscript_archive_of_a_named_architecture_gives_its_weights_alone(tmp_path):
    path = script(tmp_path / "net.pt")
    ran = run("convert", str(path), "--arch", "resnet18", "--to", "onnx", "-o", str(tmp_path / "o.onnx"))
    assert ran.status == 0, ran.err
    assert "the archive's own graph, which is code, was not read" in ran.out


def test_the_library_does_not_guess_the_graph_of_a_torchscript_archive(tmp_path):
    import converters
    from converters.diagnostic import Diagnostic

    with pytest.raises(Diagnostic) as caught:
        converters.read([script(tmp_path / "net.pt")])
    assert caught.value.code == "graph-in-code"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no.such.file:Net", "--import-path", "absent"), "is no folder"),
        (("{onnx}", "--import-path", "."), "belong to a SOURCE like package.module:Net"),
        (("{onnx}", "--single-file"), "--single-file says nothing about onnx"),
        (("mine:Net", "--key", "state", "--trust"), "--key picks among the networks of a file of weights"),
        (("mine:Net", "--trust"), "does not say which shapes it takes"),
        (("mine:Net", "--trust", "--input", "1,3,H,W"), "only the first size may be a name"),
        (("{program}", "--trust", "--input", "1,3,8,8"), "has its input shapes inside"),
    ],
)
def test_options_that_would_say_nothing_are_refused(tmp_path, arguments, said):
    onnx.save(random_net(0)[0], tmp_path / "net.onnx")
    files = {"onnx": tmp_path / "net.onnx", "program": program(tmp_path / "net.pt2")}
    ran = run("convert", *(text.format(**files) for text in arguments), "--to", "onnx", "-o", str(tmp_path / "o"))
    assert ran.status == 2
    assert said in ran.err
