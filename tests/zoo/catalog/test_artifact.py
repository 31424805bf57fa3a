import hashlib
import os

import pytest
from entries import entry_row, file_row, write_registry

from zoo.catalog.artifact import from_paths, resolve
from zoo.catalog.registry import load
from zoo.diagnostics import Diagnostic, UsageFault
from zoo.supply.store import Store


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in (
        "net.prototxt",
        "net.caffemodel",
        "other.caffemodel",
        "m.onnx",
        "n-symbol.json",
        "n-0003.params",
        "x.txt",
    ):
        (tmp_path / name).write_bytes(name.encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_graph_and_weights_are_paired_in_any_order(folder):
    artifact = from_paths([folder / "net.caffemodel", folder / "net.prototxt"])
    assert artifact.format == "caffe"
    assert artifact.files == {"graph": folder / "net.prototxt", "weights": folder / "net.caffemodel"}
    assert artifact.entry is None


def test_digests_are_those_of_the_files(folder):
    digests = from_paths([folder / "m.onnx"]).digests
    assert dict(digests) == {"model": hashlib.sha256(b"m.onnx").hexdigest()}


def test_an_mxnet_prefix_means_both_files(folder):
    artifact = from_paths([folder / "n"])
    assert artifact.format == "mxnet"
    assert artifact.files == {"graph": folder / "n-symbol.json", "weights": folder / "n-0003.params"}


def test_an_mxnet_prefix_with_several_epochs_is_refused(folder):
    (folder / "n-0004.params").touch()
    with pytest.raises(Diagnostic, match=r"n-0003.params, n-0004.params"):
        from_paths([folder / "n"])


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["net.caffemodel", "other.caffemodel"], "both the weights"),
        (["net.prototxt", "m.onnx"], "net.prototxt .caffe. and m.onnx .onnx. are not one network"),
        (["x.txt"], "x.txt"),
        (["absent.onnx", "."], "2 path.s. are not files"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(folder, names, told):
    with pytest.raises(Diagnostic, match=told):
        from_paths([folder / name for name in names])


def test_a_source_is_a_path_or_paths_joined_by_commas_or_several_paths(folder, console):
    for source in ("net.prototxt,net.caffemodel", ["net.prototxt", "net.caffemodel"]):
        (artifact,) = resolve(source, console=console)
        assert set(artifact.files) == {"graph", "weights"}
    (artifact,) = resolve("n", console=console)
    assert artifact.format == "mxnet"


def test_a_source_is_a_name_of_the_registry(folder, console):
    rows = [
        entry_row(file_row(b"m.onnx", {"path": str(folder / "m.onnx")}, name="m.onnx"), id="net@onnx"),
        entry_row(file_row(b"m.onnx", {"path": str(folder / "m.onnx")}, name="m.t7"), id="net@torch7"),
    ]
    registry = load(write_registry(folder / "registry.yaml", *rows))
    store = Store(folder / "store")
    artifacts = resolve("net", console=console, store=store, registry=registry)
    assert [(artifact.label, artifact.format) for artifact in artifacts] == [
        ("net@onnx", "onnx"),
        ("net@torch7", "torch7"),
    ]
    assert artifacts[0].digests["model"] == hashlib.sha256(b"m.onnx").hexdigest()
    assert artifacts[0].entry is registry.entries["net@onnx"]
    os.makedirs("net")
    assert resolve("net", console=console, store=store, registry=registry) == artifacts, "a folder is no artifact"


def test_a_source_that_is_nothing_is_told(folder, console):
    with pytest.raises(UsageFault) as caught:
        resolve("nothing", console=console)
    assert caught.value.code == "unknown-model"
    with pytest.raises(Diagnostic, match="not files"):
        resolve("nothing.onnx", console=console)
