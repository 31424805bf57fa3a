import hashlib
import os

import pytest

from zoo.diagnostics import IntegrityFault
from zoo.supply import store as module
from zoo.supply.store import Record, Store, default_root

BODY = b"weights"
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def filled(store):
    commit(store, BODY)
    return store


def commit(store, body):
    store.staging.mkdir(parents=True, exist_ok=True)
    temporary = store.staging / "x.part"
    temporary.write_bytes(body)
    return store.commit(temporary, hashlib.sha256(body).hexdigest())


def alter(path, body):
    path.chmod(0o644)
    path.write_bytes(body)


def test_an_object_lies_under_its_digest_with_the_layout_in_the_path(filled):
    assert filled.path(SHA) == filled.root / "v1" / "objects" / "sha256" / SHA[:2] / SHA[2:]
    assert filled.path(SHA).read_bytes() == BODY
    assert not list(filled.staging.iterdir())


def test_an_object_cannot_be_written_by_accident(filled):
    assert filled.path(SHA).stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("body", [b"WEIGHTS", b"weights and more", b""])
def test_an_altered_object_is_not_handed_out(filled, body):
    alter(filled.path(SHA), body)
    assert not filled.has(SHA)
    with pytest.raises(IntegrityFault) as caught:
        filled.path(SHA)
    assert caught.value.code == "object-damaged"


def test_an_unchanged_file_is_not_read_again_unless_the_look_is_thorough(filled):
    path = filled.object_path(SHA)
    stat = path.stat()
    alter(path, b"WEIGHTS")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert filled.state(SHA) == "whole"
    assert filled.state(SHA, thorough=True) == "damaged"
    assert filled.state(SHA) == "damaged"


def test_committing_again_repairs_a_damaged_object(filled):
    alter(filled.path(SHA), b"WEIGHTS")
    commit(filled, BODY)
    assert filled.path(SHA).read_bytes() == BODY


def test_an_absent_object_is_told(store):
    with pytest.raises(IntegrityFault) as caught:
        store.path(SHA)
    assert caught.value.code == "object-absent"


@pytest.mark.parametrize("name", ["../x", "x" * 64, SHA.upper(), ""])
def test_only_a_sha256_names_an_object(store, name):
    with pytest.raises(ValueError, match="no sha256"):
        store.object_path(name)


def test_a_model_shows_the_object_under_its_own_name(filled):
    record = Record(SHA, len(BODY), "weights", "here", "sha256:1")
    shown = filled.expose("net@caffe", "net.caffemodel", record)
    assert shown == filled.base / "models" / "net@caffe" / "net.caffemodel"
    assert shown.samefile(filled.path(SHA))
    assert filled.record("net@caffe", "net.caffemodel") == record
    assert not list(filled.base.glob("**/.*")), "no temporary is left"


def test_where_links_are_impossible_the_bytes_are_copied(filled, monkeypatch):
    monkeypatch.setattr(module.os, "link", lambda *_paths: (_ for _ in ()).throw(OSError("no links here")))
    shown = filled.expose("net@caffe", "net.caffemodel", Record(SHA, len(BODY), "weights", "here"))
    assert shown.read_bytes() == BODY
    assert not shown.samefile(filled.path(SHA))
    alter(shown, b"WEIGHTS")
    assert filled.expose("net@caffe", "net.caffemodel", Record(SHA, len(BODY), "weights", "here")).read_bytes() == BODY


@pytest.mark.parametrize(("model", "name"), [("..", "x"), ("net@caffe", "../x"), ("a/b", "x"), ("a", "b\\c")])
def test_a_model_never_leaves_the_store(filled, model, name):
    with pytest.raises(ValueError, match="not plain names"):
        filled.expose(model, name, Record(SHA, len(BODY), "weights", "here"))


def test_a_damaged_index_is_as_good_as_none(filled):
    filled.expose("net@caffe", "a.bin", Record(SHA, 7, "weights", "here"))
    (filled.base / "index" / "net@caffe" / "a.bin.json").write_text('{"sha256": "no"}')
    assert filled.record("net@caffe", "a.bin") is None
    assert filled.models() == {}


def test_another_layout_beside_this_one_is_never_read(store):
    place = store.root / "v0" / "objects" / "sha256" / SHA[:2]
    place.mkdir(parents=True)
    (place / SHA[2:]).write_bytes(BODY)
    assert not store.has(SHA)


def test_the_store_lies_where_zoo_home_says(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "there"))
    assert default_root() == tmp_path / "there"
    monkeypatch.delenv("ZOO_HOME")
    assert default_root().name == "zoo"


def test_a_store_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "store").write_text("a file where the folder should be")
    temporary = tmp_path / "x"
    temporary.write_bytes(BODY)
    with pytest.raises(IntegrityFault) as caught:
        Store(tmp_path / "store").commit(temporary, SHA)
    assert caught.value.code == "store-unwritable"
