"""argv -> command -> exit status; the only place that catches a `Diagnostic`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from converters.diagnostic import Diagnostic
from zoo.commands import cli

BUG = 70
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status (the table is in docs/exit-status.md)."""
    try:
        status = cli.main(args=None if argv is None else list(argv), prog_name="zoo", standalone_mode=False)
    except Exception as fault:  # noqa: BLE001 - the one place that turns every fault into a status
        return _explain(fault)
    except KeyboardInterrupt:
        return _interrupted()
    return status if isinstance(status, int) else 0


def _explain(fault: Exception) -> int:
    if isinstance(fault, click.exceptions.Abort):
        return _interrupted()
    if isinstance(fault, click.ClickException):
        fault.show()
        return fault.exit_code
    if isinstance(fault, Diagnostic):
        _say(f"error[{fault.code}]: {fault}")
        return fault.exit_status
    if isinstance(fault, BrokenPipeError):
        _close_stdout()
        return 0
    return _bug(fault)


def _bug(fault: Exception) -> int:
    if os.environ.get("ZOO_TRACEBACK"):
        raise fault
    _say(f"error[bug]: {type(fault).__name__}: {fault}")
    _say("  hint: this is a fault of zoo itself; run again with ZOO_TRACEBACK=1 and report what it prints")
    return BUG


def _interrupted() -> int:
    _say("interrupted: nothing half-written is left behind")
    return INTERRUPTED


def _say(text: str) -> None:
    click.echo(text, err=True)


def _close_stdout() -> None:
    """Point stdout at the null device, so that the interpreter's last flush has nothing to complain about."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def entry() -> None:
    """Console script: exit with the status of `main`."""
    sys.exit(main())


if __name__ == "__main__":
    sys.exit(main())
