"""One check as somebody asks for it, carried out: the subjects and conditions, then the report and what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from zoo.backends.card import Card
from zoo.backends.discovery import backends as cards
from zoo.catalog.artifact import Artifact
from zoo.console import Console
from zoo.diagnostics import Diagnostic, UsageFault
from zoo.dims import shapes
from zoo.parity import devices, second_opinion
from zoo.parity.account import Account
from zoo.parity.align import renamed
from zoo.parity.check import Means, apply
from zoo.parity.compare import Verdict
from zoo.parity.conversions import once
from zoo.parity.glances import keep
from zoo.parity.golden import Golden, read
from zoo.parity.inside import inside, keys
from zoo.parity.layers.located import Located
from zoo.parity.looking import Wanted, look
from zoo.parity.means import Feeding, means, planned
from zoo.parity.payload import payload
from zoo.parity.plan import Choice, Plan
from zoo.parity.recalled import recalled
from zoo.parity.recorded import as_reference
from zoo.parity.replay import recorded
from zoo.parity.report import Report
from zoo.parity.rule import Rule, chosen
from zoo.parity.seen import Seen
from zoo.parity.spread import spread
from zoo.parity.subjects import known, parse

MOST_SAMPLES = 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line, or a project's file, says of one check; relative paths are the caller's."""

    subjects: tuple[str, ...]
    backends: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    inputs: Path | None = None
    input: tuple[str, ...] = ()
    images: Path | None = None
    golden: Path | None = None
    seed: int = 0
    batch: int = 4
    second_opinion: tuple[str, ...] = ()
    rtol: float | None = None
    atol: float | None = None
    snr: float | None = None
    why: str | None = None
    device: str | None = None
    detections: tuple[str, ...] = ()
    layers: bool = False
    no_layers: bool = False
    bisect: bool = False
    bisect_to: Path = Path("bisect")

    @property
    def name(self) -> str:
        """The subjects, for a report."""
        return " ".join(self.subjects)


