"""Remembered floors, looks inside and reports are bounded, and `zoo cache prune` knows them."""

import os
import time

import pytest
from cli import run

from zoo.supply import remembered


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "v1"


def floor(home, name, days, size=10):
    folder = home / "floors" / name
    folder.mkdir(parents=True)
    (folder / "measured.json").write_bytes(b" " * size)
    os.utime(folder, (time.time() - days * 86400,) * 2)
    return folder


def report(home, name, days, folder="parity"):
    path = home / folder / name[:2] / f"{name[2:]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    os.utime(path, (time.time() - days * 86400,) * 2)
    return path


def test_prune_removes_what_was_not_used_for_days(home):
    old, new = floor(home, "old", 40), floor(home, "new", 1)
    gone, kept = report(home, "abcd", 40), report(home, "abef", 1)
    look = report(home, "cdab", 40, "inside")
    told = run("cache", "prune", "--older-than", "30", "--dry-run", "--json").json
    assert (told["remembered"], told["bytes"]) == (3, 14)
    assert old.exists()
    assert run("cache", "prune", "--older-than", "30").status == 0
    assert [path.exists() for path in (old, new, gone, kept, look)] == [False, True, False, True, False]


def test_without_days_only_what_is_over_the_bounds_goes_the_oldest_first(home, monkeypatch):
    folders = [floor(home, f"f{age}", age, size=400) for age in range(4)]
    assert run("cache", "prune", "--json").json["remembered"] == 0
    monkeypatch.setattr(remembered, "MOST_BYTES", 1000)
    assert [one.path for one in remembered.excess()] == folders[2:]
    monkeypatch.setattr(remembered, "MOST_FLOORS", 1)
    assert [one.path for one in remembered.excess()] == folders[1:]


def test_floors_of_an_older_zoo_go_with_their_folder_and_nothing_else_does(home):
    old = floor(home.parent, "x", 0).rename(home.parent / "parity-of-old")
    place = home.parent / "parity"
    place.mkdir()
    old.rename(place / ("a" * 64))
    (place / "mine").mkdir()
    kept = floor(home, "new", 1)
    assert run("cache", "prune", "--json").json["remembered"] == 1
    assert ([path.name for path in place.iterdir()], kept.exists()) == (["mine"], True)
    (place / "mine").rmdir()
    floor(home.parent, "y", 0).rename(place / ("b" * 64))
    run("cache", "prune")
    assert not place.exists()


def test_a_measurement_that_was_broken_off_goes_after_a_day_and_not_while_it_may_run(home):
    torn, running = floor(home, ".measuring-a", 2), floor(home, ".measuring-b", 0)
    run("cache", "prune")
    assert not torn.exists()
    assert running.exists()
