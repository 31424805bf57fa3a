import hashlib
import socket

import pytest
from entries import file_row, one_entry
from loopback import Loopback, whole

from zoo.diagnostics import IntegrityFault, TransferFault
from zoo.supply.download import Fetch, Keep, apply, plan
from zoo.supply.store import Store

BODY = b"the weights of a very small network"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def origin(tmp_path):
    path = tmp_path / "origin" / "net.onnx"
    path.parent.mkdir()
    path.write_bytes(BODY)
    return path


def test_planning_changes_nothing_and_says_what_is_missing(store, origin):
    (step,) = plan(one_entry(file_row(BODY, {"path": str(origin)})), store)
    assert isinstance(step, Fetch)
    assert step.why == "absent"
    assert not store.root.exists()


def test_a_file_in_the_store_is_kept(store, origin, console):
    entry = one_entry(file_row(BODY, {"path": str(origin)}))
    apply(plan(entry, store), store, console=console)
    origin.unlink()
    (step,) = plan(entry, store)
    assert isinstance(step, Keep)
    (brought,) = apply([step], store, console=console)
    assert not brought.fetched
    assert brought.path.read_bytes() == BODY
    assert brought.record.source == str(origin)


def test_mirrors_that_are_known_to_be_dead_come_last(store, origin):
    dead = {"url": "http://127.0.0.1:9/a", "status": "dead", "note": "gone since 2020"}
    (step,) = plan(one_entry(file_row(BODY, dead, {"path": str(origin)})), store)
    assert [str(mirror) for mirror in step.mirrors] == [str(origin), dead["url"]]


def test_an_altered_object_is_fetched_again(store, origin, console):
    entry = one_entry(file_row(BODY, {"path": str(origin)}))
    (brought,) = apply(plan(entry, store), store, console=console)
    brought.path.chmod(0o644)
    brought.path.write_bytes(BODY.replace(b"very", b"VERY"))
    (step,) = plan(entry, store)
    assert (type(step), step.why) == (Fetch, "damaged")
    (again,) = apply([step], store, console=console)
    assert again.path.read_bytes() == BODY
    assert store.path(again.record.sha256).read_bytes() == BODY


def test_an_absent_file_offline_is_told_without_a_socket(store, console, monkeypatch):
    def forbidden(*_arguments, **_options):
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket, "socket", forbidden)
    entry = one_entry(file_row(BODY, {"url": "http://127.0.0.1:9/a"}))
    with pytest.raises(TransferFault) as caught:
        apply(plan(entry, store), store, console=console, offline=True)
    assert caught.value.code == "offline"
    assert "made-up@onnx net.onnx (absent)" in caught.value.details


def test_offline_still_takes_files_of_this_machine(store, origin, console):
    entry = one_entry(file_row(BODY, {"url": "http://127.0.0.1:9/a"}, {"path": str(origin)}))
    (brought,) = apply(plan(entry, store), store, console=console, offline=True)
    assert brought.record.source == str(origin)


def test_a_file_without_checksum_needs_trust(store, origin, console):
    entry = one_entry(file_row(BODY, {"path": str(origin)}, checksums=None, unverified="never published"))
    with pytest.raises(IntegrityFault) as caught:
        apply(plan(entry, store), store, console=console)
    assert caught.value.code == "no-checksum"
    assert "never published" in caught.value.details[0]
    assert "--trust-first-use" in caught.value.hint
    assert not store.root.exists()


def test_what_was_trusted_at_first_use_is_demanded_ever_after(store, origin, console):
    entry = one_entry(file_row(BODY, {"path": str(origin)}, checksums=None, size=None, unverified="never published"))
    (first,) = apply(plan(entry, store), store, console=console, trust_first_use=True)
    (kept,) = apply(plan(entry, store), store, console=console)
    assert not kept.fetched
    store.forget(entry.id)
    store.remove(first.record.sha256)
    origin.write_bytes(b"something else")
    with pytest.raises(TransferFault) as caught:
        apply(plan(entry, store), store, console=console)
    assert f"at first use it was {hashlib.sha256(BODY).hexdigest()}" in caught.value.details[0]


def test_one_object_serves_two_models(store, console):
    with Loopback() as server:
        url = server.on("/net", whole(BODY))
        first = one_entry(file_row(BODY, {"url": url}))
        second = one_entry(file_row(BODY, {"url": url}, name="other.onnx"), id="other@onnx")
        one, two = apply([*plan(first, store), *plan(second, store)], store, console=console)
        assert len(server.asked("/net")) == 1
    assert (one.fetched, two.fetched) == (True, False)
    assert one.path.samefile(two.path)
    assert two.path.name == "other.onnx"


def test_a_folder_or_absent_file_is_no_mirror(store, tmp_path, console):
    entry = one_entry(file_row(BODY, {"path": str(tmp_path)}, {"path": str(tmp_path / "absent")}))
    with pytest.raises(TransferFault) as caught:
        apply(plan(entry, store), store, console=console)
    assert caught.value.details == (f"{tmp_path}: no such file", f"{tmp_path / 'absent'}: no such file")


def test_the_note_of_a_mirror_explains_its_failure(store, console):
    mirror = {"url": "http://127.0.0.1:9/a", "note": "outage 2024-09"}
    from zoo.supply.transit import Network

    entry = one_entry(file_row(BODY, mirror))
    with pytest.raises(TransferFault) as caught:
        apply(plan(entry, store), store, console=console, network=Network(tries=1))
    assert caught.value.details[0].endswith("[outage 2024-09]")
