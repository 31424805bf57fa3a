"""Runs artifacts in a backend's own interpreter; whatever goes wrong there comes back as a `Failed` value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from zoo.backends import discovery
from zoo.backends.card import Card
from zoo.backends.exchange import BadReply, Failed, Job, Reply, log_tail, read_job, write_request
from zoo.backends.session import control_folder, converse, ended, job_folder, unwritable
from zoo.backends.written import prepared

__all__ = ["Failed", "Job", "Reply", "run", "run_many"]


def run(
    card: Card,
    artifact_format: str,
    files: Mapping[str, Path],
    inputs: Mapping[str, np.ndarray],
    *,
    outputs: Sequence[str] | None = None,
    options: Mapping[str, object] | None = None,
    timeout: float,
) -> Reply | Failed:
    """Runs one artifact once: see `Job` for the arguments. `timeout` is in seconds, the start of the process included.

    Several may run at a time: each call has a process and a private folder of its own, which is always removed.
    """
    asked = None if outputs is None else tuple(outputs)
    return run_many(card, [Job(artifact_format, files, inputs, asked, options or {})], timeout)[0]


def run_many(
    card: Card, jobs: Sequence[Job], timeout: float, stop: Callable[[], bool] = lambda: False
) -> list[Reply | Failed]:
    """Runs the jobs one after another in one process and answers them in their order; `timeout` is for one job.

    A job that kills or hangs the process fails alone: the jobs after it go on in a fresh process. When `stop()`
    becomes true the process is ended and KeyboardInterrupt raised: a thread never sees Ctrl-C by itself.
    """
    status = discovery.probe(card)
    if status.interpreter is None:
        return [_named(job.label, Failed("unavailable", status.why_not or "")) for job in jobs]
    with prepared(card, jobs) as (ready, unwritten):
        answers = _answers(card, status.interpreter, ready, unwritten, timeout, stop)
    return [_named(jobs[index].label, answers[index]) for index in range(len(jobs))]


def _answers(
    card: Card,
    interpreter: Path,
    jobs: Sequence[Job],
    unwritten: Mapping[int, Failed],
    timeout: float,
    stop: Callable[[], bool],
) -> dict[int, Reply | Failed]:
    refusals = {index: _refusal(card, job) for index, job in enumerate(jobs)}
    answers: dict[int, Reply | Failed] = {index: fault for index, fault in refusals.items() if fault}
    answers |= unwritten
    while waiting := {index: job for index, job in enumerate(jobs) if index not in answers}:
        try:
            with control_folder() as control:
                answers |= _attempt(card, interpreter, control, waiting, timeout, stop)
        except OSError as fault:
            answers |= dict.fromkeys(waiting, unwritable(fault))
    return answers


def _attempt(
    card: Card, interpreter: Path, control: Path, jobs: Mapping[int, Job], timeout: float, stop: Callable[[], bool]
) -> dict[int, Reply | Failed]:
    """One process for as many of `jobs` as it lives; answers at least one, so that trying again comes to an end.

    Thread counts are fixed when a process starts: jobs that want another one wait for the next process.
    """
    threads = _threads(next(iter(jobs.values())))
    batch = {index: job for index, job in jobs.items() if _threads(job) == threads}
    settings = {index: {**card.options, "threads": threads, **job.options} for index, job in batch.items()}
    write_request(control, {job_folder(index): (job, settings[index]) for index, job in batch.items()}, probe=False)
    end, hello = converse(card, interpreter, control, batch, threads, timeout, stop)
    if isinstance(hello, Failed):
        return dict.fromkeys(batch, hello)
    answers: dict[int, Reply | Failed] = {}
    for index, job in batch.items():
        folder = control / job_folder(index)
        try:
            answer = read_job(folder, job.outputs, hello, settings[index])
        except BadReply as fault:
            answer = Failed("bad-reply", str(fault))
        if answer is None and (folder / "log").exists():
            answer = ended(end, log_tail(folder), timeout)
        if answer is not None:
            answers[index] = answer
    return answers or dict.fromkeys(batch, ended(end, log_tail(control), timeout))


def _refusal(card: Card, job: Job) -> Failed | None:
    """What needs no process to be refused."""
    faults = [f"{path} is not a file" for path in job.files.values() if not path.is_file()]
    if job.format not in (known := [*card.reads, *card.converts]):
        faults.append(f"{card.name} reads {', '.join(known)}, not {job.format}")
    faults += [f"{card.name} has no option {name}" for name in job.options if name not in {"threads", *card.options}]
    threads = _threads(job)
    if not isinstance(threads, int) or threads < 1:
        faults.append(f"threads is {threads!r}, expected a positive number")
    return Failed("refused", "; ".join(faults)) if faults else None


def _threads(job: Job) -> int:
    return cast("int", job.options.get("threads", 1))


def _named(label: str, answer: Reply | Failed) -> Reply | Failed:
    return replace(answer, detail=f"{label}: {answer.detail}") if label and isinstance(answer, Failed) else answer
