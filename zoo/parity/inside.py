"""Looks into the runs of a check that agree: every shared inner value, and each layer fed the reference's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from zoo.backends import discovery
from zoo.diagnostics import Diagnostic
from zoo.parity.check import Means
from zoo.parity.engine.measuring import Value
from zoo.parity.feeding import Samples, batch_size, fed
from zoo.parity.glances import key, recall
from zoo.parity.graphs.cut import exposed
from zoo.parity.inner import shown_by
from zoo.parity.layers.glance import Known, elements, glance
from zoo.parity.layers.located import Located
from zoo.parity.layers.taught import Feeds
from zoo.parity.loaded import Loaded, load
from zoo.parity.looking import form_of, named_alike, opened, portion, worker
from zoo.parity.memory import remembered_layers
from zoo.parity.plan import Plan, Source
from zoo.parity.recognising import recognised
from zoo.parity.running import Result

SAMPLES = 2
"""The first ones: in the measurements behind K two samples found nearly as much as four."""
BUDGET = 2**29
"""Bytes of all inner values: a look takes three times as much memory here, and a backend up to six times."""
RUNNER = "onnxruntime"


@dataclass(frozen=True, slots=True)
class Inside:
    """What every run is looked into with: the files as they were loaded, and the first samples."""

    means: Means
    samples: Samples
    loaded: Mapping[Source, Loaded]
    folder: Path


def keys(ran: Sequence[Result], chosen: Sequence[Result], samples: Samples, values: Mapping[str, Value]) -> list[str]:
    """What a look at each of `chosen` is remembered under."""
    return [key(ran[0], result, samples, values, discovery.find(RUNNER)) for result in chosen]


def inside(
    plan: Plan, means: Means, samples: Samples, ran: Sequence[Result], chosen: Sequence[Result],
    values: Mapping[str, Value],
) -> tuple[Located, ...]:  # fmt: skip
    """Each of `chosen` against the reference, the first of `ran`; whatever keeps a run from it is its `why_not`."""
    names = keys(ran, chosen, samples, values)
    before = [recall(name, result.ran.label) for name, result in zip(names, chosen, strict=True)]
    rest = [result for result, one in zip(chosen, before, strict=True) if one is None]
    now = iter(_anew(plan, means, samples, ran[0], rest, values) if rest else ())
    return tuple(one or next(now) for one in before)


def _anew(
    plan: Plan, means: Means, samples: Samples, reference: Result, chosen: Sequence[Result], values: Mapping[str, Value]
) -> tuple[Located, ...]:
    def nobody(why: str) -> tuple[Located, ...]:
        return tuple(Located(result.ran.label, why_not=why, short=True) for result in chosen)

    if not values:
        return nobody("the floors of its inner values are not known")
    with TemporaryDirectory(prefix="zoo-inside-") as place:
        loaded, _faults = load(plan.runs, means.convert, Path(place))
        few = leading(loaded, means, samples, 4 * elements(values))
        if few is None:
            many = f"the inner values of one sample are {elements(values) / 2**18:.0f} MB"
            return nobody(f"{many}, --layers looks into them all the same")
        asked = Inside(means, few, loaded, Path(place))
        try:
            held = known(reference, values, asked)
        except Diagnostic as fault:
            return nobody(fault.message)
        return tuple(_tried(result, held, asked) for result in chosen)


def leading(loaded: Mapping[Source, Loaded], means: Means, samples: Samples, each: int) -> Samples | None:
    """The first two samples, one where two are too many bytes, or what an artifact insists on; None: too many."""
    fixed, everybody = portion(loaded, means), [means.ports(one.artifact) for one in loaded.values()]
    counts = [fixed] if fixed else [batch_size(min(samples.batch, count), everybody) for count in (SAMPLES, 1)]
    return next((samples.leading(count) for count in counts if each * count <= BUDGET), None)


def known(reference: Result, values: Mapping[str, Value], asked: Inside) -> Known:
    """The reference's inner values on few samples: its framework's where that shows them, else its ONNX form's.

    Raises Diagnostic for what has no such form, or takes fewer samples at a time.
    """
    form = form_of(reference.run.source, asked.loaded, asked.means, asked.folder)
    feeds, graph = _portion(form, asked), opened(form)
    names = [name for name, value in values.items() if value.exactness in ("rounds", "exact")]
    runner = worker(discovery.find(RUNNER), asked.means.run, asked.folder)
    (shown,) = runner([(exposed(graph, names), feeds)])
    if isinstance(shown, str):
        raise Diagnostic("inside", f"the inner values of {form.artifact.label} cannot be had: {shown}")
    framework = shown_by(reference.run, asked.loaded[reference.run.source], form, asked.means, asked.samples)
    own = {name: array for name, array in framework.items() if name in values}
    like = {name: array for name, array in own.items() if name in shown and array.shape == shown[name].shape}
    inner = {name: like.get(name, shown[name]) for name in names if name in shown}
    return Known(graph, form.artifact.files["model"], feeds, like, inner, values)


def _portion(form: Loaded, asked: Inside) -> Feeds:
    portions = fed(asked.means.ports(form.artifact), asked.samples, form.artifact.label)
    if len(portions) != 1:
        raise Diagnostic("inside", f"{form.artifact.label} takes fewer samples at a time than there are")
    return portions[0]


def _tried(result: Result, held: Known, asked: Inside) -> Located:
    label, mine = result.ran.label, asked.loaded.get(result.run.source)
    if mine is None or not mine.is_onnx:
        why = f"{result.run.card.name} runs {result.run.source.label} as a whole: it shows no layers"
        return Located(label, why_not=why, short=True)
    try:
        candidate = opened(mine)
        unlike = named_alike(candidate, _portion(mine, asked), held.feeds, mine.artifact.label)
        if unlike:
            return Located(label, why_not=unlike, short=True)
        runner = worker(result.run.card, asked.means.run, asked.folder)
        usual = worker(discovery.find(RUNNER), asked.means.run, asked.folder)
        named = recognised(held.graph, candidate, held.feeds, held.inner, held.values, usual)
        found = glance(held, named, runner, remembered_layers, named.guessed if result.run.card.name == RUNNER else ())
    except Diagnostic as fault:
        return Located(label, why_not=fault.message, short=True)
    return Located(
        label,
        found.whole,
        found.layers,
        why_not=found.why_not,
        short=True,
        missing=found.missing,
        of=len(held.inner),
        found=len(named.found),
        guessed=named.guessed,
    )
