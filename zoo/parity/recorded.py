"""Goldens in a check: one is recorded from a reference that repeats itself, and stands in for it later."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import __version__
from zoo.backends.card import Card as Backend
from zoo.backends.exchange import Failed, Job, Reply
from zoo.catalog.artifact import Artifact
from zoo.diagnostics import BackendFault, Diagnostic, OutputFault, UsageFault, Where
from zoo.parity import golden
from zoo.parity.check import Means
from zoo.parity.compare import Verdict
from zoo.parity.feeding import Numbers, Port, Samples
from zoo.parity.golden import Golden
from zoo.parity.plan import Plan, Run, Source
from zoo.parity.report import FLOAT64, INCONCLUSIVE
from zoo.parity.rule import Floor

if TYPE_CHECKING:
    from zoo.parity.request import Performed

FORMAT = "golden"


class Unsteady(Diagnostic):
    """The reference cannot be recorded: it does not repeat itself, or its outputs show nothing."""

    exit_status = INCONCLUSIVE


def demand_writable(path: Path, *, force: bool) -> None:
    """Refuses in CI, where a golden would be made by the run that it has to judge, and over a golden without --force.

    Raises:
        UsageFault: `golden-in-ci`.
        OutputFault: `golden-exists`.
    """
    if os.environ.get("CI", "").strip().lower() not in ("", "0", "false"):
        hint = "make it where the reference runs and commit it"
        raise UsageFault("golden-in-ci", "a golden is not made in CI: it would judge the run that made it", hint=hint)
    if path.exists() and not force:
        raise OutputFault("golden-exists", "is there already", where=Where(str(path)), hint="--force makes it again")


def write(path: Path, done: Performed, report: dict[str, Any]) -> dict[str, Any]:
    """Record the reference of a check that ran it twice; `report` is the payload of that check.

    Raises:
        BackendFault: `golden-reference`: nothing ran.
        Unsteady: its two runs differ, or an output is zero, constant or saturated.
    """
    samples = done.seen.samples
    if not done.seen.results or done.report.itself is None or samples is None:
        details = [f"{item.label} in {item.backend}: {item.why}" for item in done.report.not_run]
        raise BackendFault("golden-reference", "there is no reference to record: nothing ran", details=details)
    itself = done.report.itself
    shown = [one for one in itself.outputs if one.inputs == samples.name and one.verdict is Verdict.PASS]
    if itself.verdict is Verdict.FAIL or not shown:
        differs = itself.verdict is Verdict.FAIL
        why = "its two runs differ" if differs else "no output is exercised by these inputs"
        raise Unsteady("golden-unsteady", f"this is no reference: {why}", details=itself.reasons)
    result = done.seen.results[0]
    inputs = golden.inputs_of(samples)
    again = [one for one in report["reference_again"]["outputs"] if one["kind"] == "output"]
    measured = any(row.ran.backend == FLOAT64 for row in done.report.rows)  # else it is the least that runs may differ
    figures = {one["name"]: one["figures"] or {} for one in again if measured and one["inputs"] == samples.name}
    artifact = result.run.source.artifact
    card = golden.Card(
        described=samples.described,
        batch=samples.batch,
        reference=golden.Reference(
            artifact=result.ran.artifact,
            format=result.run.source.format,
            backend=result.ran.backend,
            versions=dict(result.ran.versions),
            settings=dict(result.ran.settings),
            files=dict(artifact.digests),
            entry=artifact.entry,
        ),
        inputs=tuple(described for described, _ in inputs),
        outputs=tuple(_output(name, array, figures.get(name, {})) for name, array in result.outputs.items()),
        environment={"zoo": __version__, "python": platform.python_version(), "platform": platform.platform()},
    )
    sha256 = golden.write(path, card, [array for _, array in inputs], list(result.outputs.values()))
    return {
        "path": str(path),
        "sha256": sha256,
        "bytes": path.stat().st_size,
        **card.model_dump(mode="json", exclude={"schema_", "version"}),
    }


def _output(name: str, array: Numbers, figures: dict[str, Any]) -> golden.Output:
    floor = {key: figures[key] for key in ("floor_rms", "floor_max") if figures.get(key) is not None}
    return golden.Output(name=name, sha256=golden.digest(array), **floor)


def as_reference(found: Golden, plan: Plan, means: Means) -> tuple[Plan, Means]:
    """The plan with the golden in front as its reference, and the means that answer for it with what is recorded."""
    told = found.card.reference
    card = Backend(
        name=told.backend, reads=(FORMAT,), needs=(), environment=None, summary="a golden", worker=found.path
    )
    artifact = Artifact(found.path.name, FORMAT, {FORMAT: found.path}, told.entry, {FORMAT: found.sha256})
    settings = {**told.settings, "golden": found.sha256, "recorded": told.artifact}
    reply = Reply(found.outputs, told.versions, 0.0, settings)

    def run(backend: Backend, jobs: Sequence[Job], stop: Callable[[], bool]) -> Sequence[Reply | Failed]:
        return [reply] * len(jobs) if backend is card else means.run(backend, jobs, stop)

    def ports(one: Artifact) -> tuple[Port, ...]:
        return found.samples.leader if one is artifact else means.ports(one)

    def sample(_ports: tuple[Port, ...], _batch: int) -> Samples:
        return found.samples

    return (
        replace(plan, runs=(Run(Source(artifact), card), *plan.runs)),
        replace(means, run=run, ports=ports, sample=sample, more=lambda _samples: (), recorded=_floors(found)),
    )


def _floors(found: Golden) -> dict[str, Floor]:
    """The floors that were recorded, where all outputs have one: a check without float64 is judged by them."""
    floors = {
        one.name: Floor(one.floor_rms, one.floor_max, "recorded")
        for one in found.card.outputs
        if one.floor_rms is not None and one.floor_max is not None
    }
    return floors if len(floors) == len(found.card.outputs) else {}


def alone(plan: Plan) -> Plan:
    """The plan's reference and nothing else: what a golden is recorded from."""
    return replace(plan, runs=plan.runs[:1])
