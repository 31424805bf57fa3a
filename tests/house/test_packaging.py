from __future__ import annotations

import re
import subprocess
import sys
import zipfile

import pytest
from house import ROOT, name, sources


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built by the installed hatchling: no environment, no download."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_the_wheel_holds_both_packages_whole_and_nothing_else(wheel):
    inside = {member for member in wheel.namelist() if ".dist-info/" not in member}
    assert {name(path) for path in sources("zoo", "converters")} <= inside
    assert {member.split("/")[0] for member in inside} == {"zoo", "converters"}


def test_the_wheel_holds_the_registry_word_for_word(wheel):
    assert wheel.read("zoo/catalog/registry.yaml") == (ROOT / "registry.yaml").read_bytes()


def test_the_wheel_has_the_script_and_the_licence(wheel):
    (entry_points,) = [member for member in wheel.namelist() if member.endswith("entry_points.txt")]
    assert b"zoo = zoo.__main__:entry" in wheel.read(entry_points)
    assert any(member.endswith("LICENSE") for member in wheel.namelist())


def test_the_readme_has_both_set_up_commands_and_ci_calls_the_second_one():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "$ pip install '.[opencv]' && zoo check-parity open-nsfw\n" in readme
    marked = re.search(r"<!-- test-command -->\n```console\n\$ (.+)\n```\n<!-- /test-command -->", readme)
    assert marked
    assert marked[1] == "pip install '.[opencv,test,dev]' && ./check"
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "test-command" in script
    assert "pip install '.[" not in script


def test_check_and_pre_commit_run_the_same_commands():
    script = (ROOT / "check").read_text(encoding="utf-8").splitlines()
    hooks = re.findall(r"entry: ([^,\n]+)", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    commands = {hook.strip() for hook in hooks if not hook.startswith("pytest")}
    assert commands == {line.removesuffix(" .") for line in script if re.match(r"(ruff|mypy|lint-imports)", line)}


@pytest.mark.parametrize("script", ["check", ".ci/run"])
def test_scripts_can_be_run_and_are_valid_bash(script):
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(path)], check=True)
