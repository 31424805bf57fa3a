from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from house import ROOT, name, sources, tracked, tree

from zoo.commands import COMMANDS, cli

TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".json", ".sh", ".schema", ""}
CATCH_ALL = {"Exception", "BaseException"}


def test_no_fault_is_swallowed():
    """`except Exception: pass` and its kin: a handler for everything that does nothing."""
    silent = [
        f"{name(path)}:{node.lineno}"
        for path in sources("zoo", "converters", "benchmarks", "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in CATCH_ALL))
        and all(isinstance(step, ast.Pass | ast.Continue | ast.Constant) for step in _steps(node.body))
    ]
    assert silent == []


def _steps(body):
    return [step.value if isinstance(step, ast.Expr) else step for step in body]


def test_only_the_console_writes_to_stdout_and_stderr():
    talkers = [
        f"{name(path)}:{node.lineno}"
        for path in sources("zoo", "converters")
        if name(path) != "zoo/console.py" and "workers" not in path.parts  # workers live in other processes
        for node in ast.walk(tree(path))
        if _prints(node)
    ]
    assert talkers == []


def _prints(node):
    if not isinstance(node, ast.Call):
        return False
    spoken = ast.unparse(node.func)
    return spoken in {"print", "click.echo", "click.secho"} or re.fullmatch(r"sys\.std(out|err)\.write(lines)?", spoken)


def test_the_project_names_no_machine_and_no_package_index():
    """A path of the machine that it was written on, or the host of an index, would be true in one place only."""
    index = "(p[y]pi|pythonh[o]sted|tuna|aliyun)"
    patterns = [
        re.compile(r"(?<![\w.{])/(root|home/\w+|work|Users/\w+)/[\w.]"),
        re.compile(rf"https?://[\w.-]*{index}\.[\w.-]+"),
    ]
    found = [
        f"{name(path)}:{number}: {line.strip()[:100]}"
        for path in tracked()
        if path.suffix in TEXT and path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if any(pattern.search(line) for pattern in patterns)
    ]
    assert found == []


def test_the_import_contracts_hold():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def _options(command):
    return {option for parameter in command.params for option in parameter.opts}


def _leaves(command, path):
    if isinstance(command, click.Group):
        for title in command.list_commands(click.Context(command)):
            yield from _leaves(command.get_command(click.Context(command), title), f"{path} {title}")
    else:
        yield path, command


@pytest.mark.parametrize("title", COMMANDS)
def test_every_command_can_answer_in_json(title):
    command = cli.get_command(click.Context(cli), title)
    assert [path for path, leaf in _leaves(command, title) if "--json" not in _options(leaf)] == []


@pytest.mark.parametrize("title", COMMANDS)
def test_every_option_explains_itself(title):
    command = cli.get_command(click.Context(cli), title)
    mute = [
        f"{path} {parameter.opts[0]}"
        for path, leaf in _leaves(command, title)
        for parameter in leaf.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert mute == []


def test_every_skip_and_xfail_has_a_reason():
    bare = [
        f"{name(path)}:{node.lineno}"
        for path in sources("tests")
        for node in ast.walk(tree(path))
        if _skips(node) and not _reason(node)
    ]
    bare += [
        f"{name(path)}:{node.lineno}"
        for path in sources("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"pytest.mark.skip", "pytest.mark.xfail"}
        if not any(isinstance(up, ast.Call) and up.func is node for up in ast.walk(tree(path)))
    ]
    assert bare == []


def _skips(node):
    marks = {"pytest.skip", "pytest.xfail", "pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}
    return isinstance(node, ast.Call) and ast.unparse(node.func) in marks


def _reason(node):
    given = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
    positional = node.args[:1] if ast.unparse(node.func) in {"pytest.skip", "pytest.xfail"} else []
    return any(not isinstance(value, ast.Constant) or value.value for value in [*given, *positional])


def test_every_lint_exception_has_a_reason():
    bare = [
        f"{name(path)}:{number}"
        for path in sources("zoo", "converters")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"#\s*(noqa|type: ignore)(?!.*( - | # |: .* [-#] )).*$", line)
    ]
    assert bare == []
