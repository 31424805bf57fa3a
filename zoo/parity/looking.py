"""Looks into the runs of a check: which layer is the first that differs, why, and the smallest part that shows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from zoo.backends import discovery
from zoo.backends.card import Card
from zoo.backends.exchange import Failed, Job, Reply
from zoo.diagnostics import Diagnostic
from zoo.parity.align import renamed
from zoo.parity.check import Means
from zoo.parity.doctor.examine import Finding
from zoo.parity.doctor.visit import visit, visit_outputs
from zoo.parity.feeding import Samples, fed
from zoo.parity.graphs.graph import Graph
from zoo.parity.graphs.relabelled import Axes, turns
from zoo.parity.inner import shown_by
from zoo.parity.layers.bisect import Smallest, beside, smallest, write
from zoo.parity.layers.located import Located
from zoo.parity.layers.rows import first
from zoo.parity.layers.taught import Array, Feeds, Runner, Teacher, teach
from zoo.parity.loaded import Loaded, load
from zoo.parity.loaded import look as shown
from zoo.parity.plan import Plan, Run, Source
from zoo.parity.recognising import recognised
from zoo.parity.running import Result

_RUNNER = "onnxruntime"
_LARGEST = 2**31 - 1  # bytes of a protobuf message


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for: `layers` looks into every run, not only those that differ; `bisect` is a folder for files."""

    layers: bool = False
    bisect: Path | None = None


