"""Carries a plan out: converts, feeds, runs in parallel, compares everything with everything, and reports."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import numpy as np

from zoo.backends.card import Card
from zoo.backends.exchange import Failed, Job, Reply
from zoo.catalog.artifact import Artifact
from zoo.catalog.schema import OutputSpec
from zoo.diagnostics import BackendFault, Diagnostic
from zoo.parity.align import renamed
from zoo.parity.compare import Comparison, compare
from zoo.parity.feeding import Numbers, Port, Samples, batch_size, fed, leader
from zoo.parity.plan import NotRun, Plan, Run, Source
from zoo.parity.report import STEADY, Pair, Ran, Report, Row
from zoo.parity.tolerance import Tolerance

# Failures in which the backend said what it does not accept, or is not there: nobody is to blame unless it was named.
_EXCUSED = frozenset({"refused", "unavailable", "missing-module"})


@dataclass(frozen=True, slots=True)
class Means:
    """What a check acts with.

    `run` answers each job in order and gives up when the function that it is handed says so; `convert` writes ONNX
    into a folder; `ports` reads an artifact's inputs; `sample` makes the inputs for the leading ports and the number
    of samples that they need. `seen` is shown the runs that gave outputs, the reference first, and the samples.
    """

    run: Callable[[Card, Sequence[Job], Callable[[], bool]], Sequence[Reply | Failed]]
    convert: Callable[[Artifact, Path], Artifact]
    ports: Callable[[Artifact], tuple[Port, ...]]
    sample: Callable[[tuple[Port, ...], int], Samples]
    seen: Callable[[Sequence[Result], Samples], None] = lambda _results, _samples: None


@dataclass(frozen=True, slots=True)
class Work:
    """One run and its jobs, one for each portion of the samples that the artifact takes at a time."""

    run: Run
    jobs: Sequence[Job]


@dataclass(frozen=True, slots=True)
class Result:
    """One run's outputs under its own names."""

    run: Run
    ran: Ran
    outputs: Mapping[str, Numbers]


def apply(plan: Plan, means: Means, tolerance: Tolerance, batch: int) -> Report:
    """Run the plan and compare: the reference twice with itself, every other run with it, and every pair.

    A run that fails is a line of the report, and the next one that works becomes the reference.
    """
    with TemporaryDirectory(prefix="zoo-parity-") as folder:
        loaded, faults = _load(plan, means, Path(folder))
        if not loaded:
            return Report(None, None, (), (), (*plan.not_run, *faults), tolerance, "no samples", 0)
        ports = {source: means.ports(artifact) for source, artifact in loaded.items()}
        samples = means.sample(leader(list(ports.values())), batch_size(batch, list(ports.values())))
        jobs, unfed = _jobs(plan, loaded, ports, samples)
        results, again, failed = _run_all(jobs, means)
        means.seen(results, samples)
        return _report(results, again, samples, tolerance, (*plan.not_run, *faults, *unfed, *failed))


def _load(plan: Plan, means: Means, folder: Path) -> tuple[dict[Source, Artifact], list[NotRun]]:
    """Each source's files; a conversion that is refused is a line of the report and brings its own exit status."""
    loaded: dict[Source, Artifact] = {}
    faults: list[NotRun] = []
    for index, source in enumerate(dict.fromkeys(run.source for run in plan.runs)):
        try:
            loaded[source] = (
                means.convert(source.artifact, folder / str(index)) if source.converted else source.artifact
            )
        except Diagnostic as fault:
            backends = ", ".join(run.card.name for run in plan.runs if run.source == source)
            faults.append(
                NotRun(source.label, backends, f"{fault.code}: {fault.message}", fault.hint, fault.exit_status)
            )
    return loaded, faults


