"""Puts every mutant and every harmless change of a network to the check, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from planting.drawing import Mutant, mutants
from planting.effect import effect
from planting.fault import Unfit
from planting.feeding import feeds
from planting.gate import Engine, judge, teacher
from planting.harmless import REWRITINGS
from planting.networks import FAMILIES
from planting.trained import network
from zoo.parity.doctor.visit import visit
from zoo.parity.graphs.graph import Graph
from zoo.parity.layers.taught import Teacher
from zoo.parity.rule import K

LEVELS = ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL")
ENGINES = {
    f"graph optimisation {level.removeprefix('ORT_').lower()}, {threads} thread{'s' if threads > 1 else ''}": Engine(
        level, threads
    )
    for level, threads in product(LEVELS, (1, 2))
} | {"one sample at a time": Engine(split=True)}


@dataclass(frozen=True)
class Planted:
    """One mutant: how it was seen, whether its layer was named, and what the doctor said where it was asked."""

    network: str
    fault: str
    place: str
    shape: bool
    at_outputs: bool
    at_logits: bool
    at_inner: bool
    at_layer: bool
    right_layer: bool
    causes: tuple[str, ...] | None
    right_cause: bool
    effect: float | None  # of those that nothing saw: the largest in units of the floor, in float64

    @property
    def seen(self) -> bool:
        return self.shape or self.at_outputs or self.at_logits or self.at_inner or self.at_layer


@dataclass
class Score:
    rows: list[Planted] = field(default_factory=list)


@dataclass
class Alarms:
    """Harmless runs by kind, the largest ratio of each, and those that turned the check red."""

    kinds: Counter[str] = field(default_factory=Counter)
    worst: dict[str, float] = field(default_factory=dict)
    red: list[str] = field(default_factory=list)
    networks: dict[str, float] = field(default_factory=dict)
    """The largest ratio of each network."""

    def add(self, other: Alarms) -> None:
        """Those of another network."""
        self.kinds += other.kinds
        self.red += other.red
        self.networks |= {name: max(ratio, self.networks.get(name, 0.0)) for name, ratio in other.networks.items()}
        self.worst = {kind: max(self.worst.get(kind, 0.0), other.worst.get(kind, 0.0)) for kind in self.kinds}

    @property
    def runs(self) -> int:
        return sum(self.kinds.values())


def built(name: str, seed: int) -> Graph:
    """A family's network, or a published one."""
    return Graph(FAMILIES[name](seed) if name in FAMILIES else network(name))


def free(graph: Graph) -> bool:
    """Whether every value has the samples along its first axis, any number of them: only then it can be split."""
    shapes = graph.shapes()
    return all(name in shapes and shapes[name][:1] == (None,) for name in (*graph.inputs, *graph.values))


def score(into: Score, name: str, seed: int, folder: Path, *, every: int) -> None:
    """All mutants of a network; the doctor sees every `every`th of those that run."""
    graph = built(name, seed)
    judged(into, teacher(graph, feeds(graph, seed), folder), mutants(name, graph, seed), every=every)


def judged(into: Score, reference: Teacher, planted: Iterable[Mutant], *, every: int | None = None) -> None:
    """Each mutant by itself."""
    for number, mutant in enumerate(planted):
        found = judge(reference, mutant.graph)
        layer, causes = found.layer, None
        if layer is not None and every is not None and number % every == 0:
            findings = visit(reference, mutant.graph, found.taught, Engine().runner)
            causes = tuple(finding.cause for finding in findings)
        shaped = any(row.ratio == np.inf and row.rms == np.inf for row in found.taught.whole)
        into.rows.append(
            Planted(
                network=mutant.network,
                fault=mutant.fault.name,
                place=mutant.place,
                shape=found.structure is not None or shaped,
                at_outputs=found.outputs > K,
                at_logits=found.logits > K,
                at_inner=found.inner is not None,
                at_layer=layer is not None,
                right_layer=layer is not None and layer.name == mutant.value,
                causes=causes,
                right_cause=bool(causes) and causes[0] in mutant.fault.cause.split("|"),
                effect=None if found.red else effect(reference, mutant, found.taught),
            )
        )


def alarms(into: Alarms, name: str, seed: int, folder: Path) -> None:
    """All rewritings of a network, in two settings of the runtime, and the network itself in all settings."""
    graph = built(name, seed)
    reference = teacher(graph, feeds(graph, seed), folder)
    engines = {kind: engine for kind, engine in ENGINES.items() if not engine.split or free(graph)}
    cases = [(kind, graph, engine) for kind, engine in engines.items()]
    for kind, rewrite in REWRITINGS.items():
        copy = graph.copy()
        try:
            made = rewrite(copy, np.random.default_rng(seed)) or Graph(copy.model)
        except Unfit:
            continue
        cases += [(kind, made, Engine()), (kind, made, Engine("ORT_DISABLE_ALL"))]
    cries(into, f"{name}, inputs {seed}", reference, cases)


def cries(into: Alarms, where: str, reference: Teacher, cases: Iterable[tuple[str, Graph, Engine]]) -> None:
    """Harmless candidates by kind, each in one setting of the runtime."""
    for kind, candidate, engine in cases:
        found = judge(reference, candidate, engine)
        ratios = [row.ratio for row in (*found.taught.whole, *found.taught.layers)]
        into.kinds[kind] += 1
        worst, network = max(ratios, default=np.inf), where.partition(",")[0]
        into.worst[kind] = max(into.worst.get(kind, 0.0), worst)
        into.networks[network] = max(into.networks.get(network, 0.0), worst)
        if found.red:
            first = found.layer or found.inner
            into.red.append(f"{where}: {kind}: {found.taught.why_not or first}")
