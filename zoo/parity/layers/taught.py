"""Teacher forcing: each layer of the candidate from the reference's own values, so that errors do not add up."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo.parity.engine.kinds import EXACT
from zoo.parity.graphs.choices import behind_choices
from zoo.parity.graphs.cut import FED, cut, exposed, layer, live
from zoo.parity.graphs.graph import Graph
from zoo.parity.layers.rows import Row, rows
from zoo.parity.measure import Measured, measure

Array = NDArray[np.generic]
Feeds = Mapping[str, Array]
Runner = Callable[[Sequence[tuple[Graph, Feeds]]], Sequence[Feeds | str]]
"""Runs graphs and gives all outputs of each; for one that fails, why."""


class Measurer(Protocol):
    """`zoo.parity.measure.measure`, or the same engine elsewhere."""

    def __call__(
        self,
        model: Path,
        feeds: Feeds,
        folder: Path,
        *,
        keep: Collection[str] | None = (),
        forced: Feeds | None = None,
    ) -> Measured:
        """Measure every value of a graph."""
        ...


@dataclass(frozen=True, slots=True)
class Teacher:
    """A reference measured once for any number of candidates: its ONNX form, its inputs and every value in float64.

    `own` are the values that the reference's `framework` gave, by the names of its ONNX form, where it can show them.
    """

    graph: Graph
    model: Path
    feeds: Feeds
    measured: Measured
    folder: Path
    own: Feeds
    measurer: Measurer
    framework: str = ""
    lessons: dict[frozenset[str], Measured] = field(default_factory=dict)
    exact: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)
    own_layers: list[Taught | None] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        graph: Graph,
        feeds: Feeds,
        folder: Path,
        own: Feeds | None = None,
        measurer: Measurer = measure,
        framework: str = "",
    ) -> Teacher:
        """Measure the reference's graph; the folder keeps the float64 arrays."""
        model = folder / "reference.onnx"
        graph.save(model)
        measured = measurer(model, feeds, folder, keep=None)
        return cls(graph, model, feeds, measured, folder, own or {}, measurer, framework)

    def values(self) -> dict[str, Array]:
        """What layers are fed: the reference's own values where it gave them, else float64 rounded to its type."""
        found: dict[str, Array] = {}
        for name, value in self.measured.values.items():
            if value.exactness in ("rounds", "exact"):
                own = self.own.get(name)
                fits = own is not None and own.shape == value.shape
                found[name] = own if own is not None and fits else self.measured.double(name).astype(value.dtype)
        return found

    def unrounded(self, shared: Collection[str]) -> frozenset[str]:
        """The layers none of whose operators rounds: what goes in decides what comes out, to the last bit."""
        names = frozenset(shared)
        if names not in self.exact:
            layers = {name: layer(self.graph, name, names) for name in names}
            self.exact[names] = unrounded(self.graph, layers, self.feeds)
        return self.exact[names]

    def against_own(self) -> Taught | None:
        """`compare_own` of it, found once."""
        if not self.own_layers:
            self.own_layers.append(compare_own(self))
        return self.own_layers[0]

    def lesson(self, shared: Feeds, also: str = "") -> Measured:
        """Each layer's float64 result from these values of the layers before it, and that of one more value.

        It is kept for the next candidate.
        """
        names = frozenset({*shared, also} - {""})
        if names not in self.lessons:
            place = Path(tempfile.mkdtemp(dir=self.folder))
            self.lessons[names] = self.measurer(self.model, self.feeds, place, keep=names, forced=shared)
        return self.lessons[names]


@dataclass(frozen=True, slots=True)
class Taught:
    """What `teach` found.

    whole    a row a shared value, in the whole network
    layers   a row a layer, from the reference's values; empty when `why_not` says why
    inner    the reference's value of each shared name, as it was fed
    got      what each layer of the candidate gave
    truth    each layer's float64 result from those values
    """

    whole: tuple[Row, ...]
    layers: tuple[Row, ...]
    inner: Feeds
    got: Feeds
    truth: Measured | None
    why_not: str | None = None


class Judged(Protocol):
    """`zoo.parity.recognising.Recognised`: `guessed` are names that nothing but numbers gave to values."""

    @property
    def guessed(self) -> Collection[str]:
        """What agrees in the whole network by the way it was found."""
        ...

    def judged(self, reference: Graph, shared: Collection[str]) -> Collection[str]:
        """The layers between the values `shared` that can be compared."""
        ...


def unrounded(graph: Graph, layers: Mapping[str, Sequence[onnx.NodeProto]], feeds: Collection[str]) -> frozenset[str]:
    """Of the layers between values that are fed those none of whose operators rounds, as `Teacher.unrounded` has it.

    What is stored alone, such as priors, its framework computes, and rounds.
    """
    data = live(graph) & {*layers, *feeds}
    return frozenset(
        name
        for name, nodes in layers.items()
        if all(node.op_type in EXACT for node in nodes) and any(one in data for node in nodes for one in node.input)
    )


def teach(teacher: Teacher, candidate: Graph, run: Runner, known: Judged | None = None) -> Taught:
    """Compare every value that both graphs name, in the whole network and layer by layer."""
    chosen = behind_choices(teacher.graph)
    inner = {name: array for name, array in teacher.values().items() if name not in chosen}
    shapes = {name: array.shape for name, array in inner.items()}
    (seen,) = run([(exposed(candidate, inner.keys(), shapes), teacher.feeds)])
    if isinstance(seen, str):
        return Taught((), (), inner, {}, None, seen)
    guessed = () if known is None else known.guessed
    whole = rows(
        teacher.measured, {name: seen[name] for name in inner if name in seen and name not in guessed}, "inner"
    )
    shared = {name: inner[name] for name in inner if name in seen and seen[name].shape == inner[name].shape}
    if not shared:
        return Taught(whole, (), inner, {}, None, "the two graphs name no value alike")
    severed = cut(candidate, shared.keys(), shapes)
    fed = {**teacher.feeds, **{name + FED: array for name, array in shared.items()}}
    (got,) = run([(severed, {port: fed[port] for port in severed.inputs})])
    if isinstance(got, str):
        return Taught(whole, (), inner, {}, None, got)
    truth = teacher.lesson(shared)
    judged = set(shared if known is None else known.judged(teacher.graph, shared))
    mine = {name: got[name] for name in shared if name in got}
    layers = rows(truth, {name: mine[name] for name in mine if name in judged}, "layer", teacher.unrounded(shared))
    return Taught(whole, layers, shared, mine, truth)


def compare_own(teacher: Teacher) -> Taught | None:
    """The conversion itself against the framework that it was made from, layer by layer from the framework's values.

    A converter's mistake is in the conversion, by which everything else is judged, and shows nowhere but here. None
    where the framework shows no inner values. `got` is what the framework gave.
    """
    values = teacher.measured.values
    own = {n: teacher.own[n] for n in values if n in teacher.own and values[n].exactness in ("rounds", "exact")}
    if not own:
        return None
    fits = {name: array for name, array in own.items() if array.shape == values[name].shape}
    other = [name for name in own if name not in fits]  # of what a layer of another size is fed, nothing can be told
    truth = teacher.lesson(fits, other[0] if other else "")
    got = {name: own[name] for name in own if name in fits or name in other[:1]}
    return Taught((), rows(truth, got, "layer", teacher.unrounded(got)), fits, got, truth)
