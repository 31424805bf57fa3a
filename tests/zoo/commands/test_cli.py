from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from zoo import __version__
from zoo.__main__ import main
from zoo.commands import COMMANDS, cli

HEAVY = ["numpy", "onnx", "onnx_ir", "requests", "yaml", "pydantic", "rich", "PIL", "google.protobuf", "urllib3"]


def modules_after(*arguments):
    """The modules in memory when `zoo <arguments>` has ended in a fresh interpreter."""
    code = (
        "import sys, json, io, contextlib\n"
        "from zoo.__main__ import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):\n"
        "    main(sys.argv[1:])\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], [], ["puull"]])
def test_help_version_and_wrong_names_import_nothing_heavy(arguments):
    found = modules_after(*arguments)
    assert "click" in found
    assert [name for name in HEAVY if name in found] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_imports_neither_numpy_nor_onnx_nor_requests(name):
    found = modules_after(name, "--help")
    assert [module for module in ("numpy", "onnx", "onnx_ir", "requests", "yaml", "pydantic") if module in found] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_row_of_the_table_leads_to_a_command_that_bears_its_name_and_explains_itself(name):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert command.help


def test_help_lists_every_command_with_its_summary(capsys):
    assert main(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, row in COMMANDS.items():
        assert f"{name} {row.summary}" in text


def test_version_is_the_package_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"zoo, version {__version__}\n"


@pytest.mark.parametrize(("typed", "meant"), [("pul", "pull"), ("checkparity", "check-parity"), ("lss", "ls")])
def test_a_wrong_name_is_answered_with_the_nearest_one(typed, meant, capsys):
    assert main([typed]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert f"no such command: {typed}. Did you mean {meant}" in output.err


def test_a_name_like_no_other_points_to_help(capsys):
    assert main(["xyzzy"]) == 2
    assert "See zoo --help." in capsys.readouterr().err


def test_no_command_is_a_usage_fault_that_shows_the_help(capsys):
    assert main([]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "check-parity" in output.err


def test_the_module_and_the_script_are_the_same_program():
    script = str(Path(sys.executable).with_name("zoo"))
    one = subprocess.run([sys.executable, "-m", "zoo", "--version"], capture_output=True, text=True, check=True)
    two = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert one.stdout == two.stdout


def test_shells_can_ask_for_completions():
    environment = {**os.environ, "_ZOO_COMPLETE": "zsh_complete", "COMP_WORDS": "zoo check", "COMP_CWORD": "1"}
    done = subprocess.run([sys.executable, "-m", "zoo"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[1] == "check-parity"
