"""Graph files and modules in code, made by the real PyTorch, become ONNX that computes what they compute."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from cli import run
from frameworks import framework

from zoo.backends import discovery, host

pytestmark = pytest.mark.framework

MAKER = Path(__file__).parents[2] / "support" / "torch_graphs.py"
CLOSE = 1e-6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of the real PyTorch, a package with modules, inputs, and what the modules make of them."""
    made = tmp_path_factory.mktemp("graphs")
    interpreter = discovery.probe(framework("torch")).interpreter
    subprocess.run([str(interpreter), "-I", "-W", "ignore", str(MAKER), str(made)], check=True)
    return made


def convert(*arguments):
    return run("convert", *map(str, arguments))


def agree(model, folder, name):
    """The ONNX file computes what PyTorch's own module did."""
    fed, wanted = dict(np.load(folder / f"{name}.in.npz")), dict(np.load(folder / f"{name}.out.npz"))
    reply = host.run(discovery.find("onnxruntime"), "onnx", {"model": model}, fed, timeout=60)
    assert isinstance(reply, host.Reply), str(reply)
    assert reply.outputs.keys() == wanted.keys()
    for key, array in wanted.items():
        np.testing.assert_allclose(reply.outputs[key], array, rtol=0, atol=CLOSE)


def layers(path):
    return [node.op_type for node in onnx.load(path).graph.node]


def batch(path):
    (size, *_) = {value.type.tensor_type.shape.dim[0].dim_param for value in onnx.load(path).graph.input}
    return size


GRAPHS = {
    "script.pt": ("--input", "1,3,11,14"),
    "trace.pt": ("--input", "data:1,3,11,14"),
    "free.pt2": (),
    "pair.pt2": (),
    "both.pt": ("--input", "left:1,4", "--input", "right:1,4"),
}


@pytest.fixture(scope="module")
def exported(folder, tmp_path_factory):
    """What zoo makes of each graph file, once."""
    made = tmp_path_factory.mktemp("exported")

    @cache
    def convert_once(name):
        ran = convert(folder / name, "--trust", *GRAPHS[name], "--to", "onnx", "-o", made / f"{name}.onnx")
        assert ran.status == 0, ran.err
        return ran, made / f"{name}.onnx"

    return convert_once


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_file_becomes_onnx_with_a_dynamic_batch(folder, exported, name):
    ran, path = exported(name)
    assert "its code runs now, because --trust is given" in ran.err
    assert "agrees with the model itself on 2 seeded examples of different batch" in ran.out
    assert batch(path) == "N"
    agree(path, folder, name)


@pytest.mark.parametrize("name", ["script.pt", "trace.pt", "free.pt2"])
def test_batch_normalisation_stays_a_layer(exported, name):
    _, path = exported(name)
    assert layers(path)[:2] == ["Conv", "BatchNormalization"]
    names = {tensor.name for tensor in onnx.load(path).graph.initializer}
    assert {"conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var", "fc.weight"} <= names


def test_an_exported_program_of_one_batch_keeps_it(folder, tmp_path):
    ran = convert(folder / "fixed.pt2", "--trust", "--to", "onnx", "-o", tmp_path / "net.onnx")
    assert ran.status == 0, ran.err
    agree(tmp_path / "net.onnx", folder, "fixed.pt2")


def test_a_module_that_takes_one_batch_only_is_exported_with_it_and_says_why(folder, tmp_path):
    arguments = (folder / "single.pt", "--trust", "--input", "1,3,4", "--to", "onnx", "-o", tmp_path / "net.onnx")
    ran = convert(*arguments)
    assert ran.status == 0, ran.err
    assert "the batch size is fixed as declared: the model does not run on an example (data: [2, 3, 4])" in ran.out
    agree(tmp_path / "net.onnx", folder, "single.pt")
    forced = convert(*arguments, "--batch", "dynamic")
    assert forced.status == 3
    assert "export-refused" in forced.err


def test_what_the_exporter_does_not_know_is_refused_in_its_words(folder, tmp_path):
    shapes = ("--input", "left:1,4", "--input", "right:1,4")
    ran = convert(folder / "dict.pt", "--trust", *shapes, "--to", "onnx", "-o", tmp_path / "net.onnx")
    assert ran.status == 3
    assert "prim::DictConstruct" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_module_in_code_takes_the_weights_of_a_file(folder, tmp_path):
    ran = convert(
        "mynets.small:Net", "--weights", folder / "net.pth", "--import-path", folder, "--trust", "--input", "1,3,11,14",
        "--to", "onnx", "-o", tmp_path / "net.onnx",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    agree(tmp_path / "net.onnx", folder, "net.pth")
    props = {entry.key for entry in onnx.load(tmp_path / "net.onnx").metadata_props}
    assert "zoo.source.sha256.weights" in props


def test_a_function_that_returns_a_module_is_called(folder, tmp_path):
    ran = convert(
        "mynets.small:drawn", "--import-path", folder, "--trust", "--input", "1,3,11,14", "--to", "torch",
        "-o", tmp_path / "net",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    assert "self.bn1 = nn.BatchNorm2d(8)" in (tmp_path / "net" / "model.py").read_text()


@pytest.mark.parametrize(
    ("name", "weights", "said"),
    [
        ("Pair", "net.pth", "size mismatch for fc.weight"),
        ("Net", "old.pth", "it lacks fc.bias of its own, and has no place for fc.bias.old"),
    ],
)
def test_weights_that_do_not_fit_the_module_are_named(folder, tmp_path, name, weights, said):
    ran = convert(
        f"mynets.small:{name}", "--weights", folder / weights, "--import-path", folder, "--trust", "--input", "1,4",
        "--to", "onnx", "-o", tmp_path / "net.onnx",
    )  # fmt: skip
    assert ran.status == 3
    assert "the weights do not fit the module" in ran.err
    assert said in ran.err
    assert not (tmp_path / "net.onnx").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mynets.small:Nothing", "--input", "1,4"), "has no attribute 'Nothing'"),
        (("mynets.absent:Net", "--input", "1,4"), "No module named 'mynets.absent'"),
        (("mynets.small:Net", "--input", "1,4,11,14"), "expected input"),
        (("mynets.small:Pair", "--input", "left:1,4"), "the inputs of its forward() are left, right"),
        (("mynets.small:nn.functional.relu", "--input", "1,4"), "relu() fails"),
    ],
)
def test_code_that_does_not_run_is_refused_in_its_own_words(folder, tmp_path, arguments, said):
    ran = convert(*arguments, "--import-path", folder, "--trust", "--to", "onnx", "-o", tmp_path / "net.onnx")
    assert ran.status == 3
    assert said in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_graph_file_runs_on_the_torch_backend_when_it_is_trusted(folder, tmp_path):
    for name in ("free.pt2", "script.pt", "pair.pt2"):
        fed = dict(np.load(folder / f"{name}.in.npz"))
        wanted = dict(np.load(folder / f"{name}.out.npz"))
        card = framework("torch")
        reply = host.run(card, "torch", {"weights": folder / name}, fed, options={"trust": True}, timeout=120)
        assert isinstance(reply, host.Reply), str(reply)
        for key, array in wanted.items():
            np.testing.assert_allclose(reply.outputs[key.removeprefix("output_")], array, rtol=0, atol=CLOSE)
        refused = host.run(card, "torch", {"weights": folder / name}, fed, timeout=120)
        assert isinstance(refused, host.Failed)
        assert "--trust" in refused.detail
