"""Where the noise floor of a check comes from: float64 of the reference's own ONNX, or else runs with moved inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from zoo.backends.exchange import Job
from zoo.catalog.artifact import Artifact
from zoo.catalog.schema import OutputSpec
from zoo.diagnostics import BackendFault, Diagnostic, UsageFault
from zoo.parity.detections.noise import PickNoise, RowNoise, pick_noise, row_noise
from zoo.parity.detections.parts import Parts, fold, said
from zoo.parity.detections.places import PlaceNoise
from zoo.parity.detections.recognised import Sets
from zoo.parity.engine.arrays import Array
from zoo.parity.engine.measuring import Value
from zoo.parity.engine.statistics import distance, size
from zoo.parity.feeding import Fed, Numbers, samples_of
from zoo.parity.graphs.reading import graph_of
from zoo.parity.measure import Measured
from zoo.parity.plan import NotRun
from zoo.parity.portions import Portions
from zoo.parity.rule import Floor
from zoo.parity.running import Outputs, Result, Runner, Task, Work, in_parallel, task

Noise = RowNoise | PickNoise | PlaceNoise
_NO_SETS = Sets()


@dataclass(frozen=True, slots=True)
class Question:
    """An ONNX artifact to be run in float64: its feeds, the values to keep, and whether its noise is wanted.

    `lanes` are values of which every run is wanted: what they hold are sets.
    """

    artifact: Artifact
    feeds: Fed
    keep: Sequence[str]
    noise: bool
    lanes: Sequence[str] = ()


Measure = Callable[[Question, Callable[[], bool]], Measured]
"""Answers a question, and gives up when the function that it is handed says so."""


def unmeasured(question: Question, _stop: Callable[[], bool]) -> Measured:
    """Measures nothing and says so."""
    raise BackendFault("float64", f"{question.artifact.label} is not measured here")


MOST = 16
"""Samples of a set that are run in float64, the first ones: noise does not depend on how many there are.

