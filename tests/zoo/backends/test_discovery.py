"""Who can run a backend is asked of the interpreter, believed while nothing changes, and explained when nobody can."""

import os
import sys
import venv
from pathlib import Path

import pytest

from zoo.backends import discovery, environments

COUNT = "import pathlib\nwith open({path!r}, 'a') as file: file.write('x')\n"


@pytest.fixture
def counted(worker, tmp_path):
    """A backend whose worker notes each time that it is loaded."""
    notes = tmp_path / "notes"
    return worker(more=COUNT.format(path=str(notes))), lambda: len(notes.read_text()) if notes.exists() else 0


def test_zoos_own_python_is_found_with_versions(worker):
    status = discovery.probe(worker())
    assert status.available
    assert status.interpreter == Path(sys.executable)
    assert status.origin == "zoo's own Python"
    assert status.versions == {"fake": "1.0"}


def test_a_good_answer_is_remembered(counted):
    card, loads = counted
    assert discovery.probe(card) == discovery.probe(card)
    assert loads() == 1


def test_a_changed_worker_file_is_asked_again(counted):
    card, loads = counted
    discovery.probe(card)
    os.utime(card.worker, ns=(1, 1))
    discovery.probe(card)
    assert loads() == 2


def test_changed_packages_of_the_interpreter_are_asked_again(counted, tmp_path, monkeypatch):
    card, loads = counted
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    python = environments._python(home)
    monkeypatch.setenv("ZOO_PYTHON_FAKE", str(python))
    discovery.probe(card)
    assert discovery.probe(card).origin == "ZOO_PYTHON_FAKE"
    assert loads() == 1
    site = next(home.glob("lib*/**/site-packages"))
    (site / "news.py").touch()
    discovery.probe(card)
    assert loads() == 2


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"x": 1}'])
def test_a_damaged_memory_only_costs_time(counted, damage):
    card, loads = counted
    discovery.probe(card)
    discovery._memory().write_text(damage)
    assert discovery.probe(card).available
    assert loads() == 2


def test_a_bad_answer_is_not_remembered(worker, tmp_path, monkeypatch):
    card = worker(needs=["arrives_later"])
    assert not discovery.probe(card).available
    (tmp_path / "arrives_later.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    status = discovery.probe(card)  # still not: the worker is isolated from our sys.path, but it was asked
    assert "No module named 'arrives_later'" in status.why_not


def test_every_interpreter_that_was_asked_is_in_the_reason(worker, tmp_path, monkeypatch):
    card = worker(needs=["no_such_framework"], env={"pythons": ["3.11"], "requirements": ["nothing"]})
    monkeypatch.setenv("ZOO_PYTHON_FAKE", str(tmp_path / "no-python"))
    status = discovery.probe(card)
    assert not status.available
    assert "ZOO_PYTHON_FAKE:" in status.why_not
    assert "cannot be started" in status.why_not
    assert "zoo's own Python: No module named 'no_such_framework'" in status.why_not
    assert status.remedy == "zoo backends install fake"


def test_a_backend_whose_probe_refuses_is_not_available(worker):
    status = discovery.probe(worker(more="def probe():\n    raise ValueError('version 5 cannot read this')\n"))
    assert status.why_not == "zoo's own Python: version 5 cannot read this"


def test_a_read_only_data_folder_does_not_matter(worker, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ZOO_BACKENDS", str(tmp_path / "file" / "below"))
    assert discovery.probe(worker()).available
