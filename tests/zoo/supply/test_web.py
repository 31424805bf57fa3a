"""Hosts that are busy, slow, walled or elsewhere."""

import hashlib
import io
import time
from dataclasses import replace
from email.utils import formatdate
from functools import partial
from urllib.parse import urlsplit

import pytest
from archives import tar_gz, zipped
from entries import entry_row, file_row, one_entry, registry_text
from loopback import Loopback, hang, ranged, redirect, signed_in, slow, status, trickle, whole

from zoo.catalog.parsing import parse
from zoo.console import Console
from zoo.diagnostics import Diagnostic, TransferFault
from zoo.supply.download import apply, plan
from zoo.supply.store import Store
from zoo.supply.transit import Network, Transit
from zoo.supply.web import Interrupted, persist

MB = 1 << 20
BODY = hashlib.shake_256(b"weights").digest(3 * MB + 17)
LARGE = hashlib.shake_256(b"large").digest(20 * MB + 5)
QUICK = Network(connect=2, silence=0.3, tries=3, pause=0.0)


@pytest.fixture
def server():
    with Loopback() as running:
        yield running


@pytest.fixture
def other():
    with Loopback() as running:
        yield running


@pytest.fixture
def said():
    return io.StringIO()


@pytest.fixture
def pull(tmp_path, said):
    def bring(*mirrors, body=BODY, network=QUICK, **changes):
        entry = one_entry(file_row(body, *mirrors, **changes))
        store = Store(tmp_path / "store")
        (brought,) = apply(plan(entry, store), store, console=Console(err=said), network=network)
        return brought.path.read_bytes()

    return bring


def failure(pull, *mirrors, **changes) -> str:
    with pytest.raises(TransferFault) as caught:
        pull(*mirrors, **changes)
    return "\n".join(caught.value.details)


def test_a_busy_server_is_given_the_time_that_it_asks_for(tmp_path):
    paused = []
    transit = Transit(tmp_path, QUICK, note=paused.append, sleep=paused.append)
    broken = iter([Interrupted("the server answers 429", 7.0), Interrupted("the server answers 503", 0.0)])

    def attempt():
        for fault in broken:
            raise fault

    persist(attempt, transit)
    assert paused == ["the server answers 429; the next try comes in 7 s", 7.0, 0.0]


def test_429_is_tried_again(server, pull):
    assert pull({"url": server.on("/net", status(429, then=whole(BODY), headers={"Retry-After": "0"}))}) == BODY


def test_a_server_that_asks_for_hours_is_left_for_the_next_mirror(server, pull):
    url = server.on("/net", status(429, headers={"Retry-After": "7200"}))
    assert pull({"url": url}, {"url": server.on("/other", whole(BODY))}) == BODY
    assert len(server.asked("/net")) == 1
    told = failure(pull, {"url": url}, body=b"another")
    assert "asks to wait 7,200 s" in told


def test_a_date_in_retry_after_is_understood(server, pull):
    url = server.on("/net", status(503, headers={"Retry-After": formatdate(time.time() + 9000, usegmt=True)}))
    assert "asks to wait" in failure(pull, {"url": url})


def test_a_trickle_counts_as_silence(server, pull):
    assert "bytes came in" in failure(pull, {"url": server.on("/net", trickle(BODY))})


def test_a_stall_is_spoken_and_its_length_told(server, pull, said):
    network = Network(connect=2, silence=1.2, spoken=0.2, tries=1)
    failure(pull, {"url": server.on("/net", hang(BODY, MB))}, network=network)
    assert "made-up@onnx net.onnx: no byte for" in said.getvalue()


def test_a_large_file_on_a_slow_connection_comes_over_several(server, pull):
    network = Network(connect=2, silence=5, tries=3, pause=0.0, patience=0.0)
    assert pull({"url": server.on("/net", ranged(LARGE, pause=0.25))}, body=LARGE, network=network) == LARGE
    spans = [asked["Range"] for asked in server.asked("/net") if "Range" in asked]
    assert len(spans) >= 8
    assert len(set(spans)) == len(spans), "no block twice"


