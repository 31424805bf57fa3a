"""Looks into runs whose reference is a golden: its recorded inner values by name, and layers where it holds all.

Layers need no framework: each of a candidate's file is computed in float64 from the recorded values and held against
what the reference made of them, as a conversion is against its framework; then the backend's layers against float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from zoo.diagnostics import Diagnostic
from zoo.parity.check import Means
from zoo.parity.doctor.visit import visit
from zoo.parity.engine.statistics import distance, size
from zoo.parity.feeding import Numbers, fed
from zoo.parity.golden import Golden, Inner
from zoo.parity.graphs.cut import exposed
from zoo.parity.graphs.graph import Graph
from zoo.parity.inner import joined
from zoo.parity.inside import BUDGET
from zoo.parity.layers.bisect import beside, smallest
from zoo.parity.layers.located import Located
from zoo.parity.layers.rows import Row, first, rated
from zoo.parity.layers.taught import Feeds, Runner, Teacher, teach
from zoo.parity.loaded import Loaded, load
from zoo.parity.looking import Parts, Wanted, named_alike, opened, worker
from zoo.parity.plan import Plan
from zoo.parity.rule import K
from zoo.parity.running import Result
from zoo.parity.sampled import places

SAMPLED = "the golden holds a few numbers of each inner value: zoo golden make --layers records all"


@dataclass(frozen=True, slots=True)
class Recall:
    """What every run is looked into with; `wrong` are the labels of those that differ at their outputs."""

    golden: Golden
    means: Means
    folder: Path
    wanted: Wanted
    wrong: Sequence[str]
    parts: Parts = field(default_factory=Parts)


def recalled(
    found: Golden, plan: Plan, means: Means, chosen: Sequence[Result], wrong: Sequence[str], wanted: Wanted
) -> tuple[Located, ...]:
    """Each of the runs `chosen` against the inner values of a golden; what keeps one from it is its `why_not`."""
    with TemporaryDirectory(prefix="zoo-recalled-") as place:
        sources = {result.run.source for result in chosen}
        loaded, _faults = load([run for run in plan.runs if run.source in sources], means.convert, Path(place))
        asked = Recall(found, means, Path(place), wanted, wrong)
        return tuple(_tried(result, loaded.get(result.run.source), asked) for result in chosen)


def _tried(result: Result, mine: Loaded | None, asked: Recall) -> Located:
    label, short = result.ran.label, not asked.wanted.layers
    if mine is None or not mine.is_onnx:
        why = f"{result.run.card.name} runs {result.run.source.label} as a whole: it shows no layers"
        return Located(label, why_not=why, short=short)
    heavy = 4 * sum(math.prod(one.shape) for one in asked.golden.card.inner)
    if short and label not in asked.wrong and heavy > BUDGET:
        why = f"the inner values are {heavy / 2**20:.0f} MB, --layers looks into them all the same"
        return Located(label, why_not=why, short=True)
    try:
        return _located(result, mine, asked)
    except Diagnostic as fault:
        return Located(label, why_not=fault.message, short=short)


def _located(result: Result, mine: Loaded, asked: Recall) -> Located:
    label, short = result.ran.label, not asked.wanted.layers
    samples = asked.golden.samples.leading(asked.golden.card.inner_batch)
    (feeds,) = fed(asked.golden.samples.leader, samples, asked.golden.path.name)
    portions = fed(asked.means.ports(mine.artifact), samples, mine.artifact.label)
    candidate = opened(mine)
    unlike = named_alike(candidate, joined(portions, samples.batch), feeds, mine.artifact.label)
    if unlike:
        return Located(label, why_not=unlike, short=short)
    runner = worker(result.run.card, asked.means.run, asked.folder)
    inner = {one.name: one for one in asked.golden.card.inner}
    names = [name for name in inner if name in candidate.values]
    if not names:
        return Located(label, why_not="it names no value as the golden does", short=short)
    seen = _shown(exposed(candidate, names), feeds, len(portions), runner)
    if isinstance(seen, str):
        return Located(label, why_not=seen, short=short)
    whole = tuple(judged(inner[name], asked.golden.inner[name], seen[name]) for name in names if name in seen)
    missing = tuple(name for name in inner if name not in seen)
    found = Located(label, whole, short=short, plotted=not short, missing=missing, of=len(inner), no_doctor=SAMPLED)
    deeper = asked.wanted.layers or label in asked.wrong or not found.agrees
    if not deeper or not asked.golden.whole or len(portions) != 1:
        return found
    return _layers(replace(found, short=False, no_doctor=""), candidate, feeds, runner, result, asked)


def _layers(
    found: Located, candidate: Graph, feeds: Feeds, runner: Runner, result: Result, asked: Recall
) -> Located:  # fmt: skip
    """The file's layers against the recorded values, then the backend's against the file's."""
    place = asked.folder / f"teacher-{len(list(asked.folder.iterdir()))}"
    place.mkdir()
    of = asked.golden.card.inner_of
    given = {one.name: asked.golden.inner[one.name] for one in asked.golden.card.inner if one.own}
    teacher = Teacher.of(candidate, feeds, place, given, framework=of)
    own = teacher.against_own()
    culprit = first(own.layers) if own is not None else None
    if own is not None and culprit is not None:
        part = None
        if asked.wanted.bisect is not None:
            inner = {**feeds, **own.inner}
            part = beside(candidate, inner, culprit, own.got[culprit.name], of, runner)
        return replace(
            found, layers=own.layers, findings=visit(teacher, None, own, runner), framework=of,
            bisected=asked.parts.write(part, asked.wanted),
        )  # fmt: skip
    taught = teach(teacher, candidate, runner)
    done = replace(found, layers=taught.layers, why_not=taught.why_not)
    if done.agrees and result.ran.label not in asked.wrong:
        return done
    part = smallest(teacher, candidate, taught, runner) if asked.wanted.bisect is not None else None
    findings = visit(teacher, candidate, taught, runner)
    return replace(done, findings=findings, bisected=asked.parts.write(part, asked.wanted))


def _shown(graph: Graph, feeds: Feeds, portions: int, runner: Runner) -> Feeds | str:
    """All outputs, computed in so many portions of the samples; or why there are none."""
    batch = len(next(iter(feeds.values())))
    each = batch // portions
    jobs = [
        (graph, {name: array[start : start + each] for name, array in feeds.items()})
        for start in range(0, batch, each)
    ]  # fmt: skip
    parts: list[Feeds] = []
    for answer in runner(jobs):
        if isinstance(answer, str):
            return answer
        parts.append(answer)
    return joined(parts, batch)


def judged(one: Inner, recorded: Numbers, got: Numbers) -> Row:
    """A value beside what was recorded of it.

    Of a few numbers the RMS is that of chance: it is judged by the floor that a single element at `floor_max` gives.
    """
    kept = got.reshape(-1)[places(got.size)] if not one.whole else got
    floors = (
        one.floor_rms if one.whole else max(one.floor_rms, one.floor_max / math.sqrt(max(1, kept.size))),
        one.floor_max,
    )
    apart = distance(kept, recorded) if got.shape == one.shape else None
    share = math.inf if apart is None or apart.odd != size(recorded).odd else rated(apart, *floors)
    rms, most = (apart.rms, apart.max) if apart is not None else (math.inf, math.inf)
    return Row(one.name, one.op, one.depth, "inner", share, rms, most, *floors, "pass" if share <= K else "fail")
