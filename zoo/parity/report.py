"""The value that a parity check comes to: what ran, how far it lies apart, what did not run, and what it all says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from zoo.parity.compare import Comparison, Verdict
from zoo.parity.feeding import Samples
from zoo.parity.layers.located import Located
from zoo.parity.plan import NotRun
from zoo.parity.rule import Rule

# A reference that moves by more than this share of what the rule allows between two runs cannot judge anybody by it.
STEADY = 0.1
DIFFERS, INCONCLUSIVE = 1, 6
FLOAT64 = "float64"
"""What stands for a backend where the reference's own ONNX was run by zoo, in float64: a row, and no run to count."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One run that gave outputs; `seconds` is the forward pass alone, `settings` all that pinned the backend."""

    artifact: str
    backend: str
    versions: Mapping[str, str]
    seconds: float
    settings: Mapping[str, object]

    @property
    def label(self) -> str:
        """`open-nsfw@caffe in opencv`."""
        return f"{self.artifact} in {self.backend}"


@dataclass(frozen=True, slots=True)
class Row:
    """One run against the reference; `notes` say which outputs were paired under other names."""

    ran: Ran
    comparison: Comparison
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs against each other, whichever of them came first as the reference of the two."""

    one: str
    other: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Idle:
    """What the inputs did not reach: `count` of `of` things of the kind `what`, at the value `where`."""

    what: str
    where: str
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Precision:
    """Float64 against float64: whether it ran, the largest difference as a share of the RMS, and that in words."""

    ran: bool
    worst: float | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Weights:
    """Stored floats of two files `of`: how many of the first's the second holds bit for bit, and which it does not.

    `named` of them were compared by their names, the others by content.
    """

    of: tuple[str, str]
    compared: int
    equal: int
    different: tuple[str, ...]
    named: int = 0

    @property
    def how(self) -> str:
        """`by name`, `by content`, or how many by which."""
        if self.named in (0, self.compared):
            return "by name" if self.named else "by content"
        return f"{self.named} by name, the others by content"


@dataclass(frozen=True, slots=True)
class Told:
    """What a check tells besides its verdict: the sets of samples, where the floor is from, what was not exercised."""

    sets: tuple[Samples, ...] = ()
    floor: str = "none: nothing ran"
    float64: Precision = Precision(ran=False, worst=None, sentence="nothing ran")
    weights: Weights | None = None
    not_exercised: tuple[Idle, ...] = ()
    inside: str | None = None
    """Why inner values and layers of runs that agree were not looked at."""

    @property
    def samples(self) -> str:
        """All sets in words."""
        return "; ".join(one.described for one in self.sets) or "no samples"

    @property
    def batch(self) -> int:
        """Samples in the first set."""
        return self.sets[0].batch if self.sets else 0


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a parity check found; nothing in it depends on how it will be shown."""

    reference: Ran | None
    itself: Comparison | None  # the reference's second run against its first, at a tenth of what the rule allows
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    not_run: tuple[NotRun, ...]
    rule: Rule
    told: Told = Told()
    opinions: tuple[Row, ...] = ()  # other converters' files against the reference; they decide nothing
    unheard: tuple[NotRun, ...] = ()
    located: tuple[Located, ...] = ()  # runs that were looked into layer by layer


class Outcome(NamedTuple):
    """The exit status of the check and the sentence that explains it."""

    status: int
    verdict: str
    sentence: str


def outcome(report: Report) -> Outcome:
    """The gravest thing that the report holds, in the order of docs/exit-status.md, decides."""
    if report.itself is not None and report.itself.verdict is Verdict.FAIL:
        return Outcome(INCONCLUSIVE, "inconclusive", "the reference does not repeat itself: it cannot judge the others")
    differs = _different(report)
    if differs:
        return Outcome(DIFFERS, "differs", differs)
    missed = sorted((item for item in report.not_run if item.status), key=lambda item: -item.status)
    if missed:
        names = ", ".join(f"{item.label} in {item.backend}" for item in missed)
        return Outcome(missed[0].status, "incomplete", f"not everything that was asked for ran: {names}")
    compared = [row for row in report.rows if row.ran.backend != FLOAT64]
    if not compared:
        what = f"only {report.reference.label} ran" if report.reference else "nothing ran"
        return Outcome(DIFFERS, "nothing compared", f"nothing was compared: {what}")
    if all(row.comparison.verdict is Verdict.IDLE for row in compared):
        return Outcome(INCONCLUSIVE, "inconclusive", "the outputs agree, but these inputs did not exercise them")
    passed = sum(row.comparison.verdict is Verdict.PASS for row in compared)
    return Outcome(0, "agrees", f"{_count(passed, 'run')} agree{'s' if passed == 1 else ''} with the reference")


def _different(report: Report) -> str | None:
    """Which runs differ at their outputs, or else inside; None when none does."""
    wrong = [row.ran.label for row in report.rows if row.comparison.verdict is Verdict.FAIL]
    if wrong:
        how = "out of tolerance" if report.rule.tolerance else "beyond rounding"
        return f"{_count(len(wrong), 'run')} {how}: {', '.join(wrong)}"
    apart = [one.label for one in report.located if not one.agrees]
    if apart and report.rule.tolerance is None:
        return f"{_count(len(apart), 'run')} beyond rounding inside: {', '.join(apart)}"
    return None


def farthest(report: Report) -> Pair | None:
    """The two runs that lie farthest apart, by ratio; None when fewer than two ran."""
    return max(report.pairs, key=lambda pair: pair.comparison.ratio, default=None)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
