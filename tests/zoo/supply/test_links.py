from pathlib import Path

import pytest
from entries import entry_row, file_row, write_registry
from loopback import Loopback, ranged, redirect, status, whole

from zoo.catalog.registry import load, shipped
from zoo.supply.links import links, main
from zoo.supply.transit import Network

BODY = b"weights" * 1000
QUICK = Network(connect=2, silence=0.5, tries=2, pause=0.0)


@pytest.fixture
def server():
    with Loopback() as running:
        yield running


@pytest.fixture
def checked(tmp_path):
    def check(*mirrors):
        registry = write_registry(tmp_path / "r.yaml", entry_row(file_row(BODY, *mirrors)))
        ended = main([str(tmp_path / "links.md"), str(registry)], QUICK)
        return ended, (tmp_path / "links.md").read_text(encoding="utf-8")

    return check


def test_addresses_that_answer_are_silent(server, checked):
    good = server.on("/good", ranged(BODY))
    mirrors = [{"url": good}, {"url": server.on("/moved", redirect(good))}, {"url": server.on("/plain", whole(BODY))}]
    assert checked(*mirrors) == (0, "3 addresses were asked for one byte; 0 did not answer as they should.\n")
    assert all(asked["Range"] == "bytes=0-0" for _path, asked in server.requests)


def test_dead_links_are_listed_with_their_reason(server, checked):
    page = whole(b"<html>", kind="text/html; charset=utf-8")
    mirrors = [
        {"url": server.on("/gone", status(404))},
        {"url": server.on("/page", page)},
        {"url": server.on("/short", ranged(BODY[:-1]))},
        {"url": server.on("/broken", status(503))},
        {"url": "http://127.0.0.1:9/closed"},
    ]
    ended, text = checked(*mirrors)
    assert ended == 1
    for told in ("/gone (made-up@onnx): the server answers 404", "with a web page", "6,999 bytes, expected 7,000"):
        assert told in text
    assert "answers 503 (2 tries)" in text
    assert "refused" in text


def test_what_is_marked_as_dead_is_no_news_unless_it_answers(server, checked):
    gone = {"url": server.on("/gone", status(404)), "status": "dead"}
    risen = {"url": server.on("/risen", ranged(BODY)), "status": "dead"}
    ended, text = checked(gone, risen)
    assert ended == 0
    assert "/gone" not in text
    assert "Marked as dead, and answering" in text


def test_every_address_of_the_shipped_registry_is_asked_once():
    found = links(load(shipped()).entries.values())
    assert len(found) > 700
    assert len({link.url for link in found}) == len(found)


def test_the_workflow_runs_the_module_that_is_tested_here():
    text = (Path(__file__).parents[3] / ".github" / "workflows" / "links.yml").read_text(encoding="utf-8")
    assert "python -m zoo.supply.links links.md" in text