def _jobs(
    plan: Plan, loaded: Mapping[Source, Artifact], ports: Mapping[Source, tuple[Port, ...]], samples: Samples
) -> tuple[list[Work], list[NotRun]]:
    jobs: list[Work] = []
    faults: list[NotRun] = []
    for run in plan.runs:
        if run.source not in loaded:
            continue
        artifact = loaded[run.source]
        try:
            portions = fed(ports[run.source], samples, run.source.label)
        except Diagnostic as fault:
            faults.append(NotRun(run.source.label, run.card.name, fault.message, fault.hint, fault.exit_status))
        else:
            jobs.append(Work(run, [Job(artifact.format, artifact.files, portion) for portion in portions]))
    return jobs, faults


def _run_all(jobs: Sequence[Work], means: Means) -> tuple[list[Result], Result | None, list[NotRun]]:
    """Every run's result, a second result of the first of them (the reference), and the runs that failed."""
    answers = _in_parallel([*jobs[:1], *jobs], means)
    again, answers = (answers[0], answers[1:]) if answers else (None, answers)
    results = [answer for answer in answers if isinstance(answer, Result)]
    failed = [answer for answer in answers if isinstance(answer, NotRun)]
    if results and results[0] is not answers[0]:  # the run that was to be the reference failed: another one is
        (again,) = _in_parallel([work for work in jobs if work.run is results[0].run], means)
    if isinstance(again, NotRun) and results:
        failed.append(again)
    return results, again if isinstance(again, Result) else None, failed


def _in_parallel(jobs: Sequence[Work], means: Means) -> list[Result | NotRun]:
    """As many at a time as there are processors; on Ctrl-C all of them are told to stop, and none is left behind."""
    stop = Event()
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        try:
            return list(pool.map(lambda work: _run_once(work, means, stop), jobs))
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _run_once(work: Work, means: Means, stop: Event) -> Result | NotRun:
    """One source in one backend: the portions' outputs joined along the first axis."""
    run = work.run
    replies: list[Reply] = []
    for answer in means.run(run.card, work.jobs, stop.is_set):
        if isinstance(answer, Failed):
            excused = answer.reason in _EXCUSED and not run.insisted
            return NotRun(
                run.source.label, run.card.name, str(answer), None, 0 if excused else BackendFault.exit_status
            )
        replies.append(answer)
    first = replies[0]
    names = [name for name in first.outputs if all(name in reply.outputs for reply in replies)]
    outputs = {
        name: first.outputs[name] if len(replies) == 1 else np.concatenate([reply.outputs[name] for reply in replies])
        for name in names
    }
    seconds = sum(reply.seconds for reply in replies)
    return Result(run, Ran(run.source.label, run.card.name, first.versions, seconds, first.settings), outputs)


def _report(
    results: Sequence[Result], again: Result | None, samples: Samples, tolerance: Tolerance, not_run: tuple[NotRun, ...]
) -> Report:
    pairs = {
        (one, other): _against(results[one], results[other], tolerance, samples.batch)
        for one, other in combinations(range(len(results)), 2)
    }
    steady = tolerance.share(STEADY)
    return Report(
        reference=results[0].ran if results else None,
        itself=_against(results[0], again, steady, samples.batch)[0] if again else None,
        rows=tuple(Row(results[other].ran, *pairs[0, other]) for other in range(1, len(results))),
        pairs=tuple(
            Pair(results[one].ran.label, results[other].ran.label, comparison)
            for (one, other), (comparison, _) in pairs.items()
        ),
        not_run=not_run,
        tolerance=tolerance,
        samples=samples.described,
        batch=samples.batch,
    )


def _against(one: Result, other: Result, tolerance: Tolerance, batch: int) -> tuple[Comparison, tuple[str, ...]]:
    mine, theirs = _specs(one), _specs(other)
    outputs, notes = renamed(tuple(one.outputs), other.outputs, (mine, theirs))
    kinds = {spec.name: spec.kind for spec in mine}
    return compare(one.outputs, outputs, tolerance, kinds=kinds, batch=batch), notes


def _specs(result: Result) -> Sequence[OutputSpec]:
    entry = result.run.source.artifact.entry
    return entry.outputs if entry else ()
