"""`zoo doctor` gathers what a bug report needs, and fails only when the main job cannot run."""

import json
import socket

import pytest

from zoo import __version__
from zoo.__main__ import main


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_BACKENDS", str(tmp_path / "backends"))
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


def document(capsys, *arguments):
    status = main(["doctor", "--json", *arguments])
    return status, json.loads(capsys.readouterr().out)


def test_a_whole_machine_passes(capsys):
    status, facts = document(capsys, "--offline")
    assert (status, facts["problems"]) == (0, [])
    assert facts["zoo"] == __version__
    assert facts["packages"]["numpy"]
    assert None not in facts["packages"].values()
    assert facts["store"]["free_bytes"] > 0
    assert facts["store"]["root"].endswith("home")


def test_offline_asks_nobody(capsys):
    _status, facts = document(capsys, "--offline")
    assert facts["index"] == "not asked (offline)"


def test_the_environment_can_say_offline_too(capsys, monkeypatch):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    assert document(capsys)[1]["index"] == "not asked (offline)"


def test_an_index_that_does_not_answer_is_said_and_is_no_failure(capsys, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ZOO_PACKAGE_INDEX", f"http://127.0.0.1:{closed.getsockname()[1]}/simple/")
        status, facts = document(capsys)
    assert status == 0
    assert facts["index"].startswith("not reachable")


@pytest.mark.index
def test_the_real_index_answers(capsys):
    assert document(capsys)[1]["index"] == "reachable"


def test_a_store_that_cannot_be_written_is_a_problem(capsys, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "file" / "below"))
    status, facts = document(capsys, "--offline")
    assert status == 1
    assert "the store cannot be written" in facts["problems"][0]


def test_a_person_reads_the_facts_the_backends_and_the_verdict(capsys):
    assert main(["doctor", "--offline"]) == 0
    out = capsys.readouterr().out
    for part in (
        f"zoo            {__version__}",
        "GB free",
        "zoo backends install caffe",
        "everything that the main job",
    ):
        assert part in out
