import hashlib
from pathlib import Path

import pytest
from entries import entry_row, file_row, write_registry

from zoo.catalog.artifact import from_paths, resolve
from zoo.catalog.registry import load
from zoo.diagnostics import Diagnostic, UsageFault
from zoo.supply.store import Store

GRAPH, WEIGHTS, MODEL = (
    b'name: "net"\nlayer { name: "a" }\n',
    b"\x0a\x03net\xa2\x06\x05\x0a\x03abc",
    b"\x08\x07\x12\x04made",
)
CONTENTS = {
    "net.prototxt": GRAPH,
    "net.caffemodel": WEIGHTS,
    "other.caffemodel": WEIGHTS,
    "m.onnx": MODEL,
    "n-symbol.json": b'{"nodes": []}',
    "n-0003.params": b"\x12\x01\0\0\0\0\0\0",
    "x.txt": b"text",
    "page.caffemodel": b"<!DOCTYPE html><html>",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_graph_and_weights_are_paired_in_any_order(folder):
    artifact = from_paths([folder / "net.caffemodel", folder / "net.prototxt"])
    assert artifact.format == "caffe"
    assert artifact.files == {"graph": folder / "net.prototxt", "weights": folder / "net.caffemodel"}
    assert artifact.entry is None


def test_digests_are_those_of_the_files(folder):
    digests = from_paths([folder / "m.onnx"]).digests
    assert dict(digests) == {"model": hashlib.sha256(MODEL).hexdigest()}


def test_an_mxnet_prefix_means_both_files(folder):
    artifact = from_paths([folder / "n"])
    assert artifact.format == "mxnet"
    assert artifact.files == {"graph": folder / "n-symbol.json", "weights": folder / "n-0003.params"}


def test_an_mxnet_prefix_means_the_last_of_several_epochs(folder):
    for epoch in ("0004", "0012", "10000"):
        (folder / f"n-{epoch}.params").write_bytes((folder / "n-0003.params").read_bytes())
    assert from_paths([folder / "n"]).files["weights"].name == "n-10000.params"


@pytest.mark.parametrize(
    ("names", "code", "told"),
    [
        (["net.caffemodel", "other.caffemodel"], "same-role", "other.caffemodel: Caffe"),
        (["net.prototxt", "m.onnx"], "mixed-formats", "caffe and onnx files"),
        (["net.prototxt", "x.txt"], "not-a-model", "x.txt: a file of no known format"),
        (["net.prototxt", "page.caffemodel"], "not-a-model", "page.caffemodel: an HTML"),
        (["absent.onnx", "."], "no-file", "absent.onnx: no such file"),
        (["m.onnx", "."], "no-file", ".: a folder"),
        ([], "not-a-model", ""),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_does_not_fit_is_refused_by_name(names, code, told):
    with pytest.raises(Diagnostic) as caught:
        from_paths([Path(name) for name in names])
    assert caught.value.code == code
    assert told in str(caught.value)


@pytest.mark.usefixtures("folder")
def test_a_source_is_a_path_or_paths_joined_by_commas_or_several_paths(console):
    for source in ("net.prototxt,net.caffemodel", ["net.prototxt", "net.caffemodel"]):
        (artifact,) = resolve(source, console=console)
        assert set(artifact.files) == {"graph", "weights"}
    (artifact,) = resolve("n", console=console)
    assert artifact.format == "mxnet"


def test_a_source_is_a_name_of_the_registry(folder, console):
    (folder / "m.t7").write_bytes(MODEL)
    rows = [
        entry_row(file_row(MODEL, {"path": str(folder / name)}, name=name), id=f"net@{source}", provenance=same)
        for name, source, same in (
            ("m.onnx", "onnx", {"same_weights_as": ["net@torch7"]}),
            ("m.t7", "torch7", {"same_weights_as": ["net@onnx"]}),
        )
    ]
    registry = load(write_registry(folder / "registry.yaml", *rows))
    store = Store(folder / "store")
    (default,) = resolve("net", console=console, store=store, registry=registry)
    assert default.label == "net@onnx"
    artifacts = resolve("net", console=console, store=store, registry=registry, every=True)
    assert [(artifact.label, artifact.format) for artifact in artifacts] == [
        ("net@onnx", "onnx"),
        ("net@torch7", "torch7"),
    ]
    assert artifacts[0].digests["model"] == hashlib.sha256(MODEL).hexdigest()
    assert artifacts[0].entry is registry.entries["net@onnx"]
    Path("net").mkdir()
    assert resolve("net", console=console, store=store, registry=registry, every=True) == artifacts, (
        "a folder is no artifact"
    )


@pytest.mark.usefixtures("folder")
def test_a_source_that_is_nothing_is_told(console):
    with pytest.raises(UsageFault) as caught:
        resolve("nothing", console=console)
    assert caught.value.code == "unknown-model"
    with pytest.raises(Diagnostic, match="not files"):
        resolve("nothing.onnx", console=console)


@pytest.mark.parametrize(
    ("names", "name", "roles"),
    [
        (["samplenet/SampLeNet.prototxt", "samplenet/SampLeNet.caffemodel"], "caffe", {"graph", "weights"}),
        (["samplenet/samplenet"], "mxnet", {"graph", "weights"}),
        (["samplenet/samplenet.onnx"], "onnx", {"model"}),
        (["rfb320/version-RFB-320.pth"], "torch", {"weights"}),
    ],
)
def test_published_files_are_known_for_what_they_are(shared, names, name, roles):
    artifact = from_paths([shared / "models" / path for path in names])
    assert (artifact.format, set(artifact.files)) == (name, roles)
