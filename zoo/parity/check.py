"""Carries a plan out: converts, feeds, runs in parallel, compares everything with everything, and reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

from zoo.backends.exchange import Job
from zoo.catalog.artifact import Artifact
from zoo.diagnostics import Diagnostic
from zoo.parity import precision
from zoo.parity.engine.measuring import Value
from zoo.parity.feeding import Fed, Port, Samples, batch_size, fed, leader, portion
from zoo.parity.floors import Doubles, Floors, Measure, Unmeasured, demand_rows, least, spread, unmeasured
from zoo.parity.idleness import not_exercised
from zoo.parity.judging import against, as_result, preferred, steady
from zoo.parity.loaded import Asked, Loaded, asked, load, yardstick
from zoo.parity.plan import NotRun, Plan, Run, Source
from zoo.parity.report import Pair, Report, Row, Told
from zoo.parity.rule import Rule
from zoo.parity.running import Result, Runner, Work, run_all
from zoo.parity.stored import weights

Seeing = Callable[[Sequence[Result], Sequence[Samples], Mapping[str, Value], Floors], None]
Asking = Callable[[Run, Mapping[Source, Loaded]], Asked]


@dataclass(frozen=True, slots=True)
class Means:
    """What a check acts with.

    `run` answers each job in order and gives up when the function that it is handed says so; `convert` writes ONNX
    into a folder; `ports` reads an artifact's inputs; `sample` makes the inputs for the leading ports and the number
    of samples that they need, `more` further sets of them. `measure` runs ONNX in float64. `seen` is shown the runs
    that gave outputs, the reference first, all sets of samples, what was measured of the reference's values on the
    first of them, and the floors.
    """

    run: Runner
    convert: Callable[[Artifact, Path], Artifact]
    ports: Callable[[Artifact], tuple[Port, ...]]
    sample: Callable[[tuple[Port, ...], int], Samples]
    seen: Seeing = lambda _results, _sets, _values, _floors: None
    more: Callable[[Samples], Sequence[Samples]] = lambda _samples: ()
    measure: Measure = unmeasured
    detections: tuple[str, ...] = ()
    """Outputs that hold detections, alone or together, because the caller says so, beside what the graph tells."""
    recorded: Floors | None = None
    """Floors of the reference's outputs that were measured when it was recorded: they go before a candidate's."""
    asked: Asking = asked


def apply(plan: Plan, means: Means, rule: Rule, batch: int) -> Report:
    """Run the plan and compare: the reference twice with itself, every other run with it, and every pair.

    A run that fails is a line of the report, and the next one that works becomes the reference.
    """
    with TemporaryDirectory(prefix="zoo-parity-") as folder:
        loaded, faults = load(plan.runs, means.convert, Path(folder))
        if not loaded:
            return Report(None, None, (), (), (*plan.not_run, *faults), rule)
        loaded |= yardstick(plan.runs, means.convert, Path(folder) / "yardstick")
        loaded = {source: one.holding(means.detections) for source, one in loaded.items()}
        ports = {source: means.ports(one.artifact) for source, one in loaded.items()}
        samples = means.sample(leader(list(ports.values())), batch_size(batch, list(ports.values())))
        sets = (samples, *means.more(samples))
        work, unfed = _work(plan, loaded, ports, sets, means.asked)
        onnx = precision.order(plan.runs[0].source.artifact, loaded)
        labelled = {one.artifact.label: ports[source] for source, one in loaded.items()}
        beside = precision.tasks(onnx, labelled, sets, means.measure)
        results, again, failed, doubles = run_all(work, means.run, beside)
        first = doubles[0] if doubles else None
        floors = _floors(results, work, doubles, means)
        means.seen(results, sets, first.values[samples.name] if isinstance(first, Doubles) else {}, floors)
        demand_rows(means.detections, floors, sets[0].name)
        wide = precision.float64(doubles, results)
        told = Told(sets, floors.told, wide, weights(onnx), not_exercised(doubles[:1]))
        return _report(results, again, floors, doubles, rule, (*plan.not_run, *faults, *unfed, *failed), told)


def _work(
    plan: Plan, loaded: Mapping[Source, Loaded], ports: Mapping[Source, tuple[Port, ...]], sets: Sequence[Samples],
    ask: Asking,
) -> tuple[list[Work], list[NotRun]]:  # fmt: skip
    """What each run is fed and asked for; a set that an artifact's fixed batch does not divide is left out."""
    work: list[Work] = []
    rows = frozenset(name for one in loaded.values() for name in one.rows)
    parts = tuple(dict.fromkeys(group for one in loaded.values() for group in one.parts))
    faults: list[NotRun] = []
    for run in plan.runs:
        if run.source not in loaded:
            continue
        label, mine = run.source.label, ports[run.source]
        try:
            portions = {sets[0].name: fed(mine, sets[0], label)}
        except Diagnostic as fault:
            faults.append(NotRun(label, run.card.name, fault.message, fault.hint, fault.exit_status))
            continue
        fixed = portion(mine) or 1
        portions |= {more.name: fed(mine, more, label) for more in sets[1:] if more.batch % fixed == 0}
        artifact, wanted = loaded[run.source].artifact, ask(run, loaded)
        work.append(
            Work(
                run,
                _jobs(artifact.format, wanted.files, portions, wanted.outputs),
                wanted.taps,
                _jobs(artifact.format, artifact.files, portions, None),
                rows,
                parts,
            )
        )
    return work, faults


def _jobs(
    kind: str, files: Mapping[str, Path], portions: Mapping[str, Sequence[Fed]], outputs: tuple[str, ...] | None
) -> dict[str, list[Job]]:
    return {name: [Job(kind, files, portion, outputs) for portion in several] for name, several in portions.items()}


def _floors(
    results: Sequence[Result], work: Sequence[Work], doubles: Sequence[Doubles | Unmeasured], means: Means
) -> Floors:
    """Of the reference's outputs under their own names: from float64, or from the reference itself."""
    if not results:
        return Floors("none: nothing ran")
    first = doubles[0] if doubles else None
    if isinstance(first, Doubles):
        return preferred(means.recorded, first.floors, results[0]) if means.recorded else first.floors
    why = f"{first.label}: {first.why}" if first else "none of the files is ONNX or could be converted"
    if means.recorded:
        return replace(means.recorded, told=f"{means.recorded.told}; no float64 ({why})")
    mine = next(one for one in work if one.run is results[0].run)
    return spread(mine, results[0], means.run, f"no float64 ({why})")


def _report(
    results: Sequence[Result],
    again: Result | None,
    floors: Floors,
    doubles: Sequence[Doubles | Unmeasured],
    rule: Rule,
    not_run: tuple[NotRun, ...],
    told: Told,
) -> Report:
    wide = [as_result(results[0], one) for one in doubles[:1] if isinstance(one, Doubles) and results]
    everybody = [*results, *wide]
    pairs = {
        (one, other): against(everybody[one], everybody[other], rule, floors, told.sets)
        for one, other in combinations(range(len(everybody)), 2)
    }
    still = least(results[0], told.sets[0].name) if again and not wide else floors
    return Report(
        reference=results[0].ran if results else None,
        itself=against(results[0], again, steady(rule), still, told.sets)[0] if again else None,
        rows=tuple(Row(everybody[other].ran, *pairs[0, other]) for other in range(1, len(everybody))),
        pairs=tuple(
            Pair(everybody[one].ran.label, everybody[other].ran.label, comparison)
            for (one, other), (comparison, _) in pairs.items()
        ),
        not_run=not_run,
        rule=rule,
        told=told,
    )