@dataclass(slots=True)
class Parts:
    """The smallest parts of a check's runs: the first in the folder asked for, further ones in 2, 3 ... in it."""

    count: int = 0

    def write(self, part: Smallest | None, wanted: Wanted) -> tuple[str, ...]:
        """The files of a part; none where there is none, or nobody asked for them."""
        if part is None or wanted.bisect is None:
            return ()
        self.count += 1
        return write(part, wanted.bisect if self.count == 1 else wanted.bisect / str(self.count))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a check hands on to every run that is looked into; `wrong` are the runs that differ from `reference`."""

    means: Means
    samples: Samples
    wanted: Wanted
    wrong: Sequence[Run]
    reference: Result
    parts: Parts = field(default_factory=Parts)


def look(
    plan: Plan,
    means: Means,
    samples: Samples,
    ran: Sequence[Result],
    wrong: Sequence[Run],
    wanted: Wanted,
    doubted: Sequence[str] = (),
) -> tuple[Located, ...]:
    """Every run that differs (all runs with `layers`) against the reference, the first of `ran`.

    `doubted` are the labels of further runs: those that agree, and that a short look found to differ inside.
    """
    chosen = [result for result in ran[1:] if wanted.layers or result.run in wrong or result.ran.label in doubted]
    if not chosen:
        return ()
    with TemporaryDirectory(prefix="zoo-layers-") as place:
        folder = Path(place)
        loaded, _faults = load(plan.runs, means.convert, folder)
        few = samples.leading(portion(loaded, means) or samples.batch)
        ran, chosen = ([_leading(one, few.batch, samples.batch) for one in several] for several in (ran, chosen))
        samples = few
        try:
            teacher = _teacher(ran[0].run, loaded, means, samples, folder)
        except Diagnostic as fault:
            return tuple(Located(result.ran.label, why_not=fault.message) for result in chosen)
        if isinstance(teacher, str):
            return tuple(Located(result.ran.label, why_not=teacher) for result in chosen)
        asked = Asked(means, samples, wanted, wrong, ran[0])
        return tuple(_tried(result, loaded, teacher, asked) for result in chosen)


def portion(loaded: Mapping[Source, Loaded], means: Means) -> int | None:
    """How many samples the ONNX files take at a time, none of which can be cut otherwise; None where any will do."""
    everybody = [means.ports(one.artifact) for one in loaded.values() if one.is_onnx]
    fixed = [port.fixed for ports in everybody for port in ports[:1] if port.fixed]
    return math.lcm(*fixed) if fixed else None


def _leading(result: Result, count: int, batch: int) -> Result:
    """The outputs for the first samples."""
    outputs = {
        name: array[:count] if array.ndim and len(array) == batch else array for name, array in result.outputs.items()
    }
    return replace(result, outputs=outputs)


def opened(form: Loaded) -> Graph:
    """The graph of an ONNX file; raises Diagnostic for one that protobuf cannot hold in one message."""
    graph = Graph.load(form.artifact.files["model"])
    if graph.size >= _LARGEST:
        raise Diagnostic("too-large", f"{form.artifact.label} is larger than 2 GB: its layers are not taken apart")
    return graph


def form_of(source: Source, loaded: Mapping[Source, Loaded], means: Means, folder: Path) -> Loaded:
    """The ONNX form of a source: itself, what it was converted to for the check, or what it is converted to now.

    Raises Diagnostic for what cannot be converted.
    """
    if source in loaded and loaded[source].is_onnx:
        return loaded[source]
    twins = (one for other, one in loaded.items() if other.converted and other.artifact.files == source.artifact.files)
    known = next((one for one in twins if one.is_onnx), None)
    return known or shown(means.convert(source.artifact, folder / "form"), folder / "shown")


def _teacher(
    reference: Run, loaded: Mapping[Source, Loaded], means: Means, samples: Samples, folder: Path
) -> Teacher | str:
    form = form_of(reference.source, loaded, means, folder)
    portions = fed(means.ports(form.artifact), samples, form.artifact.label)
    if len(portions) != 1:
        return f"{form.artifact.label} takes fewer samples at a time than there are"
    graph, place = opened(form), folder / "teacher"
    place.mkdir()
    own = shown_by(reference, loaded[reference.source], form, means, samples)
    return Teacher.of(graph, portions[0], place, own, framework=reference.card.name)


def _tried(result: Result, loaded: Mapping[Source, Loaded], teacher: Teacher, asked: Asked) -> Located:
    """What was found, or why nothing could be: the check has its verdict without it."""
    try:
        return _located(result, loaded, teacher, asked)
    except Diagnostic as fault:
        return Located(result.ran.label, why_not=fault.message)


def _located(result: Result, loaded: Mapping[Source, Loaded], teacher: Teacher, asked: Asked) -> Located:
    run, label = result.run, result.ran.label
    mine = loaded.get(run.source)
    if mine is None or not mine.is_onnx:
        why = f"{run.card.name} runs {run.source.label} as a whole: it shows no layers"
        return Located(label, findings=_by_outputs(result, teacher, asked), why_not=why)
    conversion = _conversion(result, teacher, asked)
    if conversion is not None:
        return conversion
    candidate = opened(mine)
    unlike = _fed_alike(candidate, mine, teacher, asked)
    if unlike:
        return Located(label, findings=_by_outputs(result, teacher, asked), why_not=unlike)
    runner = worker(run.card, asked.means.run, teacher.folder)
    values = teacher.measured.values
    known = recognised(teacher.graph, candidate, teacher.feeds, teacher.values(), values, _onnx(teacher, asked))
    candidate = known.graph
    taught = teach(teacher, candidate, runner, known)
    found = Located(
        label, taught.whole, taught.layers, why_not=taught.why_not, plotted=asked.wanted.layers, found=len(known.found),
        guessed=known.guessed if run not in asked.wrong else frozenset(),
    )  # fmt: skip
    if found.agrees and found.hint is None and run not in asked.wrong:
        return found
    findings = visit(teacher, candidate, taught, runner) or _by_outputs(result, teacher, asked)
    part = smallest(teacher, candidate, taught, runner) if asked.wanted.bisect is not None else None
    return replace(found, findings=findings, bisected=asked.parts.write(part, asked.wanted))


def _conversion(result: Result, teacher: Teacher, asked: Asked) -> Located | None:
    """What is wrong with the reference's own conversion: its mistakes are in the float64 values that judge layers.

    None where it computes what the framework does, or where that shows nothing.
    """
    found = teacher.against_own()
    culprit = first(found.layers) if found is not None else None
    if found is None or culprit is None:
        return None
    label, framework = result.ran.label, teacher.framework
    if not _is_form(result, asked):
        why = f"the conversion, which its layers would be judged by, computes {culprit.name} otherwise than {framework}"
        return Located(label, findings=(), why_not=why)
    runner = _onnx(teacher, asked)
    findings, part = visit(teacher, None, found, runner), None
    if asked.wanted.bisect is not None:
        inner = {**teacher.feeds, **found.inner}
        part = beside(teacher.graph, inner, culprit, found.got[culprit.name], framework, runner)
    files = asked.parts.write(part, asked.wanted)
    return Located(label, (), found.layers, findings, bisected=files, plotted=asked.wanted.layers, framework=framework)


def _fed_alike(candidate: Graph, mine: Loaded, teacher: Teacher, asked: Asked) -> str | None:
    """Name the candidate's inputs as the reference's are, or say why its layers cannot be fed with its values."""
    label = mine.artifact.label
    portions = fed(asked.means.ports(mine.artifact), asked.samples, label)
    if len(portions) != 1:
        return f"{label} takes fewer samples at a time than there are"
    return named_alike(candidate, portions[0], teacher.feeds, label)


def named_alike(candidate: Graph, mine: Feeds, feeds: Feeds, label: str) -> str | None:
    """Name the candidate's inputs, fed `mine`, as the reference's are; why not, where it is fed otherwise."""
    for (own, array), (name, other) in zip(mine.items(), feeds.items(), strict=True):
        ways = (axes for axes in turns(other.shape, array.shape) if np.array_equal(_turned(other, axes), array))
        axes = next(ways, own)
        if isinstance(axes, str):
            return f"{label} is fed otherwise than the reference: its values are not the reference's, layer by layer"
        if own != name and candidate.fresh(name) != name:
            return f"{label} calls something else {name}, which is an input of the reference"
        if own != name or axes:
            candidate.rename_input(own, name, axes)
    return None


def _turned(array: Array, axes: Axes | None) -> Array:
    return array if axes is None else array.transpose(axes)


def _by_outputs(result: Result, teacher: Teacher, asked: Asked) -> tuple[Finding, ...]:
    """What explains a run that differs by its outputs alone: the reference's ONNX with a mistake, in ONNX Runtime.

    Where the run is that ONNX, its mistake is looked for in what the reference gave.
    """
    if result.run not in asked.wrong:
        return ()
    runner = _onnx(teacher, asked)
    itself = _is_form(result, asked)
    outputs, _notes = renamed(teacher.graph.outputs, (asked.reference if itself else result).outputs)
    return visit_outputs(teacher, outputs, runner, teacher.framework if itself else "")


def _onnx(teacher: Teacher, asked: Asked) -> Runner:
    return worker(discovery.find(_RUNNER), asked.means.run, teacher.folder)


def _is_form(result: Result, asked: Asked) -> bool:
    """Whether the run is of the reference's own conversion."""
    mine, reference = result.run.source, asked.reference.run.source
    return mine.converted and not reference.converted and mine.artifact.files == reference.artifact.files


def worker(
    card: Card, run: Callable[[Card, Sequence[Job], Callable[[], bool]], Sequence[Reply | Failed]], folder: Path
) -> Runner:
    """Runs graphs in a backend of the check, all of a call in one process."""

    def answers(jobs: Sequence[tuple[Graph, Feeds]]) -> list[Feeds | str]:
        with TemporaryDirectory(dir=folder) as place:
            asked = []
            for index, (graph, given) in enumerate(jobs):
                path = Path(place) / f"{index}.onnx"
                graph.save(path)
                asked.append(Job("onnx", {"model": path}, {port: given[port] for port in graph.inputs}))
            replies = run(card, asked, lambda: False)
        return [str(one) if isinstance(one, Failed) else one.outputs for one in replies]

    return answers
