import hashlib
import json
from pathlib import Path

import pytest
from cli import run
from loopback import Loopback, status, whole

from zoo.catalog.registry import load

MODEL = b"\x08\x07\x12\x04made"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "My Net.onnx".replace(" ", "_")
    path.write_bytes(MODEL)
    return path


def test_a_file_becomes_an_entry_that_pull_brings(model):
    ran = run("registry", "add", str(model), "--json")
    assert ran.status == 0, ran.err
    assert ran.json["entry"]["id"] == "my-net@onnx"
    assert ran.json["entry"]["files"][0]["checksums"][0]["value"] == hashlib.sha256(MODEL).hexdigest()
    assert run("pull", "my-net").status == 0
    assert "my-net@onnx" in run("ls", "--family", "my-net").out


def test_an_address_is_fetched_once_and_never_again(tmp_path):
    with Loopback() as server:
        url = server.on("/a/net.onnx", whole(MODEL))
        ran = run("registry", "add", url, "--id", "net@mine", "--spdx", "MIT", "--licence", "MIT, they say")
        assert ran.status == 0, ran.err
        assert run("pull", "net@mine", "--json").json["files"][0]["state"] == "kept"
        assert len(server.requests) == 1
    entry = load().entries["net@mine"]
    assert (entry.format, entry.licence.spdx, entry.licence.published) == ("onnx", "MIT", "MIT, they say")


def test_an_object_of_s3_becomes_an_entry_too(monkeypatch):
    from object_store import ObjectStore

    with ObjectStore({"zoo/net.onnx": MODEL}) as objects:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
            monkeypatch.setenv(name, "us-east-1")
        monkeypatch.setenv("AWS_ENDPOINT_URL", objects.url)
        assert run("registry", "add", "s3://zoo/net.onnx").status == 0
        assert str(load().entries["net@onnx"].files[0].mirrors[0]) == "s3://zoo/net.onnx"
        assert run("pull", "net@onnx", "--json").json["files"][0]["state"] == "kept"


def test_a_second_entry_stands_after_the_first_and_comments_stay(model, tmp_path):
    target = tmp_path / "own.yaml"
    assert run("registry", "add", str(model), "--to", str(target)).status == 0
    target.write_text("# mine\n" + target.read_text(encoding="utf-8"), encoding="utf-8")
    assert run("registry", "add", str(model), "--to", str(target), "--id", "second@onnx").status == 0
    assert target.read_text(encoding="utf-8").startswith("# mine\n")
    assert list(load(target).entries) == ["my-net@onnx", "second@onnx"]


def test_what_would_spoil_the_registry_is_not_written(model, tmp_path):
    target = tmp_path / "own.yaml"
    run("registry", "add", str(model), "--to", str(target))
    before = target.read_bytes()
    again = run("registry", "add", str(model), "--to", str(target))
    assert again.status == 3
    assert "stands twice" in again.err
    assert run("registry", "add", str(model), "--to", str(target), "--id", "Bad Id").status == 3
    assert target.read_bytes() == before


def test_files_that_are_no_model_are_called_by_name(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"<!DOCTYPE html><html>")
    ran = run("registry", "add", str(tmp_path / "a.onnx"))
    assert ran.status == 3
    assert "an HTML" in ran.err


def test_an_address_that_does_not_answer_is_status_4():
    with Loopback() as server:
        assert run("registry", "add", server.on("/x.onnx", status(404))).status == 4


def test_list_tells_every_registry_that_counts(model):
    assert len(run("registry", "list", "--json").json["paths"]) == 1
    run("registry", "add", str(model))
    assert len(run("registry", "list").out.splitlines()) == 2


def test_the_published_schema_is_the_one_that_is_used():
    text = (ROOT / "docs" / "registry.schema.json").read_text(encoding="utf-8")
    published = json.loads(text)
    assert run("registry", "schema").out == text, "zoo registry schema > docs/registry.schema.json"
    assert run("registry", "schema", "--json").json["json_schema"] == published
    assert "format" not in published["$defs"]["Entry"]["required"]
    assert published["$defs"]["Entry"]["additionalProperties"] is False