A file that takes more at a time is run on one portion.
"""
RUNS = 4
"""Runs with moved inputs where float64 is not to be had."""
UNDERRATED = 4.0
"""The spread of runs whose inputs alone move is 1.4 to 4 times smaller than the noise (docs/parity.md)."""


@dataclass(frozen=True, slots=True)
class Floors:
    """Floors of outputs and of logits, by set of samples and by output name; `told` says in words where from.

    `specs` are what the registry says of the outputs of the file that was measured, `parts` what was joined of them.
    """

    told: str
    outputs: Mapping[str, Mapping[str, Floor]] = field(default_factory=dict)
    logits: Mapping[str, Mapping[str, Floor]] = field(default_factory=dict)
    specs: Sequence[OutputSpec] = ()
    parts: tuple[Parts, ...] = ()


@dataclass(frozen=True, slots=True)
class Doubles:
    """One ONNX file in float64 on some sets of samples: its outputs and logits, and what was measured on the way."""

    artifact: Artifact
    outputs: Mapping[str, Outputs]
    logits: Mapping[str, Outputs]
    values: Mapping[str, Mapping[str, Value]]
    taps: Mapping[str, str]
    samples: int
    """How many samples of a set were run, the first ones."""
    noises: Mapping[str, Mapping[str, Noise]] = field(default_factory=dict)
    """Set of samples -> output -> the noise of an output that is compared as a set."""
    parts: tuple[Parts, ...] = ()
    """What was joined of its outputs."""

    @property
    def label(self) -> str:
        """The artifact's."""
        return self.artifact.label

    @property
    def floors(self) -> Floors:
        """The floors of this file's outputs, under its own names."""
        told = f"float64 of {self.label}: |float32 - float64|, 3 runs rounded at random, 2^-24"
        outputs = {name: self._of_outputs(name, values) for name, values in self.values.items()}
        logits = {
            name: {output: _floor(values[inner]) for output, inner in self.taps.items() if inner in values}
            for name, values in self.values.items()
        }
        return Floors(told, outputs, logits, self.artifact.entry.outputs if self.artifact.entry else (), self.parts)

    def _of_outputs(self, name: str, values: Mapping[str, Value]) -> dict[str, Floor]:
        """On one set of samples; a joined output's is that of its boxes or of its scores, whichever is larger."""
        made = {group.joined: (group.boxes, group.scores) for group in self.parts}
        noises = self.noises.get(name, {})
        found = {}
        for output in self.outputs[name]:
            of = [_floor(values[one]) for one in made.get(output, (output,)) if one in values]
            if not of:
                found[output] = Floor(0.0, 0.0, "no node makes it")
            else:
                found[output] = replace(max(of, key=lambda floor: floor.max), sets=noises.get(output))
        return found


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Why a file has no float64 values."""

    label: str
    why: str


def doubled(
    artifact: Artifact,
    fed: Mapping[str, Sequence[Fed]],
    outputs: Sequence[str],
    taps: Mapping[str, str],
    measure: Measure,
    samples: int,
    *,
    noise: bool,
    sets: Sets = _NO_SETS,
) -> Task[Doubles | Unmeasured]:
    """A task that runs an ONNX file in float64 on every set of samples, by portions; a fault of it is a value."""

    def task(stop: Callable[[], bool]) -> Doubles | Unmeasured:
        keep = list(dict.fromkeys([*outputs, *taps.values(), *(value for value, _ in sets.places.values())]))
        apart = [name for group in sets.parts for name in group.names]
        lanes = (*sets.rows, *sets.picks, *apart) if noise else ()
        found: dict[str, Portions] = {}
        try:
            stored = _stored(artifact.files["model"], keep)
            for name, portions in fed.items():
                parts = [measure(Question(artifact, feeds, keep, noise, lanes), stop) for feeds in portions]
                sizes = [samples_of(feeds) for feeds in portions]
                known = [_unmade(keep, feeds, stored) for feeds in portions]
                found[name] = Portions(parts, sizes, frozenset(sets.rows), known)
        except Diagnostic as fault:
            return Unmeasured(artifact.label, fault.message)
        return Doubles(
            artifact,
            {name: fold(sets.parts, {key: one.double(key) for key in outputs}) for name, one in found.items()},
            {name: {output: one.double(inner) for output, inner in taps.items()} for name, one in found.items()},
            {name: one.values for name, one in found.items()},
            taps,
            samples,
            {name: _noises(sets, one) for name, one in found.items()} if noise else {},
            sets.parts,
        )

    return task


def _stored(model: Path, names: Sequence[str]) -> dict[str, Array]:
    """Of these values those that are numbers in the file."""
    known = graph_of(model).initializers
    tensors = {name: known[name].const_value for name in names if name in known}
    return {name: tensor.numpy() for name, tensor in tensors.items() if tensor is not None}


def _unmade(names: Sequence[str], feeds: Fed, stored: Mapping[str, Array]) -> dict[str, Array]:
    """Of these values those that are fed or stored, which no node makes."""
    return {name: feeds[name] if name in feeds else stored[name] for name in names if name in feeds or name in stored}


def _noises(sets: Sets, found: Portions) -> dict[str, Noise]:
    """The noise of each output that is a set; one whose columns mean nothing known is compared row by row."""
    rows = {name: row_noise(found.double(name), found.runs(name)) for name in sets.rows}
    rows |= {group.joined: _joined_noise(group, found) for group in sets.parts}
    noises: dict[str, Noise] = {name: noise for name, noise in rows.items() if noise is not None}
    noises |= {name: pick_noise(found.double(name), found.runs(name)) for name in sets.picks}
    for name, (value, axis) in sets.places.items():
        if value in found.values:
            noises[name] = PlaceNoise(found.double(value), axis, found.values[value].floor_max)
    return noises


def _joined_noise(group: Parts, found: Portions) -> RowNoise | None:
    """Of detections in outputs of their own; None where a run gave them another form."""
    truth = group.table({name: found.double(name) for name in group.names})
    runs = zip(*(found.runs(name) for name in group.names), strict=True)
    lanes = [group.table(dict(zip(group.names, run, strict=True))) for run in runs]
    known = [lane for lane in lanes if lane is not None]
    return None if truth is None or len(known) < len(lanes) else row_noise(truth, known)


def spread(reference: Work, result: Result, run: Runner, why: str) -> Floors:
    """Floors of the reference itself, from runs whose inputs move by one unit in the last place at random."""
    moved = [replace(reference, jobs=_shaken(reference.jobs, seed)) for seed in range(RUNS)]
    answers = in_parallel([task(one, run) for one in moved])
    told = f"{UNDERRATED:g} x the spread of {RUNS} runs with inputs moved by one unit in the last place: {why}"
    main = next(iter(reference.jobs))
    outputs: dict[str, dict[str, Floor]] = {}
    logits: dict[str, dict[str, Floor]] = {}
    for name in reference.jobs:
        runs = [answer for answer in answers if not isinstance(answer, NotRun)]
        own = result.on(name, main) or {}
        moves = {key: [(one.on(name, main) or {}).get(key) for one in runs] for key in own}
        outputs[name] = {key: _spread(own[key], moves[key], rows=key in reference.rows) for key in own}
        inner = result.logits.get(name, {})
        logits[name] = {key: _spread(inner[key], [one.logits.get(name, {}).get(key) for one in runs]) for key in inner}
    entry = result.run.source.artifact.entry
    return Floors(told, outputs, logits, entry.outputs if entry else (), result.parts)


def demand_rows(names: Sequence[str], floors: Floors, main: str) -> None:
    """Refuses outputs that were said to hold detections and do not.

    Raises:
        UsageFault: `detections`.
    """
    known = floors.outputs.get(main, {})
    if not known:  # nothing ran: the report says why
        return
    rows, groups = said(names)
    for group in groups:
        made = [one.joined for one in floors.parts if one.names == group.names]
        if not any(isinstance(known[name].sets, RowNoise) for name in made if name in known):
            there = {*known, *(name for one in floors.parts for name in one.names)}
            lacking = [name for name in group.names if name not in there]
            why = f"no output of the reference is called {lacking[0]}" if lacking else (
                f"{', '.join(group.names)} do not hold detections together"
            )  # fmt: skip
            hint = "boxes [N, 4] or [B, N, 4], scores and labels one for each of them, count one number an image"
            raise UsageFault("detections", why, hint=hint, details=[*known])
    for name in rows:
        if name not in known:
            raise UsageFault("detections", f"no output of the reference is called {name}", details=[*known])
        if not isinstance(known[name].sets, RowNoise):
            hint = "rows of 7: image, label, score, box; rows of 6: label, score, box, or box, score, label"
            raise UsageFault("detections", f"{name} does not hold rows of detections", hint=hint)


def least(result: Result, main: str) -> Floors:
    """What a reference may move by of itself where its noise is not measured: a few units in the last place."""

    def own(outputs: Outputs) -> dict[str, Floor]:
        return {key: _spread(array, [], rows=key in result.rows) for key, array in outputs.items()}

    outputs = {main: own(result.outputs), **{name: own(one) for name, one in result.others.items()}}
    return Floors("2^-22", outputs, {name: own(one) for name, one in result.logits.items()}, ())


def _floor(value: Value) -> Floor:
    if value.exactness == "unstable":
        return Floor(math.inf, math.inf, "rounding alone decides it")
    return Floor(value.floor_rms, value.floor_max)


def _spread(own: Numbers, others: Sequence[Numbers | None], *, rows: bool = False) -> Floor:
    sets = row_noise(own, [other for other in others if other is not None], UNDERRATED) if rows else None
    if own.dtype.kind != "f":
        return Floor(0.0, 0.0, "whole numbers are equal or not")
    found = [distance(other, own) for other in others if other is not None and other.shape == own.shape]
    itself = size(own)
    unit = UNDERRATED * 2.0**-24
    return Floor(
        rms=max([UNDERRATED * one.rms for one in found] + [unit * itself.rms]),
        max=max([UNDERRATED * one.max for one in found] + [unit * itself.max]),
        source="spread",
        sets=sets,
    )


def _shaken(jobs: Mapping[str, Sequence[Job]], seed: int) -> dict[str, list[Job]]:
    return {name: [_moved(job, seed) for job in several] for name, several in jobs.items()}


def _moved(job: Job, seed: int) -> Job:
    """The same job with every float32 input moved to a neighbouring number, up or down at random."""
    rng = np.random.default_rng([seed, 1])
    moved = {
        name: np.nextafter(array, np.where(rng.integers(0, 2, array.shape), np.inf, -np.inf).astype(array.dtype))
        if array.dtype.kind == "f"
        else array
        for name, array in job.inputs.items()
    }
    return replace(job, inputs=moved)