def test_a_block_that_is_not_what_was_asked_for_does_not_enter_the_file(server, pull):
    network = Network(connect=2, silence=5, tries=3, pause=0.0, patience=0.0)
    first = server.on("/net", partial_liar)
    good = server.on("/good", whole(LARGE))
    assert pull({"url": first}, {"url": good}, body=LARGE, network=network) == LARGE


def partial_liar(handler, count):
    """Whole answers are slow, every closed range is answered with the next one."""
    if "Range" not in handler.headers:
        ranged(LARGE, pause=0.25)(handler, count)
    else:
        start = int(handler.headers["Range"].removeprefix("bytes=").split("-")[0])
        ranged(LARGE, lie_at=start)(handler, count)


def test_a_member_of_an_archive_is_verified_by_its_own_checksum(server, pull):
    for name, packed in (("a.zip", zipped(("net.params", BODY))), ("a.tar.gz", tar_gz(("net.params", BODY)))):
        url = server.on(f"/{name}", whole(packed))
        assert pull({"url": url, "member": "net.params"}, name=f"{name}.onnx") == BODY
    assert "no member named absent" in failure(pull, {"url": url, "member": "absent"}, body=b"x", name="x.onnx")


def test_two_members_of_one_archive_fetch_it_once(server, tmp_path, console):
    url = server.on("/a.mar", whole(zipped(("graph", b"symbol"), ("net", BODY))))
    files = [
        file_row(body, {"url": url, "member": member}, role=role, name=f"{member}.bin")
        for body, member, role in ((b"symbol", "graph", "graph"), (BODY, "net", "weights"))
    ]
    store = Store(tmp_path / "store")
    entry = one_entry(*files)
    assert len(apply(plan(entry, store), store, console=console, network=QUICK, jobs=2)) == 2
    assert len(server.asked("/a.mar")) == 1
    assert not list(store.staging.glob("*.part"))


def test_an_archive_shows_its_bytes_and_is_no_silence_of_its_members(server, tmp_path, said):
    import json

    packed = zipped(("net", BODY))
    url = server.on("/a.zip", slow(packed, pause=0.02))
    store = Store(tmp_path / "store")
    entry = one_entry(file_row(BODY, {"url": url, "member": "net"}))
    console = Console("json", err=said, progress="json")
    apply(plan(entry, store), store, console=console, network=replace(QUICK, silence=5, spoken=0.4))
    lines = said.getvalue().splitlines()
    events = [json.loads(line) for line in lines if line.startswith("{")]
    (end,) = [event for event in events if event["event"] == "end" and event["label"] == "a.zip"]
    assert end["done"] == len(packed)
    assert not any("no byte for" in line for line in lines)


def test_several_files_have_a_bar_for_all_of_them(server, tmp_path, said):
    import json

    bodies = {f"net-{number}@onnx": BODY[number:] for number in range(3)}
    rows = [
        entry_row(file_row(body, {"url": server.on(f"/{id_}", whole(body))}), id=id_) for id_, body in bodies.items()
    ]
    store = Store(tmp_path / "store")
    entries, _none = parse(registry_text(*rows))
    steps = [step for entry in entries.values() for step in plan(entry, store)]
    apply(steps, store, console=Console("json", err=said, progress="json"), network=QUICK, jobs=3)
    events = [json.loads(line) for line in said.getvalue().splitlines()]
    (end,) = [event for event in events if event["event"] == "end" and event["label"] == "all files"]
    assert end["done"] == end["total"] == sum(map(len, bodies.values()))


def test_a_hub_file_is_fetched_at_its_revision_with_the_token(server, pull, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url(""))
    monkeypatch.setenv("HF_TOKEN", "token")
    server.on("/me/net/resolve/abc123/a/net.onnx", signed_in("token", whole(BODY)))
    assert pull({"hf": "me/net", "revision": "abc123", "file": "a/net.onnx"}) == BODY


def test_credentials_do_not_follow_a_redirect_to_another_host(server, other, pull, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url(""))
    monkeypatch.setenv("HF_TOKEN", "token")
    server.on("/me/net/resolve/main/net.onnx", signed_in("token", redirect(other.on("/cdn", whole(BODY)))))
    assert pull({"hf": "me/net", "file": "net.onnx"}) == BODY
    assert "Authorization" in server.asked("/me/net/resolve/main/net.onnx")[0]
    assert "Authorization" not in other.asked("/cdn")[0]


