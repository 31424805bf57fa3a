"""Goldens in a check: one is recorded from a reference that repeats itself, and stands in for it later."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo import __version__
from zoo.backends.card import Card as Backend
from zoo.backends.exchange import Failed, Job, Reply
from zoo.catalog.artifact import Artifact
from zoo.diagnostics import BackendFault, Diagnostic, OutputFault, UsageFault, Where
from zoo.parity import golden
from zoo.parity.check import Means
from zoo.parity.compare import Verdict
from zoo.parity.feeding import ALONE, Numbers, Port, Samples
from zoo.parity.floors import Floors
from zoo.parity.golden import Golden
from zoo.parity.judging import under
from zoo.parity.kept import NOTHING, Kept
from zoo.parity.loaded import Asked, Loaded
from zoo.parity.plan import Plan, Run, Source
from zoo.parity.report import INCONCLUSIVE
from zoo.parity.rule import Floor
from zoo.parity.running import Result

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


def write(path: Path, done: Performed, inner: Kept = NOTHING) -> dict[str, Any]:
    """Record the reference of a check that ran it twice, with `inner` values where there are any.

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
    artifact, floors = result.run.source.artifact, under(result, done.seen.floors)
    outputs, arrays = _answer(result, samples.name, samples.name, floors)
    sets, more = _further(result, done.seen.sets, floors)
    card = golden.Card(
        described=samples.described,
        batch=samples.batch,
        kind="given" if samples.name == "given" else "random",
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
        outputs=outputs,
        sets=sets,
        floor=floors.told,
        inner=tuple(one for one, _ in inner.values),
        inner_batch=inner.batch,
        inner_of=inner.of,
        environment={"zoo": __version__, "python": platform.python_version(), "platform": platform.platform()},
    )
    more |= {f"inner/{at}": array for at, (_, array) in enumerate(inner.values)}
    sha256 = golden.write(path, card, [array for _, array in inputs], arrays, more)
    return {
        "path": str(path),
        "sha256": sha256,
        "bytes": path.stat().st_size,
        **card.model_dump(mode="json", exclude={"schema_", "version"}),
    }


def _further(
    result: Result, sets: Sequence[Samples], floors: Floors
) -> tuple[tuple[golden.Further, ...], dict[str, Numbers]]:
    """The further sets that the reference was run on, and their arrays by the name of their member."""
    cards, more = list[golden.Further](), dict[str, Numbers]()
    for samples in sets[1:]:
        if result.on(samples.name, sets[0].name) is None:
            continue
        place = f"sets/{len(cards)}"
        outputs, arrays = _answer(result, samples.name, sets[0].name, floors)
        fed = [] if samples.name == ALONE else [golden.packed(array) for array in samples.arrays]
        digests = tuple(map(golden.digest, fed))
        name: Literal["one", "edge"] = "one" if samples.name == ALONE else "edge"
        cards.append(
            golden.Further(name=name, batch=samples.batch, described=samples.described, inputs=digests, outputs=outputs)
        )
        more |= {f"{place}/inputs/{at}": array for at, array in enumerate(fed)}
        more |= {f"{place}/outputs/{at}": array for at, array in enumerate(arrays)}
    return tuple(cards), more


def _answer(result: Result, name: str, main: str, floors: Floors) -> tuple[tuple[golden.Output, ...], list[Numbers]]:
    """The outputs on one set of samples, and behind them what goes into their last softmax."""
    own, logits = result.on(name, main) or {}, result.logits.get(name, {})
    known, inner = floors.outputs.get(name, {}), floors.logits.get(name, {})
    cards = [_output(key, array, known.get(key), "output") for key, array in own.items()]
    cards += [_output(key, array, inner.get(key), "logits") for key, array in logits.items()]
    return tuple(cards), [*own.values(), *logits.values()]


def _output(name: str, array: Numbers, floor: Floor | None, kind: Literal["output", "logits"]) -> golden.Output:
    """With its floor, unless it is compared as a set, or rounding alone decides it."""
    if floor is None or floor.sets is not None or not math.isfinite(floor.max):
        return golden.Output(name=name, sha256=golden.digest(array), kind=kind)
    return golden.Output(name=name, sha256=golden.digest(array), kind=kind, floor_rms=floor.rms, floor_max=floor.max)


def as_reference(found: Golden, plan: Plan, means: Means) -> tuple[Plan, Means]:
    """The plan with the golden in front as its reference, and the means that answer for it with what is recorded."""
    told = found.card.reference
    card = Backend(
        name=told.backend, reads=(FORMAT,), needs=(), environment=None, summary="a golden", worker=found.path
    )
    artifact = Artifact(found.path.name, FORMAT, {FORMAT: found.path}, told.entry, {FORMAT: found.sha256})
    settings = {**told.settings, "golden": found.sha256, "recorded": told.artifact}
    taps = {output: _tap(output, one.outputs) for one in found.answers for output in one.logits}
    replies = [
        Reply(
            {**one.outputs, **{taps[output]: array for output, array in one.logits.items()}},
            told.versions,
            0.0,
            settings,
        )
        for one in found.answers
    ]

    def run(backend: Backend, jobs: Sequence[Job], stop: Callable[[], bool]) -> Sequence[Reply | Failed]:
        return replies[: len(jobs)] if backend is card else means.run(backend, jobs, stop)

    def ports(one: Artifact) -> tuple[Port, ...]:
        return found.samples.leader if one is artifact else means.ports(one)

    def sample(_ports: tuple[Port, ...], _batch: int) -> Samples:
        return found.samples

    def asked(one: Run, loaded: Mapping[Source, Loaded]) -> Asked:
        return Asked(artifact.files, None, taps) if one.card is card else means.asked(one, loaded)

    more = [one.samples for one in found.answers[1:]]
    acting = replace(means, run=run, ports=ports, sample=sample, more=lambda _samples: more, asked=asked)
    return (
        replace(plan, runs=(Run(Source(artifact), card), *plan.runs)),
        replace(acting, recorded=_floors(found)),
    )


def _tap(output: str, outputs: Mapping[str, Numbers]) -> str:
    """A name for what goes into the softmax of an output, which no output has."""
    name = f"{output}/logits"
    while name in outputs:
        name += "/"
    return name


def _floors(found: Golden) -> Floors | None:
    """The floors that were recorded; None where there are none."""
    names = [found.samples.name, *(one.name for one in found.card.sets)]
    several = dict(zip(names, (found.card.outputs, *(one.outputs for one in found.card.sets)), strict=True))

    def of(kind: str) -> dict[str, dict[str, Floor]]:
        return {
            name: {
                one.name: Floor(one.floor_rms, one.floor_max, "recorded")
                for one in outputs
                if one.kind == kind and one.floor_rms is not None and one.floor_max is not None
            }
            for name, outputs in several.items()
        }

    outputs = of("output")
    told = f"recorded with the golden{f': {found.card.floor}' if found.card.floor else ''}"
    entry = found.card.reference.entry
    return Floors(told, outputs, of("logits"), entry.outputs if entry else ()) if any(outputs.values()) else None


def alone(plan: Plan) -> Plan:
    """The plan's reference and nothing else: what a golden is recorded from."""
    return replace(plan, runs=plan.runs[:1])
