"""The files that runs load, with what is known of an ONNX file among them: outputs, what goes into their softmax."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from zoo.catalog.artifact import Artifact
from zoo.diagnostics import Diagnostic
from zoo.parity.detections.parts import Parts, joined, said
from zoo.parity.detections.recognised import Sets, recognised
from zoo.parity.graphs.reading import graph_of
from zoo.parity.plan import HUB, NotRun, Run, Source
from zoo.parity.taps import Tap, logits, visible

Convert = Callable[[Artifact, Path], Artifact]
_NAMELESS = frozenset({"torch7"})
"""Formats that name no outputs: a backend calls them as the conversion does, and inner values by their modules."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Files on disk; the rest is empty unless they are ONNX.

    `taps`: output -> the value before its last softmax; `shown`: the same files with those values as outputs;
    `blobs`: value -> its name in the source that this was converted from; `sets`: the outputs that are sets.
    """

    artifact: Artifact
    outputs: tuple[str, ...] = ()
    taps: Mapping[str, Tap] = field(default_factory=dict)
    shown: Mapping[str, Path] = field(default_factory=dict)
    blobs: Mapping[str, str] = field(default_factory=dict)
    sets: Sets = field(default_factory=Sets)

    @property
    def is_onnx(self) -> bool:
        """Whether it is an ONNX file that could be read."""
        return bool(self.outputs)

    @property
    def rows(self) -> tuple[str, ...]:
        """The outputs that hold detections, and what the source calls them; those that are joined are, too."""
        named = (self.blobs[name] for name in self.sets.rows if name in self.blobs)
        return (*self.sets.rows, *named, *(group.joined for group in self.sets.parts))

    @property
    def parts(self) -> tuple[Parts, ...]:
        """The outputs that hold detections together, by their own names and by the source's."""
        return tuple(dict.fromkeys([*self.sets.parts, *(group.called(self.blobs) for group in self.sets.parts)]))

    def holding(self, detections: Sequence[str]) -> Loaded:
        """The same with these of its outputs as detections, too."""
        rows, named = said(detections)
        groups = [group for group in named if set(group.names) <= set(self.outputs)]
        taken = {name for group in groups for name in group.names}
        kept = [group for group in self.sets.parts if not taken & set(group.names)]
        parts = joined([*kept, *groups], self.outputs)
        more = [name for name in rows if name in self.outputs and name not in self.sets.rows]
        own = tuple(name for name in (*self.sets.rows, *more) if name not in taken)
        places = {name: place for name, place in self.sets.places.items() if name not in taken}
        return replace(self, sets=replace(self.sets, rows=own, places=places, parts=parts))


@dataclass(frozen=True, slots=True)
class Asked:
    """What one backend is asked for: files, outputs (None: all), and under which names it gives the logits of what."""

    files: Mapping[str, Path]
    outputs: tuple[str, ...] | None = None
    taps: Mapping[str, str] = field(default_factory=dict)


def load(runs: Sequence[Run], convert: Convert, folder: Path) -> tuple[dict[Source, Loaded], list[NotRun]]:
    """Each source's files; a conversion that is refused is a line of the report and brings its own exit status."""
    loaded: dict[Source, Loaded] = {}
    faults: list[NotRun] = []
    for index, source in enumerate(dict.fromkeys(run.source for run in runs)):
        place = folder / str(index)
        try:
            artifact = convert(source.artifact, place) if source.converted else source.artifact
        except Diagnostic as fault:
            backends = ", ".join(run.card.name for run in runs if run.source == source)
            faults.append(
                NotRun(source.label, backends, f"{fault.code}: {fault.message}", fault.hint, fault.exit_status)
            )
        else:
            loaded[source] = look(artifact, folder / f"shown-{index}")
    return loaded, faults


def yardstick(runs: Sequence[Run], convert: Convert, folder: Path) -> dict[Source, Loaded]:
    """The reference's own ONNX, made for its noise floor where no run asks for it; nothing where it cannot be made."""
    artifact = runs[0].source.artifact
    there = any(run.source.artifact is artifact and run.source.format == HUB for run in runs)
    if there:
        return {}
    try:
        return {Source(artifact, converted=True): look(convert(artifact, folder), folder / "shown")}
    except Diagnostic:
        return {}


def look(artifact: Artifact, folder: Path) -> Loaded:
    """What can be seen in the files; an ONNX file that cannot be read is left to the backends to refuse."""
    if artifact.format != HUB or not artifact.files.get("model", Path()).is_file():
        return Loaded(artifact)
    model = artifact.files["model"]
    try:
        outputs = tuple(str(value.name) for value in graph_of(model).outputs)
        taps, sets = logits(model), recognised(model)
    except Diagnostic:
        return Loaded(artifact)
    shown = visible(artifact.files, [tap.value for tap in taps.values()], folder) if taps else artifact.files
    return Loaded(artifact, outputs, taps, shown, _blobs(model), sets)


def asked(run: Run, loaded: Mapping[Source, Loaded]) -> Asked:
    """What the backend of a run is asked for, so that what goes into the last softmax comes with the outputs."""
    mine = loaded[run.source]
    if mine.is_onnx:
        return _ASKED.get(run.card.name, _shown)(mine)
    twin = next((one for source, one in loaded.items() if source.converted and source.artifact is mine.artifact), None)
    if twin is None or not twin.taps or not twin.blobs:
        return Asked(mine.artifact.files)
    called = {} if mine.artifact.format in _NAMELESS else twin.blobs
    taps = {called.get(output, output): twin.blobs.get(tap.value, tap.value) for output, tap in twin.taps.items()}
    outputs = [called.get(output, output) for output in twin.outputs]
    return Asked(mine.artifact.files, (*outputs, *taps.values()), taps)


def _shown(mine: Loaded) -> Asked:
    return Asked(mine.shown, None, {output: tap.value for output, tap in mine.taps.items()})


def _opencv(mine: Loaded) -> Asked:
    """OpenCV reads no outputs without a shape, but knows layers by the names of their nodes."""
    taps = {output: f"onnx_node!{tap.node}" for output, tap in mine.taps.items() if tap.node}
    return Asked(mine.artifact.files, (*mine.outputs, *taps.values()) if taps else None, taps)


_ASKED: Mapping[str, Callable[[Loaded], Asked]] = {"opencv": _opencv}


def _blobs(model: Path) -> dict[str, str]:
    """Value -> the source's own name, from the report that a conversion leaves beside its file."""
    report = model.with_name(f"{model.name}.report.json")
    if not report.is_file():
        return {}
    blobs = json.loads(report.read_bytes()).get("blobs", {})
    return {str(value): str(blob) for blob, value in blobs.items()}