def test_netrc_signs_in_at_its_own_host_only(server, other, pull, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    target = other.on("/there", whole(BODY)).replace("127.0.0.1", "localhost")
    url = server.on("/net", signed_in("me", redirect(target)))
    assert pull({"url": url}) == BODY
    assert "Authorization" not in other.asked("/there")[0]


def test_credentials_in_an_address_are_never_shown(server, pull):
    parts = urlsplit(server.on("/net", signed_in("me", status(404))))
    told = failure(pull, {"url": parts._replace(netloc=f"me:secret@{parts.netloc}").geturl()})
    assert "404" in told
    assert "secret" not in told


CONFIRM = b"""<html><body><form id="download-form" action="/download" method="get">
<input type="hidden" name="id" value="0123456789"><input type="hidden" name="confirm" value="t"></form></body></html>"""


def drive(server, answer):
    server.on("/uc?export=download&id=0123456789", answer)
    return partial(Network, connect=2, silence=0.5, tries=2, pause=0.0, drive=server.url("/uc"))()


def test_the_confirmation_page_of_google_drive_is_answered(server, pull):
    network = drive(server, whole(CONFIRM, kind="text/html; charset=utf-8"))
    server.on("/download?id=0123456789&confirm=t", whole(BODY))
    assert pull({"gdrive": "0123456789"}, network=network) == BODY


def test_a_small_file_of_google_drive_comes_at_once(server, pull):
    assert pull({"gdrive": "0123456789"}, network=drive(server, whole(BODY))) == BODY


@pytest.mark.parametrize(
    ("page", "told"),
    [
        (b"<html>Sign in to continue</html>", "asks for a login"),
        (b"<html>Quota exceeded: too many users</html>", "too many people"),
        (b"<html>hello</html>", "a page instead of the file"),
    ],
)
def test_a_page_of_google_drive_is_called_what_it_is(server, pull, page, told):
    assert told in failure(pull, {"gdrive": "0123456789"}, network=drive(server, whole(page, kind="text/html")))


def test_zoo_mirror_is_tried_first_as_a_folder_or_an_address(server, pull, tmp_path, monkeypatch):
    (tmp_path / "mirror" / "made-up@onnx").mkdir(parents=True)
    (tmp_path / "mirror" / "made-up@onnx" / "net.onnx").write_bytes(BODY)
    far = {"url": server.on("/net", whole(BODY))}
    monkeypatch.setenv("ZOO_MIRROR", str(tmp_path / "mirror"))
    assert pull(far) == BODY
    assert not server.requests
    monkeypatch.setenv("ZOO_MIRROR", server.url("/all/"))
    server.on("/all/made-up@onnx/b.onnx", whole(b"b"))
    assert pull(far, body=b"b", name="b.onnx") == b"b"


def test_a_mirror_without_the_file_is_no_end(server, pull, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_MIRROR", str(tmp_path))
    assert pull({"url": server.on("/net", whole(BODY))}) == BODY


def test_several_files_come_side_by_side_and_every_fault_is_told(server, tmp_path, said):
    rows = []
    for number in range(6):
        body = b"%d" % number
        good = number not in (2, 4)
        url = server.on(f"/{number}", whole(body) if good else status(404))
        rows.append(entry_row(file_row(body, {"url": url}), id=f"net-{number}@onnx"))
    entries, faults = parse(registry_text(*rows))
    assert not faults
    store = Store(tmp_path / "store")
    steps = [step for entry in entries.values() for step in plan(entry, store)]
    with pytest.raises(Diagnostic) as caught:
        apply(steps, store, console=Console(err=said), network=QUICK, jobs=3)
    assert caught.value.code == "several-files"
    assert sum("came from none" in detail for detail in caught.value.details) == 2
    assert len(store.models()) == 4, "the others came all the same"


def test_progress_events_are_json_lines(server, tmp_path, said):
    import json

    entry = one_entry(file_row(BODY, {"url": server.on("/net", whole(BODY))}))
    store = Store(tmp_path / "store")
    apply(plan(entry, store), store, console=Console("json", err=said, progress="json"), network=QUICK)
    events = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["start", "end"]
    assert (events[-1]["done"], events[-1]["total"]) == (len(BODY), len(BODY))
