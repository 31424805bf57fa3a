"""The commands that the documentation shows are run, and its links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from house import ROOT, name, tracked

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!https?://|#)([^)#\s]+)[^)]*\)")
FILE = re.compile(r"^```(?:toml|yaml)\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [path for path in tracked() if path.suffix == ".md"]


class Command(NamedTuple):
    """A line `$ zoo ...` of a console block; `# status N` behind it says that it does not end with 0."""

    arguments: list[str]
    status: int


def commands(page: Path) -> list[Command]:
    """All of a page's zoo commands, in order: they run one after another in one folder."""
    lines = [line for block in BLOCK.findall(page.read_text(encoding="utf-8")) for line in block.splitlines()]
    return [_command(line[6:]) for line in lines if line.startswith("$ zoo ")]


def _command(text: str) -> Command:
    text, _, status = text.partition("# status ")
    return Command(shlex.split(text), int(status or 0))


def test_the_runner_finds_commands_and_statuses():
    assert _command("show x@caffe  # status 2") == Command(["show", "x@caffe"], 2)
    assert Command(["ls"], 0) in commands(ROOT / "README.md")


def files(page: Path) -> dict[str, str]:
    """The files that a page shows under their names, in a block whose first line is `# NAME`."""
    return dict(FILE.findall(page.read_text(encoding="utf-8")))


def steps(page: Path) -> list[str]:
    """The zoo commands of the workflows that a page shows."""
    found = [yaml.safe_load(text) for path, text in files(page).items() if path.startswith(".github/workflows/")]
    jobs = [job for workflow in found for job in workflow["jobs"].values()]
    lines = [line for job in jobs for step in job["steps"] for line in step.get("run", "").splitlines()]
    return [line[4:] for line in lines if line.startswith("zoo ")]


@pytest.mark.index
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name)
def test_the_commands_of_a_page_end_as_it_says(page, tmp_path):
    """In a folder with the files that the page shows; then the commands of its workflows, as a CI system runs them."""
    here = tmp_path / "here"
    for path, text in files(page).items():
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_text(text, encoding="utf-8")
    here.mkdir(exist_ok=True)
    own = {name: value for name, value in os.environ.items() if name != "CI"}  # a page is typed by a person
    run(commands(page), here, {**own, "ZOO_HOME": str(tmp_path / "store")})
    runner = {"CI": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    run([_command(line) for line in steps(page)], here, {**own, **runner, "ZOO_HOME": str(tmp_path / "store")})


def run(lines, folder, environment):
    zoo = str(Path(sys.executable).with_name("zoo"))
    for command in lines:
        done = subprocess.run(
            [zoo, *command.arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        assert done.returncode == command.status, f"zoo {shlex.join(command.arguments)}\n{done.stdout}{done.stderr}"


def test_the_runner_finds_the_steps_of_a_workflow_and_the_files_of_a_page():
    page = ROOT / "docs" / "ci.md"
    assert "zoo.toml" in files(page)
    assert any(line.startswith("check-parity") and "--github" in line for line in steps(page))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_inside_the_project_leads_to_a_file(page):
    broken = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert broken == []


def test_every_exit_status_in_the_code_is_in_the_table():
    table = (ROOT / "docs" / "exit-status.md").read_text(encoding="utf-8")
    documented = {int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    from converters import diagnostic
    from zoo import __main__, diagnostics
    from zoo.parity import report

    kinds = [kind for module in (diagnostic, diagnostics) for kind in vars(module).values() if isinstance(kind, type)]
    used = {kind.exit_status for kind in kinds if issubclass(kind, diagnostic.Diagnostic)}
    used |= {__main__.BUG, __main__.INTERRUPTED, __main__.READER_GONE, report.DIFFERS, report.INCONCLUSIVE, 0}
    assert used == documented
