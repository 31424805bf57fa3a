import hashlib
import zipfile

import pytest
from cli import run
from entries import entry_row, file_row, write_registry

BODY = b"the weights of a very small network"


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A registry whose only mirror vanishes once the bundle is made."""
    origin = tmp_path / "origin.onnx"
    origin.write_bytes(BODY)
    row = entry_row(file_row(BODY, {"path": str(origin)}))
    monkeypatch.setenv("ZOO_REGISTRY", str(write_registry(tmp_path / "registry.yaml", row)))
    target = tmp_path / "net.zoo"
    ran = run("bundle", "made-up", "-o", str(target), "--json")
    assert ran.status == 0, ran.err
    assert ran.json["files"][0]["sha256"] == hashlib.sha256(BODY).hexdigest()
    origin.unlink()
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "another-machine"))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    return target


def test_a_bundle_brings_a_model_to_a_machine_without_a_network(made):
    assert run("pull", "made-up").status == 4
    ran = run("import", str(made))
    assert ran.status == 0, ran.err
    assert "made-up@onnx: net.onnx, 35 bytes" in ran.out
    assert run("pull", "made-up", "--json").json["files"][0]["state"] == "kept"
    assert run("cache", "verify").status == 0


def test_the_same_models_give_the_same_bundle(made, tmp_path):
    run("import", str(made))
    assert run("bundle", "made-up", "-o", str(tmp_path / "again.zoo")).status == 0
    assert (tmp_path / "again.zoo").read_bytes() == made.read_bytes()


def test_altered_bytes_are_refused_and_nothing_is_stored(made, tmp_path):
    whole = made.read_bytes()
    made.write_bytes(whole.replace(BODY, BODY.replace(b"very", b"VERY")))
    ran = run("import", str(made))
    assert ran.status == 4
    assert "error[bundle-damaged]" in ran.err
    assert not list((tmp_path / "another-machine/v1").glob("objects/**/??/*"))


def test_a_bundle_with_other_bytes_of_its_own_digest_meets_the_published_checksum(made):
    other = b"OTHER weights of a very small netw."
    assert len(other) == len(BODY)
    with zipfile.ZipFile(made) as old:
        manifest = old.read("zoo-bundle.json").decode()
    old_sha, new_sha = hashlib.sha256(BODY).hexdigest(), hashlib.sha256(other).hexdigest()
    with zipfile.ZipFile(made, "w") as new:
        new.writestr("zoo-bundle.json", manifest.replace(old_sha, new_sha))
        new.writestr(f"files/{new_sha}", other)
    ran = run("import", str(made))
    assert ran.status == 4
    assert f"expected {old_sha}" in ran.err


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_no_bundle_is_refused(tmp_path, content):
    (tmp_path / "x.zoo").write_bytes(content)
    ran = run("import", str(tmp_path / "x.zoo"))
    assert ran.status == 3
    assert "error[bundle]" in ran.err


@pytest.mark.parametrize(
    "text", ["{}", '{"version": 1, "files": []}', '{"version": 1, "files": [{"id": "../x"}]}', "["]
)
def test_a_manifest_that_says_something_else_is_refused(tmp_path, text):
    with zipfile.ZipFile(tmp_path / "x.zoo", "w") as whole:
        whole.writestr("zoo-bundle.json", text)
    assert run("import", str(tmp_path / "x.zoo")).status == 3


def test_a_model_that_no_registry_knows_is_refused(made, monkeypatch):
    monkeypatch.delenv("ZOO_REGISTRY")
    ran = run("import", str(made))
    assert ran.status == 3
    assert "made-up@onnx net.onnx" in ran.err


def test_a_bundle_that_cannot_be_written_is_told(made, tmp_path):
    run("import", str(made))
    ran = run("bundle", "made-up", "-o", str(tmp_path / "absent" / "net.zoo"))
    assert ran.status == 2
    assert "error[unwritable]" in ran.err
