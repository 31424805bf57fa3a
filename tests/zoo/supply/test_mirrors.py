"""Several mirrors of one file: what one leaves another goes on with, and a slow one does not hold the file up."""

import hashlib
import io
from collections import deque
from dataclasses import replace

import pytest
from entries import file_row, one_entry
from loopback import Loopback, cut, hang, slow, status, whole

from zoo.console import Console
from zoo.diagnostics import TransferFault
from zoo.supply.download import apply, plan
from zoo.supply.mirrors import Pace, Round
from zoo.supply.sources import TooSlow
from zoo.supply.sources.http import HttpMirror
from zoo.supply.store import Store
from zoo.supply.transit import Network

MB = 1 << 20
BODY = hashlib.shake_256(b"weights").digest(6 * MB + 17)
QUICK = Network(connect=2, silence=0.4, tries=3, pause=0.0)


@pytest.fixture
def server():
    with Loopback() as running:
        yield running


@pytest.fixture
def said():
    return io.StringIO()


@pytest.fixture
def pull(tmp_path, said):
    def bring(*urls, body=BODY, network=QUICK, trust=False, **changes):
        entry = one_entry(file_row(body, *({"url": url} for url in urls), **changes))
        store = Store(tmp_path / "store")
        (brought,) = apply(plan(entry, store), store, console=Console(err=said), network=network, trust_first_use=trust)
        return brought

    return bring


def test_the_next_mirror_goes_on_where_the_first_broke_off(server, pull):
    brought = pull(server.on("/a", cut(BODY, 2 * MB, then=status(404))), server.on("/b", whole(BODY, etag='"other"')))
    assert brought.path.read_bytes() == BODY
    assert brought.record.source == server.url("/b")
    (asked,) = server.asked("/b")
    assert asked["Range"] == f"bytes={2 * MB}-"
    assert "If-Range" not in asked, "the tag of one host says nothing about another"


@pytest.mark.parametrize("lacking", ["checksums", "size"])
def test_what_nothing_protects_as_a_whole_is_never_put_together(server, pull, lacking):
    changes = {"checksums": None, "unverified": "never published"} if lacking == "checksums" else {"size": None}
    first, second = server.on("/a", cut(BODY, 2 * MB, then=status(404))), server.on("/b", whole(BODY))
    assert pull(first, second, trust=True, **changes).path.read_bytes() == BODY
    (asked,) = server.asked("/b")
    assert "Range" not in asked


def test_a_wrong_beginning_is_not_held_against_the_mirror_that_went_on(server, pull):
    first = server.on("/a", cut(bytes(len(BODY)), 2 * MB, then=status(404)))
    assert pull(first, server.on("/b", whole(BODY))).path.read_bytes() == BODY
    assert ["Range" in asked for asked in server.asked("/b")] == [True, False]


def test_a_mirror_with_a_file_of_another_size_does_not_go_on(server, pull):
    first = server.on("/a", cut(BODY, 2 * MB, then=status(404)))
    other = server.on("/b", whole(BODY + b"more"))
    assert pull(first, other, server.on("/c", whole(BODY))).path.read_bytes() == BODY


def test_a_mirror_that_ignores_the_range_sends_all_of_it(server, pull):
    first = server.on("/a", cut(BODY, 2 * MB, then=status(404)))
    plain = server.on("/b", lambda handler, _count: handler.send(200, {"Content-Length": str(len(BODY))}, BODY))
    assert pull(first, plain).path.read_bytes() == BODY


def test_a_silent_mirror_is_not_waited_for_twice_where_there_is_another(server, pull):
    assert pull(server.on("/a", hang(BODY, MB)), server.on("/b", whole(BODY))).path.read_bytes() == BODY
    assert len(server.asked("/a")) == 1
    assert [asked["Range"] for asked in server.asked("/b")] == [f"bytes={MB}-"]


def test_the_only_mirror_is_waited_for_as_often_as_tries_allow(server, pull):
    with pytest.raises(TransferFault):
        pull(server.on("/a", hang(BODY, MB)))
    assert len(server.asked("/a")) == QUICK.tries


def test_a_slow_mirror_is_left_for_the_next_which_goes_on(server, pull, said):
    network = replace(QUICK, silence=5, hedge=0.2, hurry=1e9)
    brought = pull(server.on("/a", slow(BODY, pause=0.05)), server.on("/b", whole(BODY)), network=network)
    assert brought.path.read_bytes() == BODY
    assert brought.record.source == server.url("/b")
    assert int(server.asked("/b")[0]["Range"].removeprefix("bytes=").rstrip("-")) > 0
    assert f"{server.url('/a')} gives" in said.getvalue()
    assert "kB/s; trying another mirror" in said.getvalue()


def test_the_fastest_of_slow_mirrors_brings_the_rest(server, pull):
    network = replace(QUICK, silence=5, hedge=0.25, hurry=1e9)
    fast = server.on("/a", slow(BODY, pause=0.02))
    brought = pull(fast, server.on("/b", slow(BODY, piece=1 << 14, pause=0.05)), network=network)
    assert brought.path.read_bytes() == BODY
    assert brought.record.source == fast
    assert [len(server.asked(path)) for path in ("/a", "/b")] == [2, 1]


def test_a_slow_mirror_that_then_fails_is_told_with_the_others(server, pull):
    network = replace(QUICK, silence=5, hedge=0.2, hurry=1e9)
    first = server.on("/a", lambda handler, count: (slow(BODY, pause=0.05) if count == 1 else status(410))(handler, 1))
    with pytest.raises(TransferFault) as caught:
        pull(first, server.on("/b", status(404)), network=network)
    assert [detail.rpartition("answers ")[2][:3] for detail in caught.value.details] == ["404", "410"]


def test_a_pace_counts_whole_windows_and_spares_what_is_nearly_done():
    clock = iter([0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0]).__next__
    pace = Pace(1000.0, Network(hedge=10.0), clock)
    pace.took(1, 10**6)  # the window begins with the first bytes
    pace.took(6000, 10**6)
    pace.took(6000, 10**6)  # 1200 a second
    pace.took(1000, 10**6)
    pace.took(1000, 1000)  # 200 a second, and five seconds left
    pace.took(500, 10**6)
    with pytest.raises(TooSlow) as caught:
        pace.took(500, 10**6)
    assert caught.value.rate == 100.0


def test_mirrors_take_turns():
    one, two, dead = (
        HttpMirror(url=f"http://h/{name}", status=state)
        for name, state in (("one", None), ("two", None), ("dead", "dead"))
    )
    network = Network(hurry=1000.0)
    asked = Round(deque([one, two, dead]))
    assert asked.turn(network) == (one, 1000.0)
    asked.slow[one] = 50.0
    assert asked.turn(network) == (two, 50.0), "a mirror known as dead is nobody to turn to"
    asked.slow[two] = 40.0
    assert asked.turn(network) == (one, 0.0)
    assert asked.turn(network) == (two, 0.0)
    assert asked.turn(network) == (dead, 0.0)
    assert asked.turn(network) is None
