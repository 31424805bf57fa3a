"""A process under supervision ends with everything it started: on its limit, on Ctrl-C, and when it is done."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICK = 0.25  # seconds between two looks at the progress


@dataclass(frozen=True, slots=True)
class End:
    """How a process ended: `status` as `subprocess` tells it (negative: a signal), None when its time ran out."""

    status: int | None

    @property
    def signal(self) -> str | None:
        """Name of the signal that killed it, None otherwise."""
        if self.status is None or self.status >= 0:
            return None
        try:
            return signal.Signals(-self.status).name
        except ValueError:
            return f"signal {-self.status}"


def supervise(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    limit: float,
    progress: Callable[[], int] = lambda: 0,
) -> End:
    """Runs `command` in `folder` as the head of its own session; stdout and stderr go to `log`.

    `limit` is in seconds and starts anew whenever `progress()` changes. The process gets a pipe as stdin that is
    never written to: its end tells a worker that zoo is gone. OSError when the command cannot be started at all.
    """
    with log.open("ab") as sink:
        process = subprocess.Popen(  # noqa: S603 - interpreters and pip, as a list, no shell
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return End(_wait(process, limit, progress))
    finally:
        _end(process)


def _wait(process: subprocess.Popen[bytes], limit: float, progress: Callable[[], int]) -> int | None:
    seen, since = progress(), time.monotonic()
    while True:
        left = since + limit - time.monotonic()
        if left <= 0:
            return None
        try:
            return process.wait(min(_TICK, left))
        except subprocess.TimeoutExpired:
            now = progress()
            if now != seen:
                seen, since = now, time.monotonic()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole group, so that no child outlives its parent, and reap the parent."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):  # nobody is left (macOS answers EPERM for zombies)
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    if process.stdin:
        process.stdin.close()
