"""What a whole process costs: wall time, processor time and peak memory, as medians over several runs.

Figures of two commands are only compared when both were taken in one run of a benchmark: `report` prints
them side by side with their ratio, which travels between machines far better than the seconds do.

A benchmark imports nothing large itself: until exec a child shares its parent's pages, and Linux counts them
as the child's peak.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile

# ru_maxrss is kilobytes on Linux and bytes on macOS (getrusage(2) of each).
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians over `runs` whole processes, interpreter start and exit included."""

    wall: float  # seconds from spawn to reaped
    cpu: float  # user + system seconds of the process and of the children that it waited for
    rss_bytes: int  # the largest resident set; mapped file pages count
    runs: int
    best: float = 0.0  # seconds of the fastest run, where that was asked for: the one that others disturbed least


class CommandFailed(RuntimeError):
    """A measured command ended with a status that is not 0: its figures would mean nothing."""


def measure(
    argv: Sequence[str],
    runs: int = 5,
    warmup: int = 1,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Figures:
    """Medians of `runs` runs after `warmup` runs that do not count; stdout is thrown away.

    Raises `CommandFailed` with the end of stderr when any run, warm-up included, does not exit with 0.
    """
    for _ in range(warmup):
        _once(argv, cwd, env)
    samples = [_once(argv, cwd, env) for _ in range(runs)]
    walls, cpus, sizes = zip(*samples, strict=True)
    return Figures(wall=median(walls), cpu=median(cpus), rss_bytes=int(median(sizes)), runs=runs)


def measure_in_turn(
    commands: Mapping[str, Sequence[str]],
    runs: int = 5,
    *,
    before: Callable[[], None] = lambda: None,
    env: Mapping[str, str] | None = None,
) -> dict[str, Figures]:
    """As `measure`, one round of all commands after the other, so that a busy minute of the machine meets them all.

    The first round does not count. `before` runs ahead of every command and is not measured.
    """
    samples: dict[str, list[tuple[float, float, int]]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, argv in commands.items():
            before()
            taken = _once(argv, None, env)
            if number:
                samples[name].append(taken)
    found = {}
    for name, rows in samples.items():
        walls, cpus, sizes = zip(*rows, strict=True)
        found[name] = Figures(median(walls), median(cpus), int(median(sizes)), runs, best=min(walls))
    return found


def _once(argv: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None) -> tuple[float, float, int]:
    with TemporaryFile() as errors:
        start = time.perf_counter()
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=errors, cwd=cwd, env=env)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)  # reaped here: Popen must not wait again
        if child.returncode != 0:
            errors.seek(0)
            tail = errors.read().decode(errors="replace")[-2000:]
            raise CommandFailed(f"{' '.join(argv)}: exit status {child.returncode}\n{tail}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _RSS_UNIT


def report(figures: Mapping[str, Figures]) -> str:
    """A text table, one row a command; the ratios are to the first command."""
    first = next(iter(figures.values()))
    lines = [f"{'command':<28}{'wall s':>10}{'ratio':>8}{'cpu s':>10}{'ratio':>8}{'peak MB':>10}"]
    for name, taken in figures.items():
        lines.append(
            f"{name:<28}{taken.wall:>10.3f}{taken.wall / first.wall:>8.2f}"
            f"{taken.cpu:>10.3f}{taken.cpu / first.cpu:>8.2f}{taken.rss_bytes / 1e6:>10.1f}"
        )
    return "\n".join([*lines, f"medians of {first.runs} whole-process runs"])
