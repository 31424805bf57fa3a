"""The only module that writes to stdout and stderr: results to stdout, progress and notes to stderr."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import StringIO
from typing import IO

from zoo.diagnostics import OutputFault

SCHEMA_VERSION = 1
_PLAIN_INTERVAL = 5.0  # seconds between two progress lines where no bar can be drawn


class Console:
    """One sink for a command: `human` (the default), `json` (one document on stdout) or `quiet`."""

    def __init__(self, mode: str = "human", *, out: IO[str] | None = None, err: IO[str] | None = None) -> None:
        self.mode = mode
        self._out = out or _open_or_null(sys.stdout)
        self._err = err or _open_or_null(sys.stderr)

    def result(self, schema: str, payload: Mapping[str, object], human: Callable[[], str]) -> None:
        """Print the command's result once: `human()` as text, or `payload` as JSON under `zoo/<schema>`."""
        text = document(schema, payload) if self.mode == "json" else human().rstrip("\n")
        with delivered():
            print(text, file=self._out, flush=True)

    def note(self, text: str) -> None:
        """Say something about the way to the result, on stderr; silent when quiet."""
        if self.mode != "quiet":
            print(text, file=self._err)

    @contextmanager
    def progress(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Show bytes going by: a bar on a terminal, a line every five seconds elsewhere, nothing when quiet.

        Yields a function to call with the number of bytes done since the last call.
        """
        if self.mode == "quiet":
            yield lambda _count: None
        elif self._err.isatty():
            with self._bar(label, total) as advance:
                yield advance
        else:
            yield _plain_progress(label, total, self.note)

    @contextmanager
    def _bar(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=RichConsole(file=self._err), transient=True) as bar:
            task = bar.add_task(label, total=total)
            yield lambda count: bar.update(task, advance=count)


@contextmanager
def delivered() -> Iterator[None]:
    """Turns the failure of a write to stdout into an `OutputFault`; a reader that went away stays BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as fault:
        raise OutputFault("stdout", f"stdout cannot be written: {fault.strerror}") from fault


def complain(text: str) -> None:
    """Say on stderr why a command failed; a stderr that nobody reads any more is no reason for a second fault."""
    with suppress(OSError):
        print(text, file=_open_or_null(sys.stderr), flush=True)


def _open_or_null(stream: IO[str] | None) -> IO[str]:
    """A stream that the caller of zoo closed swallows what it is given: print(file=None) would go to stdout."""
    return stream if stream is not None else StringIO()


def document(schema: str, payload: Mapping[str, object]) -> str:
    """A JSON document that names its schema and version: `{"schema": "zoo/<schema>", "version": 1, ...}`.

    NaN and infinite numbers, which JSON does not know, become null.
    """
    whole = {"schema": f"zoo/{schema}", "version": SCHEMA_VERSION, **payload}
    return json.dumps(_finite(whole), indent=2, default=str, allow_nan=False)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """A plain text table with aligned columns; nothing is cut off unless `width` is given."""
    from rich.console import Console as RichConsole
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for title in header:
        grid.add_column(title, overflow="fold" if width else "ignore", no_wrap=width is None)
    for row in rows:
        grid.add_row(*row)
    sink = StringIO()
    colour = sys.stdout.isatty()
    RichConsole(file=sink, width=width or 10_000, force_terminal=colour, highlight=False, markup=False).print(grid)
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines())


def _plain_progress(label: str, total: int | None, say: Callable[[str], None]) -> Callable[[int], None]:
    done, spoken = 0, time.monotonic()

    def advance(count: int) -> None:
        nonlocal done, spoken
        done += count
        now = time.monotonic()
        if now - spoken >= _PLAIN_INTERVAL:
            spoken = now
            share = f" of {total:,} ({done / total:.0%})" if total else ""
            say(f"{label}: {done:,} bytes{share}")

    return advance
