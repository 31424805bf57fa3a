"""Lists of checks from end to end, on small networks in real backends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep
from xml.etree import ElementTree as ET

import pytest
from cli import run
from tiny import tiny

from zoo.catalog.registry import load
from zoo.parity.layers.bisect import FILES
from zoo.parity.request import Request
from zoo.project.suite import everything

LIST = """
[[parity]]
name = "same"
subjects = ["source.onnx::opencv", "same.onnx::onnxruntime"]

[[parity]]
name = "changed"
subjects = ["source.onnx::opencv", "changed.onnx::onnxruntime"]

[[parity]]
name = "gone"
subjects = ["no-such-file.onnx"]
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a list of three checks: one says yes, one no, one cannot begin."""
    folder = tmp_path / "project"
    folder.mkdir()
    tiny(folder / "source.onnx")
    tiny(folder / "same.onnx", name="answer")
    tiny(folder / "changed.onnx", change=0.05)
    (folder / "zoo.toml").write_text(LIST)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def alone(project):
    """The list cut down to one check, for what has nothing to do with their number."""

    def cut(name):
        (found,) = [part for part in LIST.split("[[parity]]") if f'"{name}"' in part]
        (project / "zoo.toml").write_text(f"[[parity]]{found}")

    return cut


def checks(ran):
    return {one["name"]: one for one in ran.json["checks"]}


def test_without_a_subject_the_list_is_run_and_the_gravest_status_is_the_commands(project):
    ran = run("check-parity", "--json", "-", "--jobs", "2")
    assert ran.out, ran.err
    found = checks(ran)
    assert list(found) == ["same", "changed", "gone"]
    assert [one["report"]["status"] for one in found.values()] == [0, 1, 3]
    assert (ran.status, ran.json["status"], ran.json["schema"]) == (1, 1, "zoo/parity-checks")
    assert found["changed"]["place"] == {"file": "zoo.toml", "line": 6}
    assert "no-file" in found["gone"]["report"]["explanation"]


def test_the_text_has_a_line_a_check_and_everything_of_those_that_do_not_say_yes(project):
    ran = run("check-parity")
    assert "1 of 3 checks say yes." in ran.out
    assert "DIFFERS" in ran.out
    assert "AGREES" not in ran.out
    assert "[3/3]" in ran.err


def test_the_list_is_found_from_a_folder_below_and_named_by_an_option(project, monkeypatch, tmp_path):
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")
    assert run("check-parity").status == 1
    monkeypatch.chdir(tmp_path)
    assert run("check-parity").status == 2
    assert run("check-parity", "--project", str(project / "zoo.toml")).status == 1


def test_a_check_is_remembered_by_content_and_forgotten_when_anything_changes(project):
    first, second = run("check-parity", "--json", "-"), run("check-parity", "--json", "-")
    assert not any(one["cached"] for one in first.json["checks"])
    assert {name: one["cached"] for name, one in checks(second).items()} == {
        "same": True, "changed": True, "gone": False,
    }  # fmt: skip
    assert [one["report"] for one in first.json["checks"]] == [one["report"] for one in second.json["checks"]]
    assert second.status == 1
    tiny(project / "changed.onnx")  # repaired
    third = checks(run("check-parity", "--json", "-"))
    assert (third["same"]["cached"], third["changed"]["cached"], third["changed"]["report"]["status"]) == (
        True,
        False,
        0,
    )
    (project / "zoo.toml").write_text(LIST.replace('name = "same"', 'name = "same"\nseed = 3'))
    assert not checks(run("check-parity", "--json", "-"))["same"]["cached"]


def test_without_the_cache_everything_runs_and_nothing_is_kept(alone):
    alone("same")
    run("check-parity", "--no-cache")
    assert not checks(run("check-parity", "--json", "-"))["same"]["cached"]
    assert not checks(run("check-parity", "--json", "-", "--no-cache"))["same"]["cached"]


def test_a_damaged_memory_is_no_memory(alone, tmp_path):
    alone("same")
    run("check-parity")
    for damage in (b"", b"{}", b"\xff"):
        (kept,) = (tmp_path / "zoo-home" / "v1" / "parity").rglob("*.json")
        kept.write_bytes(damage)
        ran = run("check-parity", "--json", "-")
        assert (ran.status, checks(ran)["same"]["cached"]) == (0, False)
    assert checks(run("check-parity", "--json", "-"))["same"]["cached"]


def test_a_memory_that_was_edited_is_not_believed(alone, tmp_path):
    alone("changed")
    run("check-parity")
    (path,) = (tmp_path / "zoo-home" / "v1" / "parity").rglob("*.json")
    told = json.loads(path.read_text())
    told["report"] |= {"status": 0, "verdict": "agrees"}
    path.write_text(json.dumps(told))
    ran = run("check-parity", "--json", "-")
    assert (ran.status, checks(ran)["changed"]["cached"]) == (1, False)


def test_every_report_holds_every_check(project, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project / "summary.md"))
    ran = run("check-parity", "--junit", "r.xml", "--html", "r.html", "--json", "r.json", "--github")
    assert [suite.get("name") for suite in ET.parse(project / "r.xml").getroot()] == ["same", "changed", "gone"]
    assert json.loads((project / "r.json").read_text())["schema"] == "zoo/parity-checks"
    assert "1 of 3 checks say yes." in (project / "r.html").read_text()
    assert "::error file=zoo.toml,line=6,title=parity of changed::differs" in ran.err
    assert "### :white_check_mark: same: agrees" in (project / "summary.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seed", "3"], "--seed needs a SUBJECT"),
        (["--all", "--attest"], "--attest needs a SUBJECT"),
        (["x.onnx", "--jobs", "2"], "--jobs is for checks without a SUBJECT"),
        (["x.onnx", "--all"], "--all is for checks without a SUBJECT"),
        (["--all", "--golden", "g.npz"], "--golden needs a SUBJECT"),
        (["--all", "--project", "zoo.toml"], "--all and --project exclude each other"),
    ],
)
def test_options_of_one_check_and_of_a_list_are_not_mixed(project, arguments, said):
    ran = run("check-parity", *arguments)
    assert ran.status == 2
    assert said in ran.err


def test_a_list_attests_what_agrees_and_names_what_it_does_not(project):
    twice = LIST.replace('"changed"', '"again"').replace("changed.onnx", "same.onnx").split("[[parity]]")[2]
    nothing = '[[parity]]\nname = "nothing"\nsubjects = ["source.onnx::opencv"]\nattest = true\n'
    asked = LIST.replace('name = "same"', 'name = "same"\nattest = true')
    (project / "zoo.toml").write_text(f"{asked}{nothing}[[parity]]{twice}")
    ran = run("check-parity", "--attest", "--json", "-")
    found = checks(ran)
    (one,) = found["same"]["report"]["attested"]
    assert Path(one["file"]).name == "same.onnx"
    assert [found[name]["report"].get("attested", []) for name in ("changed", "again", "gone")] == [[], [], []]
    assert "changed: no certificate is written: the check does not say yes" in ran.err
    assert "same.onnx has the certificate of an earlier check of this list" in ran.err
    assert found["nothing"]["report"]["explanation"].startswith("attest: none of these subjects")
    assert run("verify", "same.onnx", "--rerun").status == 0
    assert not (project / "changed.onnx.parity.json").exists()


def test_the_smallest_part_of_each_check_that_differs_has_a_folder_and_is_written_though_remembered(alone, project):
    alone("changed")
    for _ in range(2):
        assert run("check-parity", "--bisect", "--bisect-to", "parts").status == 1
        (project / "parts" / "changed" / "repro.py").unlink()
    (project / "zoo.toml").write_text((project / "zoo.toml").read_text() + "bisect = true\nlayers = true\n")
    ran = run("check-parity", "--json", "-")
    (one,) = checks(ran)["changed"]["report"]["layers"]
    assert one["bisected"] == [str(project / "bisect" / "changed" / name) for name in FILES]
    assert not one["short"]


def test_after_an_interruption_the_next_run_goes_on_where_it_was(project, tmp_path):
    """Ctrl-C after the first check is remembered; the workers are gone, and nothing lies in the temporary folder."""
    temporary, home = tmp_path / "tmp", tmp_path / "home"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary), "ZOO_HOME": str(home)}
    slow = LIST.replace('name = "changed"', 'name = "changed"\nbatch = 1024')
    (project / "zoo.toml").write_text(slow)
    command = [sys.executable, "-m", "zoo", "check-parity"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not list(home.glob("v1/parity/*/*.json")) and process.poll() is None:
            sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert list(temporary.iterdir()) == []
    again = subprocess.run([*command, "--json", "-"], env=environment, capture_output=True, text=True, check=False)
    assert {one["name"]: one["cached"] for one in json.loads(again.stdout)["checks"]}["same"]
    assert again.returncode == 1


def test_the_whole_registry_is_one_check_for_each_set_of_weights():
    registry = load()
    found = everything(registry, Request((), batch=2))
    named = [subject for one in found for subject in one.request.subjects]
    assert sorted(named) == sorted(registry.entries)
    assert {one.request.batch for one in found} == {2}
    (nsfw,) = [one for one in found if "open-nsfw@caffe" in one.request.subjects]
    assert set(nsfw.request.subjects) == {"open-nsfw@caffe", "open-nsfw@onnx"}


def test_a_whole_registry_that_is_not_here_says_so_check_by_check(tmp_path, monkeypatch):
    from entries import entry_row, file_row, write_registry

    rows = [entry_row(file_row(b"x", {"url": "https://example.org/x"}), id=f"net{n}@onnx") for n in range(3)]
    place = write_registry(tmp_path / "registry.yaml", *rows)
    monkeypatch.setattr("zoo.catalog.registry.shipped", lambda: place)
    ran = run("check-parity", "--all", "--offline", "--jobs", "3", "--json", "-")
    assert ran.status == 4
    assert [one["report"]["status"] for one in ran.json["checks"]] == [4, 4, 4]
