import json
import os
import subprocess
import sys
import time

import pytest

from zoo.supply import lease
from zoo.supply.lease import Holder, abandoned, attempt, held, holder, take_away


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.lease"


def claim_of(path, pid, host=None, token="theirs"):
    path.write_text(json.dumps({"token": token, "pid": pid, "host": host or lease._here()}), encoding="utf-8")


def dead_pid():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_lease_has_one_holder_who_is_named(path):
    mine = attempt(path)
    assert mine is not None
    assert attempt(path) is None
    assert holder(path).pid == os.getpid()
    assert str(os.getpid()) in str(holder(path))
    mine.end()
    assert not path.exists()


def test_the_lease_of_a_process_that_is_gone_is_taken_over_at_once(path):
    claim_of(path, dead_pid())
    with held(path, lambda *_told: pytest.fail("nobody is there to wait for")) as mine:
        assert holder(path).token == mine.token


def test_a_living_holder_is_waited_for_and_told(path):
    mine = attempt(path)
    told = []

    def waiting(who, seconds):
        told.append(who.pid)
        if len(told) == 3:
            mine.end()

    with held(path, waiting):
        pass
    assert told == [os.getpid()] * 3


def test_a_holder_elsewhere_that_gives_no_sign_is_taken_for_gone(path):
    claim_of(path, 1, host="another machine")
    began = time.monotonic()
    with held(path, lambda *_told: None, silence=0.3):
        assert time.monotonic() - began >= 0.3


def test_signs_of_life_keep_a_lease_elsewhere(path):
    claim_of(path, 1, host="another machine")
    count = 0

    def waiting(_who, _seconds):
        nonlocal count
        count += 1
        if count < 12:
            path.touch()
            os.utime(path, ns=(count, count))

    with held(path, waiting, silence=0.25):
        pass
    assert count >= 12


def test_a_lease_that_somebody_took_meanwhile_is_given_back(path):
    claim_of(path, os.getpid(), token="new")
    take_away(path, "old")
    assert holder(path).token == "new"
    take_away(path, "new")
    assert not path.exists()


def test_a_lease_taken_away_is_noticed_by_its_holder(path, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.02)
    mine = attempt(path)
    take_away(path, mine.token)
    assert mine.lost.wait(10)
    mine.end()


def test_giving_back_a_lost_lease_leaves_the_new_holder_alone(path):
    mine = attempt(path)
    take_away(path, mine.token)
    other = attempt(path)
    mine.end()
    assert holder(path).token == other.token
    other.end()


def test_a_holder_gives_signs_of_life(path, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.02)
    mine = attempt(path)
    os.utime(path, ns=(0, 0))
    for _tick in range(500):
        if path.stat().st_mtime_ns:
            break
        time.sleep(0.01)
    assert path.stat().st_mtime_ns
    assert not abandoned(path)
    mine.end()


@pytest.mark.parametrize("text", ["", "x", "[]", '{"token": 1}', '{"token": "a", "pid": "x", "host": ""}'])
def test_a_file_that_says_nothing_names_nobody(path, text):
    path.write_text(text, encoding="utf-8")
    assert holder(path) == Holder()
    assert not holder(path).gone
    assert not abandoned(path)
    os.utime(path, (0, 0))
    assert abandoned(path)
