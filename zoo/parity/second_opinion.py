"""A second opinion: what another converter makes of the same files, judged and shown beside ours, never decisive.

It is a check of its own, of the reference against the other converter's file; its rows become part of the report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from zoo.backends import discovery, host
from zoo.backends.card import Card
from zoo.backends.exchange import Failed, Job
from zoo.catalog import artifact as artifacts
from zoo.catalog.artifact import Artifact
from zoo.diagnostics import Diagnostic, UsageFault
from zoo.parity.check import Means, apply
from zoo.parity.plan import NotRun, Plan, Run, Source
from zoo.parity.report import Report
from zoo.parity.rule import Rule

Convert = Callable[[Card, Artifact, Path], Artifact]

_RUNNER = "onnxruntime"  # runs what a converter wrote
_LIMIT = 600.0  # seconds for one conversion


def converter(name: str) -> Card:
    """The card of a converter that can be asked; UsageFault `no-converter` for any other backend."""
    able = [card for card in discovery.backends() if card.converts]
    for card in able:
        if card.name == name:
            return card
    known = ", ".join(card.name for card in able)
    raise UsageFault("no-converter", f"{name} gives no second opinion", hint=f"converters that do: {known}")


def added(report: Report, plan: Plan, cards: Sequence[Card], means: Means, rule: Rule, convert: Convert) -> Report:
    """The report with the second opinions of `cards` on every artifact that they convert.

    Whatever goes wrong there is a line of `unheard`: neither a difference nor a failure changes the exit status.
    """
    with TemporaryDirectory(prefix="zoo-opinion-") as folder:
        runs: list[Run] = []
        unheard: list[NotRun] = []
        for index, (card, artifact) in enumerate(_questions(plan, cards)):
            where = Path(folder) / str(index)
            try:
                made = convert(card, artifact, where)
                means.ports(made)
            except Diagnostic as fault:
                why = "; ".join([f"{fault.code}: {fault.message}", *fault.details])
                unheard.append(NotRun(artifact.label, card.name, why, fault.hint))
            else:
                runs.append(Run(Source(made), discovery.find(_RUNNER)))
        reference = [run for run in plan.runs if report.reference and _label(run) == report.reference.label]
        if not runs or not reference:
            return replace(report, unheard=tuple(unheard))
        heard = apply(Plan((reference[0], *runs), ()), means, rule, report.told.batch)
        missed = [replace(item, status=0) for item in heard.not_run]
        return replace(report, opinions=heard.rows, unheard=(*unheard, *missed))


def convert(card: Card, artifact: Artifact, folder: Path) -> Artifact:
    """The file that the converter makes in its own interpreter, under a label that names it.

    Raises Diagnostic `second-opinion` where it makes none, or none that can be read.
    """
    status = discovery.probe(card)
    if not status.available:
        raise Diagnostic("second-opinion", status.why_not or "not available", hint=status.remedy)
    answer = host.run_many(card, [Job(artifact.format, artifact.files, {})], _LIMIT)[0]
    if isinstance(answer, Failed):
        raise Diagnostic("second-opinion", str(answer))
    to = card.converts[artifact.format]
    folder.mkdir()
    path = folder / f"model.{to}"
    path.write_bytes(np.ascontiguousarray(answer.outputs["model"]).tobytes())
    made = artifacts.from_paths([path])
    return replace(made, label=f"{artifact.label} -> {to} by {card.name}", entry=artifact.entry)


def _questions(plan: Plan, cards: Sequence[Card]) -> list[tuple[Card, Artifact]]:
    """Each converter with each artifact of a format that it converts, once."""
    asked = {run.source.artifact.label: run.source.artifact for run in plan.runs}
    return [(card, artifact) for card in cards for artifact in asked.values() if artifact.format in card.converts]


def _label(run: Run) -> str:
    return f"{run.source.label} in {run.card.name}"
