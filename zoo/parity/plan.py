"""What a parity check will do, decided without running anything: which runs, which reference, what not and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from zoo.backends.card import Card
from zoo.backends.discovery import Status
from zoo.catalog.artifact import Artifact
from zoo.diagnostics import BackendFault, UsageFault

Able = tuple["Source", Card, Status]  # a source, a backend that reads it, and whether it is there

HUB = "onnx"  # the format that every readable one can be converted to


@dataclass(frozen=True, slots=True)
class Wanted:
    """An artifact on disk and the backend that the command line names for it, if any."""

    artifact: Artifact
    backend: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What one run loads: an artifact as it is, or the ONNX file that is made of it for this check.

    Compared by identity: the runs of one artifact share its source, so that it is converted once.
    """

    artifact: Artifact
    converted: bool = False

    @property
    def label(self) -> str:
        """`open-nsfw@caffe`, or `open-nsfw@caffe -> onnx`."""
        return f"{self.artifact.label} -> {HUB}" if self.converted else self.artifact.label

    @property
    def format(self) -> str:
        """The format that a backend has to read."""
        return HUB if self.converted else self.artifact.format


@dataclass(frozen=True, slots=True)
class Run:
    """One source in one backend; `insisted` when the command line asked for this backend by name."""

    source: Source
    card: Card
    insisted: bool = False


@dataclass(frozen=True, slots=True)
class NotRun:
    """Something that could have been compared and was not; `status` is the exit status that this brings about.

    0 says that nobody insisted on it (docs/exit-status.md).
    """

    label: str
    backend: str
    why: str
    remedy: str | None = None
    status: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The runs in order, the first is the reference; and everything that will not run, with its remedy."""

    runs: tuple[Run, ...]
    not_run: tuple[NotRun, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`only`: the backends to consider (empty: all); `require`: those that must have run in the end."""

    only: tuple[str, ...] = ()
    require: tuple[str, ...] = ()


def plan(
    wanted: Sequence[Wanted],
    backends: Sequence[tuple[Card, Status]],
    readable: Collection[str],
    choice: Choice = Choice(),
) -> Plan:
    """Every artifact on every backend that reads it, and, converted to ONNX, on every backend that reads that.

    The reference is the first run of the first artifact: its own framework's, where that is available. A format in
    `readable` is one that converters read. Raises UsageFault for a named backend that cannot read what it is given.
    """
    runs: list[Run] = []
    not_run: list[NotRun] = []
    made: dict[object, Source] = {}
    for want in _originals_first(wanted):
        pairs = [
            (source, card, status)
            for source in _sources(want, readable, made)
            for card, status in _on(source, backends)
        ]
        if not pairs:
            not_run.append(NotRun(want.artifact.label, "-", f"no backend reads {want.artifact.format}"))
        for source, card, status in _chosen(pairs, want, choice, backends):
            insisted = want.backend is not None or card.name in choice.require
            if status.available:
                runs.append(Run(source, card, insisted))
            else:
                code = BackendFault.exit_status if insisted else 0
                not_run.append(NotRun(source.label, card.name, status.why_not or "not available", status.remedy, code))
    return Plan(_distinct(runs), (*not_run, *_idle(choice.require, runs, not_run)))


def _idle(required: Sequence[str], runs: Sequence[Run], not_run: Sequence[NotRun]) -> list[NotRun]:
    """Required backends that were given nothing to run."""
    seen = {run.card.name for run in runs} | {item.backend for item in not_run}
    why = "it reads none of these artifacts"
    return [NotRun("-", name, why, None, BackendFault.exit_status) for name in required if name not in seen]


def _originals_first(wanted: Sequence[Wanted]) -> list[Wanted]:
    """The order of the command line, but entries that say what they were made from stand behind the others."""

    def derived(want: Wanted) -> bool:
        return want.artifact.entry is not None and want.artifact.entry.provenance.made_from is not None

    return sorted(wanted, key=derived)


def _sources(want: Wanted, readable: Collection[str], made: dict[object, Source]) -> list[Source]:
    """The files and, where they can be, their conversion; the same files are one source, whoever asks for them."""
    artifact = want.artifact
    forms = [False] if artifact.format == HUB or artifact.format not in readable else [False, True]
    files = tuple(sorted(artifact.files.items()))
    return [made.setdefault((files, form), Source(artifact, converted=form)) for form in forms]


def _on(source: Source, backends: Sequence[tuple[Card, Status]]) -> list[tuple[Card, Status]]:
    """The backends that read the source, the one that bears the format's own name first."""
    able = [pair for pair in backends if source.format in pair[0].reads]
    return sorted(able, key=lambda pair: pair[0].name != source.format)


def _chosen(
    pairs: Sequence[Able], want: Wanted, choice: Choice, backends: Sequence[tuple[Card, Status]]
) -> Sequence[Able]:
    """A named backend reads the files themselves when it can; only otherwise their conversion."""
    if want.backend is None:
        return [pair for pair in pairs if not choice.only or pair[1].name in choice.only]
    named = [pair for pair in pairs if pair[1].name == want.backend]
    if not named:
        raise _unreadable(want, backends)
    return [pair for pair in named if not pair[0].converted] or named


def _unreadable(want: Wanted, backends: Sequence[tuple[Card, Status]]) -> UsageFault:
    able = [card.name for card, _ in backends if want.artifact.format in card.reads]
    return UsageFault(
        "backend-format",
        f"{want.backend} does not read {want.artifact.format} ({want.artifact.label})",
        hint=f"backends that do: {', '.join(able) or 'none'}",
    )


def _distinct(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Each run once, however many subjects ask for it."""
    seen: dict[object, Run] = {}
    for run in runs:
        files = tuple(sorted(run.source.artifact.files.items()))
        seen.setdefault((files, run.source.converted, run.card.name), run)
    return tuple(seen.values())
