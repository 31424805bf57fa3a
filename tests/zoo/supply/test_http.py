import hashlib

import pytest
from entries import file_row, one_entry
from loopback import (
    Loopback,
    always_cut,
    bare_206,
    cut,
    endless,
    hang,
    ignores_range,
    lying_range,
    redirect,
    status,
    whole,
)

from zoo.diagnostics import IntegrityFault, TransferFault
from zoo.supply.download import apply, plan
from zoo.supply.store import Store
from zoo.supply.transit import Network

MB = 1 << 20
BODY = hashlib.shake_256(b"weights").digest(3 * MB + 17)
QUICK = Network(connect=2, silence=0.3, tries=3, pause=0.0)


@pytest.fixture
def server():
    with Loopback() as running:
        yield running


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def pull(store, console):
    def bring(*urls, body=BODY, **changes):
        entry = one_entry(file_row(body, *({"url": url} for url in urls), **changes))
        (brought,) = apply(plan(entry, store), store, console=console, network=QUICK)
        return brought

    return bring


def failure(pull, *urls, **changes) -> str:
    with pytest.raises(TransferFault) as caught:
        pull(*urls, **changes)
    assert caught.value.code == "no-mirror"
    return "\n".join(caught.value.details)


def test_a_file_arrives_whole_and_under_its_own_name(server, pull, store):
    brought = pull(server.on("/net", whole(BODY)))
    assert brought.path.read_bytes() == BODY
    assert brought.path == store.base / "models" / "made-up@onnx" / "net.onnx"
    assert brought.fetched
    assert not list(store.staging.glob("*.part"))


def test_a_broken_transfer_continues_where_it_stopped(server, pull):
    url = server.on("/net", cut(BODY, 2 * MB))
    assert pull(url).path.read_bytes() == BODY
    first, second = server.asked("/net")
    assert "Range" not in first
    assert (second["Range"], second["If-Range"]) == (f"bytes={2 * MB}-", '"v1"')


def test_a_file_without_a_tag_is_never_continued(server, pull):
    pull(server.on("/net", cut(BODY, 2 * MB, etag="")))
    assert all("Range" not in asked for asked in server.asked("/net"))


def test_a_weak_tag_is_no_ground_to_continue(server, pull):
    pull(server.on("/net", cut(BODY, 2 * MB, etag='W/"v1"')))
    assert all("Range" not in asked for asked in server.asked("/net"))


def test_a_file_that_changed_between_two_tries_starts_over(server, pull):
    old = bytes(len(BODY))
    assert pull(server.on("/net", cut(old, 2 * MB, then=whole(BODY, etag='"v2"')))).path.read_bytes() == BODY


def test_a_server_that_ignores_the_range_starts_over(server, pull):
    assert pull(server.on("/net", cut(BODY, 2 * MB, then=ignores_range(BODY)))).path.read_bytes() == BODY


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_range_other_than_the_one_asked_for_is_not_appended(server, pull, shift):
    assert pull(server.on("/net", cut(BODY, 2 * MB, then=lying_range(BODY, shift)))).path.read_bytes() == BODY
    assert "Range" not in server.asked("/net")[-1]


def test_a_206_without_a_content_range_starts_over(server, pull):
    assert pull(server.on("/net", cut(BODY, 2 * MB, then=bare_206(BODY)))).path.read_bytes() == BODY


def test_416_starts_over(server, pull):
    assert pull(server.on("/net", cut(BODY, 2 * MB, then=status(416, then=whole(BODY), times=2)))).fetched
    assert "Range" not in server.asked("/net")[-1]


def test_a_busy_server_is_asked_again(server, pull):
    assert pull(server.on("/net", status(503, then=whole(BODY), times=2))).path.read_bytes() == BODY


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_refusal_is_not_asked_again(server, pull, code):
    assert str(code) in failure(pull, server.on("/net", status(code)))
    assert len(server.asked("/net")) == 1


def test_the_next_mirror_is_tried_and_every_failure_is_told(server, pull):
    gone, broken = server.on("/gone", status(404)), server.on("/broken", status(500))
    brought = pull(gone, broken, server.on("/good", whole(BODY)))
    assert brought.record.source == server.url("/good")
    details = failure(pull, gone, broken, body=b"another")
    assert f"{gone}: the server answers 404" in details
    assert f"{broken}: the server answers 500" in details
    assert "(3 tries)" in details


def test_a_refusal_of_an_object_store_is_told_in_its_words(server, pull):
    told = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Requester Pays is on</Message></Error>"
    headers = {"Content-Type": "application/xml", "Content-Length": str(len(told))}
    url = server.on("/net", lambda handler, _count: handler.send(403, headers, told))
    assert "403 Forbidden (AccessDenied: Requester Pays is on)" in failure(pull, url)


