"""The only module that writes to stdout and stderr: results to stdout, progress and notes to stderr."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import StringIO
from typing import IO, TYPE_CHECKING

from zoo.diagnostics import OutputFault

if TYPE_CHECKING:
    from rich.progress import Progress

SCHEMA_VERSION = 1
_EVENT_INTERVAL = 0.5  # seconds between two events
_PLAIN_INTERVAL = 5.0  # seconds between two progress lines where no bar can be drawn


class Console:
    """One sink for a command: `human` (the default), `json` (one document on stdout) or `quiet`."""

    def __init__(
        self, mode: str = "human", *, out: IO[str] | None = None, err: IO[str] | None = None, progress: str = "auto"
    ) -> None:
        self.mode = mode
        self._style = progress
        self._out = out or _open_or_null(sys.stdout)
        self._err = err or _open_or_null(sys.stderr)
        self._lock = threading.Lock()
        self._bars: Progress | None = None
        self._shown = 0

    def result(self, schema: str, payload: Mapping[str, object], human: Callable[[], str]) -> None:
        """Print the command's result once: `human()` as text, or `payload` as JSON under `zoo/<schema>`."""
        text = document(schema, payload) if self.mode == "json" else human().rstrip("\n")
        with delivered():
            print(text, file=self._out, flush=True)

    def note(self, text: str) -> None:
        """Say something about the way to the result, on stderr; silent when quiet. Threads may speak at once."""
        if self.mode == "quiet":
            return
        with self._lock:
            bars = self._bars
        if bars is not None:
            bars.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=self._err)

    @contextmanager
    def progress(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Show bytes going by: a bar on a terminal, a line every five seconds elsewhere, nothing when quiet.

        Several may be open at once, in several threads. The style `json` writes events, one a line; `plain` and `none`
        do as they say. Yields a function to call with the number of bytes done since the last call.
        """
        if self.mode == "quiet" or self._style == "none":
            yield lambda _count: None
        elif self._style == "json":
            yield from _events(label, total, self.note)
        elif self._style == "auto" and self._err.isatty():
            with self._bar(label, total) as advance:
                yield advance
        else:
            yield _plain_progress(label, total, self.note)

    @contextmanager
    def _bar(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        with self._lock:
            bars = self._bars = self._bars or _bars(self._err)
            self._shown += 1
            bars.start()
        task = bars.add_task(label, total=total)
        try:
            yield lambda count: bars.update(task, advance=count)
        finally:
            with self._lock:
                self._shown -= 1
                bars.remove_task(task)
                if not self._shown:
                    bars.stop()
                    self._bars = None


def _bars(stream: IO[str]) -> Progress:
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=RichConsole(file=stream), transient=True)


def _events(label: str, total: int | None, say: Callable[[str], None]) -> Iterator[Callable[[int], None]]:
    """Events as JSON, one a line: start, progress (at most two a second), end."""
    done, spoken = 0, time.monotonic()

    def tell(event: str) -> None:
        say(json.dumps({"event": event, "label": label, "done": done, "total": total}))

    def advance(count: int) -> None:
        nonlocal done, spoken
        done += count
        now = time.monotonic()
        if now - spoken >= _EVENT_INTERVAL:
            spoken = now
            tell("progress")

    tell("start")
    try:
        yield advance
    finally:
        tell("end")


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
    return json.dumps(finite(whole), indent=2, default=str, allow_nan=False)


def finite(value: object) -> object:
    """The value with None for every NaN and infinity in it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """A plain text table with aligned columns; nothing is cut off, long cells are folded where `width` is given."""
    grid = [tuple(header), *(tuple(row) for row in rows)]
    if width is None and all(cell.isascii() and cell.isprintable() for row in grid for cell in row):
        return _aligned(grid)
    return _folded(header, rows, width)


def _aligned(grid: Sequence[tuple[str, ...]]) -> str:
    """Every column as wide as its widest cell: 400 rows take a millisecond, rich needs half a second for them."""
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in grid]
    if sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown"):
        lines[0] = f"\033[1m{lines[0]}\033[0m"
    return "\n".join(lines)


def _folded(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> str:
    """The same by rich, which folds cells and knows how wide the characters of all scripts are."""
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
