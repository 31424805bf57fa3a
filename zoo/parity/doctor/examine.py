"""Puts every hypothesis to the test and names those that explain the difference, the best first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from zoo.parity.doctor.case import Array, Case, Hypothesis
from zoo.parity.doctor.levels import solved
from zoo.parity.doctor.table import OUTRIGHT, REST, REVERSED, WHOLE
from zoo.parity.graphs.graph import Graph

EXPLAINS = 16.0
"""The error that may be left, in units of the floor: what a right layer may have."""
BETTER = 4.0
"""How many times smaller the error has to become: a weak difference is not explained by another weak one."""

GENERIC = frozenset({"weights differ", "attribute", "another operator"})
"""Causes that only say where two files differ: named when nothing else explains it."""

Runner = Callable[[Sequence[tuple[Graph, Mapping[str, Array]]]], Sequence[Array | None]]
"""Runs graphs with one output each; None for one that the runtime refuses."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause and its proof: the error, in units of the floor, before and after the mistake is granted."""

    cause: str
    before: float
    after: float
    proof: str


def examine(case: Case, run: Runner) -> tuple[Finding, ...]:
    """Every cause that explains what the candidate gave; the smallest error left first, then the table's order."""
    tried = [hypothesis for family in OUTRIGHT for hypothesis in family(case)]
    tried += solved(case, run)
    rest = (*REVERSED, *REST) if case.framework else REST
    tried += [hypothesis for family in rest for hypothesis in family(case)]
    return _explaining(case, tried, run)


def examine_whole(case: Case, run: Runner) -> tuple[Finding, ...]:
    """The same for a case that is a whole network: mistakes at its ends, and in all layers of a kind."""
    return _explaining(case, [hypothesis for family in WHOLE for hypothesis in family(case)], run)


def _explaining(case: Case, tried: Sequence[Hypothesis], run: Runner) -> tuple[Finding, ...]:
    before = case.error(case.exact)
    answers = run([(hypothesis.graph, case.fed) for hypothesis in tried])
    found: dict[str, Finding] = {}
    for hypothesis, answer in zip(tried, answers, strict=True):
        if answer is None:
            continue
        after = case.error(answer)
        better = after <= EXPLAINS and after * BETTER <= before
        held = found.get(hypothesis.cause)
        if better and (held is None or after < held.after):
            found[hypothesis.cause] = Finding(hypothesis.cause, before, after, _proof(case, hypothesis, before, after))
    telling = {cause: finding for cause, finding in found.items() if cause not in GENERIC} or found
    return tuple(sorted(telling.values(), key=lambda finding: _rank(finding.after)))


def _rank(after: float) -> int:
    """Errors within the noise of two correct runs are equally good: the table's order decides among them."""
    return 0 if after <= 2 else 1 if after <= 6 else 2


def _proof(case: Case, hypothesis: Hypothesis, before: float, after: float) -> str:
    if case.framework:
        said = hypothesis.claim.replace("the reference", "the conversion")
        return (
            f"{said}: so computes {case.framework}; the conversion with this change lies {after:.2g} x the "
            f"floor from it, without it {before:.2g} x"
        )
    return (
        f"{hypothesis.claim}: the reference with this mistake lies {after:.2g} x the floor from the candidate, "
        f"without it {before:.2g} x"
    )
