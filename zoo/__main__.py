"""argv -> command -> exit status; the only place that catches a `Diagnostic`."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import click

from converters.diagnostic import Diagnostic, OutputFault
from zoo.commands import cli

BUG = 70
INTERRUPTED = 130
READER_GONE = 141  # 128 + SIGPIPE: what a shell reports of any program whose reader closed the pipe
_COMPLETE = "_ZOO_COMPLETE"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT}) if sys.platform != "win32" else frozenset({errno.ENOSPC})


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status (the table is in docs/exit-status.md)."""
    try:
        return _run(sys.argv[1:] if argv is None else list(argv))
    except Exception as fault:  # noqa: BLE001 - the one place that turns every fault into a status
        return _explain(fault)
    except KeyboardInterrupt:
        _say("interrupted: nothing half-written is left behind")
        return INTERRUPTED


def _run(argv: list[str]) -> int:
    """The command's own status; 0 for one that returns nothing.

    Not `cli.main`: click would turn a broken pipe into status 1 (the check says no) and any EOFError into Ctrl-C.
    """
    if _COMPLETE in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "zoo", _COMPLETE, os.environ[_COMPLETE])
    try:
        with cli.make_context("zoo", argv) as context:
            status = cli.invoke(context)
    except click.exceptions.Exit as end:  # --help and --version end like this
        status = end.exit_code
    _flush()
    return status if isinstance(status, int) else 0


def _explain(fault: Exception) -> int:
    if not _can_flush():
        _drop_stdout()
    if isinstance(fault, BrokenPipeError):
        return READER_GONE
    if isinstance(fault, click.ClickException):
        fault.show()
        return fault.exit_code
    if os.environ.get("ZOO_TRACEBACK"):
        import traceback

        _say("".join(traceback.format_exception(fault)).rstrip("\n"))
    if isinstance(fault, Diagnostic):
        _say(f"error[{fault.code}]: {fault}")
        return fault.exit_status
    if isinstance(fault, OSError) and fault.errno in _FULL:
        _say(f"error[output]: {fault.filename or 'the output'} cannot be written: {fault.strerror}")
        return OutputFault.exit_status
    _say(f"error[bug]: {type(fault).__name__}: {fault}")
    _say("  hint: this is a fault of zoo itself; run again with ZOO_TRACEBACK=1 and report what it prints")
    return BUG


def _say(text: str) -> None:
    from zoo.console import complain

    complain(text)


def _flush() -> None:
    """What click printed is delivered before the status is known to be right."""
    from zoo.console import delivered

    with delivered():
        if sys.stdout is not None:
            sys.stdout.flush()


def _can_flush() -> bool:
    try:
        _flush()
    except (OutputFault, BrokenPipeError):
        return False
    return True


def _drop_stdout() -> None:
    """Point stdout at the null device, so that the interpreter's last flush has nothing to complain about."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def entry() -> None:
    """Console script: exit with the status of `main`."""
    sys.exit(main())


if __name__ == "__main__":
    entry()
