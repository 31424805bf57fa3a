"""From the layers that differ to a case for the doctor: the first of them, by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zoo.parity.doctor.case import Array, Case
from zoo.parity.doctor.examine import EXPLAINS, Finding, Runner, examine, examine_whole
from zoo.parity.graphs.cut import extract
from zoo.parity.graphs.graph import Graph
from zoo.parity.layers.rows import Row, first
from zoo.parity.layers.taught import Runner as GraphRunner
from zoo.parity.layers.taught import Taught, Teacher


def visit(teacher: Teacher, candidate: Graph | None, taught: Taught, run: GraphRunner) -> tuple[Finding, ...]:
    """The causes that explain the first layer that differs; none where no layer does.

    Without a candidate what differs is the reference's own framework from its conversion.
    """
    culprit = first(taught.layers)
    return examine(case(teacher, candidate, taught, culprit), single(run)) if culprit else ()


def visit_outputs(
    teacher: Teacher, outputs: Mapping[str, Array], run: GraphRunner, framework: str = ""
) -> tuple[Finding, ...]:
    """The causes that explain the first output that differs, where nothing but the outputs of a run is seen.

    With `framework` they are the reference's own, and what is wrong is the conversion.
    """
    for name in teacher.graph.outputs:
        value = teacher.measured.values.get(name)
        if value is None or name not in outputs or teacher.measured.double(name).dtype.kind not in "fiub":
            continue
        exact = np.array(teacher.measured.double(name), np.float64)
        graph = extract(teacher.graph, [name], ())
        floor = (value.floor_rms, value.floor_max)
        whole = Case(
            name, graph, teacher.feeds, exact, outputs[name], floor, starts=True, ends=True, framework=framework
        )
        if whole.error(exact) > EXPLAINS:
            return examine_whole(whole, single(run))
    return ()


def case(teacher: Teacher, candidate: Graph | None, taught: Taught, culprit: Row) -> Case:
    """Both sides' layer with the values that it was fed; without a candidate the reference's framework is the other."""
    assert taught.truth is not None
    name, at = culprit.name, taught.inner.keys()
    reference = extract(teacher.graph, [name], at)
    fed = {**teacher.feeds, **taught.inner}
    stored = {weight: teacher.graph.weight(weight) for weight in teacher.graph.weights}
    return Case(
        value=name,
        reference=reference,
        fed={port: fed[port] for port in reference.inputs},
        exact=np.array(taught.truth.double(name), np.float64),
        got=taught.got[name],
        floor=(culprit.floor_rms, culprit.floor_max),
        starts=any(port in teacher.feeds for port in reference.inputs),
        ends=name in teacher.graph.outputs,
        candidate=extract(candidate, [name], at) if candidate is not None else None,
        pool={weight: array for weight, array in stored.items() if array is not None},
        framework="" if candidate is not None else teacher.framework,
    )


def single(run: GraphRunner) -> Runner:
    """A runner of graphs with one output each, which a refusal answers with None."""

    def answers(jobs: Sequence[tuple[Graph, Mapping[str, Array]]]) -> Sequence[Array | None]:
        return [
            None if isinstance(answer, str) else answer[graph.outputs[0]]
            for answer, (graph, _fed) in zip(run(jobs), jobs, strict=True)
        ]

    return answers
