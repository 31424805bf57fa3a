"""Runs artifacts in backends: every set of samples in one process, in parallel, and nothing that fails is forgotten."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event
from typing import TypeVar

from zoo.backends.card import Card
from zoo.backends.exchange import Failed, Job, Reply
from zoo.diagnostics import BackendFault
from zoo.parity.detections.parts import Parts, fold
from zoo.parity.feeding import Numbers, samples_of
from zoo.parity.plan import NotRun, Run
from zoo.parity.portions import behind
from zoo.parity.report import Ran

Runner = Callable[[Card, Sequence[Job], Callable[[], bool]], Sequence[Reply | Failed]]
Outputs = Mapping[str, Numbers]
T = TypeVar("T")
Task = Callable[[Callable[[], bool]], T]

# Failures in which the backend said what it does not accept, or is not there: nobody is to blame unless it was named.
_EXCUSED = frozenset({"refused", "unavailable", "missing-module"})


@dataclass(frozen=True, slots=True)
class Work:
    """One run and its jobs: set of samples -> one for each portion that the artifact takes at a time.

    `taps` maps outputs to the names under which this backend gives what goes into their last softmax. `plain` are the
    same jobs without them, for a backend that does not know these names after all.
    """

    run: Run
    jobs: Mapping[str, Sequence[Job]]
    taps: Mapping[str, str] = field(default_factory=dict)
    plain: Mapping[str, Sequence[Job]] = field(default_factory=dict)
    rows: frozenset[str] = frozenset()
    """Outputs, under this run's names, that hold detections: portions of them differ in size."""
    parts: tuple[Parts, ...] = ()
    """Outputs that hold detections together: each portion's are joined before the portions are."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run's outputs under its own names: on the first set of samples, and on the others by the set's name.

    `logits` holds what goes into the last softmax of the outputs that have one: set -> output -> array.
    """

    run: Run
    ran: Ran
    outputs: Outputs
    others: Mapping[str, Outputs] = field(default_factory=dict)
    logits: Mapping[str, Outputs] = field(default_factory=dict)
    leading: int | None = None
    """How many of the samples it was run on, the first ones; None: all."""
    parts: tuple[Parts, ...] = ()
    """What was joined of its outputs."""
    rows: frozenset[str] = frozenset()
    """Outputs that hold detections, joined or not."""

    def on(self, name: str, main: str) -> Outputs | None:
        """The outputs on one set of samples; None where this run was not fed it."""
        return self.outputs if name == main else self.others.get(name)


def run_all(
    work: Sequence[Work], run: Runner, beside: Sequence[Task[T]] = ()
) -> tuple[list[Result], Result | None, list[NotRun], list[T]]:
    """Every run's result, a second result of the first of them (the reference), the runs that failed, and `beside`.

    What is to be done beside the runs begins first: it takes longest.
    """
    tasks: list[Task[Result | NotRun | T]] = [*beside, *(task(one, run) for one in (*work[:1], *work))]
    done = in_parallel(tasks)
    others: list[T] = done[: len(beside)]  # type: ignore[assignment]  # in the order of the tasks
    found: list[Result | NotRun] = done[len(beside) :]  # type: ignore[assignment]  # likewise
    again, answers = (found[0], found[1:]) if found else (None, found)
    results = [answer for answer in answers if isinstance(answer, Result)]
    failed = [answer for answer in answers if isinstance(answer, NotRun)]
    if results and results[0] is not answers[0]:  # the run that was to be the reference failed: another one is
        (again,) = in_parallel([task(one, run) for one in work if one.run is results[0].run])
    if isinstance(again, NotRun) and results:
        failed.append(again)
    return results, again if isinstance(again, Result) else None, failed, others


def in_parallel(tasks: Sequence[Task[T]]) -> list[T]:
    """As many at a time as there are processors; on Ctrl-C all of them are told to stop, and none is left behind."""
    stop = Event()
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        try:
            return list(pool.map(lambda one: one(stop.is_set), tasks))
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def task(work: Work, run: Runner) -> Task[Result | NotRun]:
    """One run, to be done beside others."""
    return lambda stop: run_once(work, run, stop)


def run_once(work: Work, run: Runner, stop: Callable[[], bool]) -> Result | NotRun:
    """All jobs of one run; once more without the taps where the backend does not know them."""
    answers = list(run(work.run.card, _flat(work.jobs), stop))
    if work.taps and any(isinstance(answer, Failed) and answer.reason in ("refused", "failed") for answer in answers):
        work = replace(work, jobs=work.plain, taps={})
        answers = list(run(work.run.card, _flat(work.jobs), stop))
    label, card = work.run.source.label, work.run.card
    replies: list[Reply] = []
    for answer in answers:
        if isinstance(answer, Failed):
            excused = answer.reason in _EXCUSED and not work.run.insisted
            return NotRun(label, card.name, str(answer), None, 0 if excused else BackendFault.exit_status)
        replies.append(replace(answer, outputs=fold(work.parts, answer.outputs)))
    rest = iter(replies)
    joined = {name: _joined([next(rest) for _ in jobs], _sizes(jobs), work.rows) for name, jobs in work.jobs.items()}
    hidden = {inner: output for output, inner in work.taps.items()}
    seconds = sum(reply.seconds for reply in replies)
    shown = {name: {k: v for k, v in found.items() if k not in hidden} for name, found in joined.items()}
    main, *others = shown
    return Result(
        run=work.run,
        ran=Ran(label, card.name, replies[0].versions, seconds, replies[0].settings),
        outputs=shown[main],
        others={name: shown[name] for name in others},
        logits={name: {hidden[k]: v for k, v in found.items() if k in hidden} for name, found in joined.items()},
        parts=tuple(group for group in work.parts if group.joined in shown[main]),
        rows=work.rows,
    )


def _flat(jobs: Mapping[str, Sequence[Job]]) -> list[Job]:
    return [job for portions in jobs.values() for job in portions]


def _sizes(jobs: Sequence[Job]) -> list[int]:
    """How many samples each portion has."""
    return [samples_of(job.inputs) for job in jobs]


def _joined(replies: Sequence[Reply], sizes: Sequence[int], rows: frozenset[str]) -> Outputs:
    """The portions' outputs joined along the first axis, detections row by row; what a portion lacks is lacking."""
    first = replies[0]
    if len(replies) == 1:
        return first.outputs
    names = [name for name in first.outputs if all(name in reply.outputs for reply in replies)]
    return {name: behind([reply.outputs[name] for reply in replies], sizes, rows=name in rows) for name in names}