def test_tries_are_bounded(server, pull):
    assert "(3 tries)" in failure(pull, server.on("/net", always_cut(BODY, MB)))
    assert len(server.asked("/net")) == 3


def test_more_bytes_than_declared_stop_the_transfer(server, pull, store):
    assert f"more than the {len(BODY):,} bytes" in failure(pull, server.on("/net", endless(b"x" * MB)))
    assert len(server.asked("/net")) == 1
    assert not list(store.staging.glob("*.part"))


def test_an_html_page_is_called_by_its_name(server, pull):
    page = b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>"
    assert "it looks like an HTML or XML page" in failure(pull, server.on("/net", whole(page, kind="text/html")))
    assert len(server.asked("/net")) == 1


def test_an_html_page_longer_than_the_file_is_called_by_its_name(server, pull):
    page = b"\n <HTML>" + b"x" * 1000
    assert "it looks like an HTML or XML page" in failure(pull, server.on("/net", whole(page)), body=b"short")


def test_a_git_lfs_pointer_is_called_by_its_name(server, pull):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 123\n"
    assert "it looks like a Git LFS pointer" in failure(pull, server.on("/net", whole(pointer)), size=None)


def test_other_bytes_of_the_right_size_are_refused_with_both_digests(server, pull, store):
    told = failure(pull, server.on("/net", whole(bytes(len(BODY)))))
    assert hashlib.sha256(BODY).hexdigest() in told
    assert hashlib.sha256(bytes(len(BODY))).hexdigest() in told
    assert not list(store.objects())


def test_redirects_to_http_are_followed(server, pull):
    assert pull(server.on("/net", redirect(server.on("/there", whole(BODY))))).path.read_bytes() == BODY


def test_a_redirect_to_a_file_is_refused(server, pull, tmp_path):
    (tmp_path / "secret").write_bytes(BODY)
    assert "neither http nor https" in failure(pull, server.on("/net", redirect((tmp_path / "secret").as_uri())))


def test_a_circle_of_redirects_is_refused(server, pull):
    assert "redirects" in failure(pull, server.on("/net", redirect("/net")))


def test_silence_is_a_failure(server, pull):
    assert "no byte came in time" in failure(pull, server.on("/net", hang(BODY, MB)))


def test_silence_before_the_first_header_is_a_failure(server, pull):
    wait = server.on("/net", lambda handler, _count: handler.server.loopback.closing.wait())
    assert "no byte came in time" in failure(pull, wait)


def test_a_closed_port_is_a_failure_that_names_the_reason(pull):
    told = failure(pull, "http://127.0.0.1:9/net")
    assert "refused" in told
    assert "object at 0x" not in told


def test_every_published_checksum_is_verified(server, pull):
    right = {"alg": "sha256", "value": hashlib.sha256(BODY).hexdigest(), "origin": "a"}
    wrong = {"alg": "md5", "value": "0" * 32, "origin": "somebody else"}
    told = failure(pull, server.on("/net", whole(BODY)), checksums=[right, wrong])
    assert "md5 is" in told
    assert "(somebody else)" in told
    assert "sha256" not in told


@pytest.mark.parametrize(
    ("alg", "value"),
    [
        ("sha384", hashlib.sha384(BODY).hexdigest()),
        ("sha1", hashlib.sha1(BODY).hexdigest()),
        ("md5", hashlib.md5(BODY).hexdigest()),
        ("git-blob-sha1", hashlib.sha1(b"blob %d\0" % len(BODY) + BODY).hexdigest()),
        ("sha256-prefix", hashlib.sha256(BODY).hexdigest()[:8]),
    ],
)
def test_a_file_with_only_one_other_checksum_is_kept_the_next_time(server, pull, alg, value):
    url = server.on("/net", whole(BODY))
    checksums = [{"alg": alg, "value": value, "origin": "a"}]
    assert pull(url, checksums=checksums).fetched
    assert not pull(url, checksums=checksums).fetched
    changed = [{"alg": alg, "value": "0" * len(value), "origin": "a"}]
    assert f"{alg} is" in failure(pull, url, checksums=changed)


def test_the_disk_is_asked_before_the_server(server, pull):
    with pytest.raises(IntegrityFault) as caught:
        pull(server.on("/net", whole(BODY)), size=1 << 60)
    assert caught.value.code == "disk-full"
    assert f"{1 << 60:,}" in caught.value.message
    assert not server.requests
