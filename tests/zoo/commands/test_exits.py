"""Exit statuses of the shell, seen from outside: a real process, a real signal, a real pipe.

The commands that the processes run are planted in the command table: plain functions that raise what a command may.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PLANTED = """
import os, signal, sys, time, click
from zoo import commands
from zoo.__main__ import main
from zoo.diagnostics import BackendFault, Diagnostic, IntegrityFault, OutputFault, TransferFault, UsageFault
from zoo.console import Console

@click.command("planted")
@click.argument("what")
def planted(what):
    FAULTS = {kind.__name__: kind for kind in
              (BackendFault, Diagnostic, IntegrityFault, OutputFault, TransferFault, UsageFault)}
    if what in FAULTS:
        raise FAULTS[what]("planted", "message", details=["detail"], hint="hint")
    if what.startswith("return "):
        return int(what.split()[1])
    if what == "bug":
        return [][1]
    if what == "eof":
        raise EOFError("of a file")
    if what == "wait":
        print("ready", flush=True)
        time.sleep(60)
    if what == "interrupt-twice":
        raise KeyboardInterrupt
    if what == "much":
        Console().result("x", {}, lambda: "line\\n" * 200_000)
    if what == "little":
        Console().result("x", {}, lambda: "line")

commands.COMMANDS["planted"] = commands.Row("__main__:planted", "planted")
sys.exit(main(["planted", *sys.argv[1:]]))
"""


def zoo(*arguments, **options):
    command = [sys.executable, "-c", PLANTED, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("UsageFault", 2),
        ("OutputFault", 2),
        ("Diagnostic", 3),
        ("IntegrityFault", 4),
        ("TransferFault", 4),
        ("BackendFault", 5),
    ],
)
def test_each_kind_of_fault_has_its_status_and_one_message_on_stderr(fault, status):
    done = zoo(fault)
    assert done.returncode == status
    assert done.stdout == ""
    assert done.stderr == "error[planted]: message\n    detail\n  hint: hint\n"


@pytest.mark.parametrize("status", [0, 1, 6])
def test_a_command_returns_its_own_status(status):
    done = zoo(f"return {status}")
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


@pytest.mark.parametrize(
    ("what", "said"), [("bug", "IndexError: list index out of range"), ("eof", "EOFError: of a file")]
)
def test_a_fault_of_zoo_itself_is_70_without_a_traceback_and_says_how_to_get_one(what, said):
    done = zoo(what)
    assert done.returncode == 70
    assert done.stdout == ""
    assert f"error[bug]: {said}" in done.stderr
    assert "ZOO_TRACEBACK=1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("what", "status"), [("bug", 70), ("UsageFault", 2)])
def test_zoo_traceback_adds_the_traceback_and_keeps_the_status(what, status):
    done = zoo(what, env={**os.environ, "ZOO_TRACEBACK": "1"})
    assert done.returncode == status
    assert "Traceback (most recent call last)" in done.stderr
    assert "in planted" in done.stderr


def test_ctrl_c_is_130_and_one_line():
    command = [sys.executable, "-c", PLANTED, "wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "interrupted: nothing half-written is left behind\n"


def test_a_reader_that_goes_away_is_141_and_no_word():
    command = [sys.executable, "-c", PLANTED, "much"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        process.wait(timeout=60)
    assert (process.returncode, said) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("amount", ["much", "little", "--help"])
def test_a_full_disk_behind_stdout_is_an_output_fault(amount, unbuffered):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", PLANTED, amount]
        done = subprocess.run(
            command,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert done.returncode == 2
    assert re.fullmatch(r"error\[\w+\]: .* cannot be written: No space left on device\n", done.stderr)


def test_a_closed_stderr_does_not_send_errors_to_stdout():
    done = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -c "$1" UsageFault 2>&-', "sh", PLANTED],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
