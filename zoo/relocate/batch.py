"""One file or a folder of them, relocated: every file has an outcome, and one that fails stops no other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.diagnostics import Diagnostic, OutputFault, Where
from zoo.relocate.applying import apply
from zoo.relocate.plan import Plan, Request, size
from zoo.relocate.planning import plan

_WORKERS = 4  # copies beside each other; the disk is the limit


@dataclass(frozen=True, slots=True)
class Job:
    """One file and where its new form goes; the same place when it is changed in place."""

    path: Path
    out: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: its plan, and whether it was written; or the fault that stopped it."""

    job: Job
    plan: Plan | None = None
    written: bool = False
    fault: Diagnostic | None = None


def one(job: Job, request: Request, *, dry: bool, force: bool, advance: Callable[[int], None] | None = None) -> Outcome:
    """Plan one file and, unless `dry`, write it; in place nothing is touched when nothing changes."""
    made = plan(job.path, request)
    in_place = job.out == job.path
    if dry or not made.places or (in_place and made.unchanged):
        return Outcome(job, made)
    if not (in_place or force) and job.out.exists():
        raise OutputFault("exists", "there is such a file already", where=Where(str(job.out)), hint="--force")
    target = job.out.resolve() if in_place else job.out  # a link keeps pointing at the file that it names
    apply(made, job.path, target, durable=in_place, advance=advance)
    return Outcome(job, made, written=True)


def many(
    folder: Path, out: Path, request: Request, *, dry: bool, force: bool, done: Callable[[Outcome], None]
) -> list[Outcome]:
    """All files under a folder, in the order of their names; what is no checkpoint has a fault for an outcome."""

    def work(job: Job) -> Outcome:
        try:
            outcome = one(job, request, dry=dry, force=force)
        except Diagnostic as fault:
            outcome = Outcome(job, fault=fault)
        done(outcome)
        return outcome

    from concurrent.futures import ThreadPoolExecutor  # one file needs no threads, and starts sooner without

    jobs = [Job(path, out / path.relative_to(folder)) for path in _files(folder)]
    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(work, jobs))


def _files(folder: Path) -> Iterator[Path]:
    """Every regular file under a folder; links are not followed out of it, unfinished outputs are no files."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file() and not path.is_symlink() and not name.endswith(".part"):
                yield path


def new_size(plan: Plan) -> int:
    """Bytes of the file that the plan makes."""
    return sum(map(size, plan.pieces))


def refused(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes that are failures: a file that is simply no checkpoint is not."""
    return [one for one in outcomes if one.fault is not None and one.fault.code not in ("no-checkpoint", "empty-file")]