@dataclass(frozen=True, slots=True)
class Access:
    """How files may be brought here."""

    offline: bool = False
    trust_first_use: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request with its files on disk and its runs decided."""

    request: Request
    plan: Plan
    rule: Rule
    golden: Golden | None = None
    converters: tuple[Card, ...] = ()


@dataclass(frozen=True, slots=True)
class Performed:
    """A check that was carried out."""

    prepared: Prepared
    report: Report
    seen: Seen = field(default_factory=Seen)


def prepare(request: Request, console: Console, access: Access) -> Prepared:
    """Refuse what means nothing, bring the files, and decide what runs where."""
    fed = {"--inputs": request.inputs, "--images": request.images, "--golden": request.golden}
    given = [name for name, value in fed.items() if value is not None]
    if len(given) > 1:
        raise UsageFault("inputs", f"{' and '.join(given)} exclude each other")
    if request.no_layers and (request.layers or request.bisect):
        deep = "--layers" if request.layers else "--bisect"
        raise UsageFault("layers", f"{deep} and --no-layers exclude each other")
    if not (1 <= request.batch <= MOST_SAMPLES and request.seed >= 0):  # from a report or a list
        raise UsageFault("samples", f"{request.batch} samples of seed {request.seed} cannot be made",
                         hint=f"1 to {MOST_SAMPLES} samples, seeds from 0")  # fmt: skip
    shapes(request.input)  # refuses what is no shape before anything is fetched
    rule = chosen(request.rtol, request.atol, request.snr, request.why)
    names = [card.name for card in cards()]
    converters = tuple(second_opinion.converter(name) for name in request.second_opinion)
    choice = Choice(known(request.backends, names), known(request.require, names))
    asked = [parse(text) for text in request.subjects]
    known([subject.backend for subject in asked if subject.backend], names)
    golden = read(request.golden) if request.golden else None
    if golden:
        _demand_inner(golden, request)
    plan = planned(asked, choice, console, offline=access.offline, trust_first_use=access.trust_first_use)
    if request.device:
        devices.demand(request.device, plan, cards())
    return Prepared(request, plan, rule, golden, converters)


def _demand_inner(found: Golden, request: Request) -> None:
    """Refuses to look for layers in a golden that has nothing to hold them against.

    Raises:
        UsageFault: `golden-layers`.
    """
    if request.layers and not found.card.inner:
        hint = "zoo golden make SUBJECT -o g.npz --force records them where the reference can be converted to ONNX"
        raise UsageFault("golden-layers", "this golden holds outputs alone: --layers needs inner values", hint=hint)
    if request.bisect and not found.whole:
        hint = "zoo golden make SUBJECT -o g.npz --layers --force records all of them"
        raise UsageFault("golden-layers", "this golden does not hold whole inner values, as --bisect needs", hint=hint)


@contextmanager
def acting(prepared: Prepared, stop: Callable[[], bool] = lambda: False) -> Iterator[Means]:
    """What the check acts with; each artifact is converted once, into a folder that is gone afterwards.

    Workers are ended, and KeyboardInterrupt is raised, once `stop()` is true.
    """
    request = prepared.request
    feeding = Feeding(request.inputs, request.images, request.seed, shapes(request.input))
    plain = replace(means(feeding), detections=request.detections)
    run = devices.on(request.device, plain.run) if request.device else plain.run
    with TemporaryDirectory(prefix="zoo-converted-") as folder:
        yield replace(
            plain,
            convert=once(plain.convert, Path(folder)),
            run=lambda card, jobs, own: run(card, jobs, lambda: own() or stop()),
        )


def perform(prepared: Prepared, stop: Callable[[], bool] = lambda: False) -> Performed:
    """Convert, run and compare; workers are ended, and KeyboardInterrupt is raised, once `stop()` is true."""
    with acting(prepared, stop) as means:
        return carried_out(prepared, means)


def carried_out(prepared: Prepared, acting: Means) -> Performed:
    """Run and compare, and look into the runs."""
    request, plan, seen = prepared.request, prepared.plan, Seen()
    if prepared.golden:
        plan, acting = as_reference(prepared.golden, plan, acting)
    report = apply(plan, replace(acting, seen=seen), prepared.rule, request.batch)
    if prepared.converters:
        report = second_opinion.added(report, plan, prepared.converters, acting, prepared.rule, second_opinion.convert)
    report = replace(report, located=_looked(prepared, acting, report, seen))
    report = replace(report, told=replace(report.told, inside=_unlooked(prepared)))
    if prepared.golden:  # it is what was recorded, not a run: that it equals itself says nothing
        report = replace(report, itself=None)
    return Performed(prepared, report, seen)


def _looked(prepared: Prepared, acting: Means, report: Report, seen: Seen) -> tuple[Located, ...]:
    """The layers of the runs that differ, or of all where that was asked for; of the others a short look inside."""
    request, ran = prepared.request, seen.results
    if seen.samples is None or len(ran) < 2:
        return ()
    pairs = zip(ran[1:], report.rows, strict=False)  # behind the runs stand rows of float64
    wrong = [result.run for result, row in pairs if row.comparison.verdict is Verdict.FAIL]
    wanted = Wanted(request.layers, request.bisect_to if request.bisect else None)
    if request.no_layers:
        return ()
    wholly = ran[1:] if request.layers else [result for result in ran[1:] if result.run in wrong]
    rest = [result for result in ran[1:] if result not in wholly and prepared.rule.tolerance is None]
    if prepared.golden:
        labels = [result.ran.label for result in ran[1:] if result.run in wrong]
        chosen = [*wholly, *rest] if prepared.golden.card.inner else []
        return recalled(prepared.golden, prepared.plan, acting, chosen, labels, wanted)
    short = inside(prepared.plan, acting, seen.samples, ran, rest, seen.values)
    doubted = {one.label: one for one in short if not one.agrees or (one.hint and not one.before)}
    found = look(prepared.plan, acting, seen.samples, ran, wrong, wanted, tuple(doubted))
    found = tuple(doubted[one.label] if _clear(one) and one.label in doubted else one for one in found)
    located = {one.label: one for one in (*short, *found)}
    for name, result in zip(keys(ran, rest, seen.samples, seen.values), rest, strict=True):
        keep(name, located[result.ran.label])
    return (*found, *(one for one in short if one.label not in doubted))


def _clear(one: Located) -> bool:
    return one.agrees and one.hint is None


def _unlooked(prepared: Prepared) -> str | None:
    """Why the check judged outputs and logits alone; None where it looked inside."""
    if prepared.golden and not prepared.golden.card.inner:
        return "this golden holds outputs alone"
    if prepared.request.no_layers:
        return "--no-layers"
    return "a tolerance set by hand says nothing about them" if prepared.rule.tolerance else None


def accounted(done: Performed, *, detailed: bool) -> dict[str, Any]:
    """The report as JSON values; `detailed` adds to each output how its differences are spread."""
    files = {run.source.artifact.label: dict(run.source.artifact.digests) for run in done.prepared.plan.runs}
    found: dict[str, Any] = {**payload(done.report), "request": recorded(done.prepared.request), "files": files}
    if detailed and done.seen.results:
        reference, *others = done.seen.results
        for row, other in zip(found["rows"], others, strict=False):
            specs = tuple(_outputs(one.run.source.artifact) for one in (reference, other))
            outputs, _ = renamed(tuple(reference.outputs), other.outputs, (specs[0], specs[1]))
            for output in row["outputs"]:
                if output["as_set"]:  # what stands at equal places need not belong together
                    continue
                if output["figures"] and output["kind"] == "output" and output["inputs"] not in ("one", "edge"):
                    name = output["name"]
                    output["spread"] = spread(reference.outputs[name], outputs[name], output["figures"]["scale"])
    return found


def refused(request: Request, fault: Diagnostic) -> Account:
    """The account of a check that could not begin."""
    report = {
        "verdict": "refused",
        "status": fault.exit_status,
        "explanation": f"{fault.code}: {fault.message}",
        "details": [*fault.details, *([f"hint: {fault.hint}"] if fault.hint else [])],
        "reference": None,
        "rows": [],
        "not_run": [],
    }
    return Account(request.name, report)


def _outputs(artifact: Artifact) -> Sequence[Any]:
    return artifact.entry.outputs if artifact.entry else ()
