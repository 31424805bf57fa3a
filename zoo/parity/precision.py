"""Float64 of every ONNX file of a check: which are run, how far they lie apart, and from backends in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo.catalog.artifact import Artifact
from zoo.diagnostics import Diagnostic
from zoo.parity.detections.noise import RowNoise
from zoo.parity.detections.verdicts import detected
from zoo.parity.domains import beyond
from zoo.parity.engine.statistics import distance, size
from zoo.parity.feeding import ALONE, Numbers, Port, Samples, fed, portion
from zoo.parity.floors import MOST, Doubles, Measure, Noise, Unmeasured, doubled
from zoo.parity.loaded import Loaded
from zoo.parity.plan import Source
from zoo.parity.report import FLOAT64, Precision
from zoo.parity.rule import K
from zoo.parity.running import Outputs, Result, Task

HARMLESS = 3e-15
"""Relative RMS that another order of the same sums comes to in float64 (measured: 3.1e-15 at most)."""


def tasks(
    onnx: Sequence[Loaded], ports: Mapping[str, tuple[Port, ...]], sets: Sequence[Samples], measure: Measure
) -> list[Task[Doubles | Unmeasured]]:
    """A run in float64 of each ONNX file; with the noise floors of the first, which all are judged by."""
    return [_task(one, ports[one.artifact.label], sets, measure, noise=index == 0) for index, one in enumerate(onnx)]


def _task(
    one: Loaded, ports: tuple[Port, ...], sets: Sequence[Samples], measure: Measure, *, noise: bool
) -> Task[Doubles | Unmeasured]:
    label, strange = one.artifact.label, beyond(one.artifact.files["model"])
    if strange:
        return lambda _stop: Unmeasured(label, strange)
    step = portion(ports) or 1
    wanted = [samples.leading(max(step, MOST - MOST % step)) for samples in sets if samples.name != ALONE]
    if wanted[0].batch % step:
        return lambda _stop: Unmeasured(label, f"it takes {step} samples at a time, there are {wanted[0].batch}")
    try:
        feeds = {samples.name: fed(ports, samples, label) for samples in wanted if samples.batch % step == 0}
    except Diagnostic as fault:
        why = fault.message
        return lambda _stop: Unmeasured(label, why)
    if one.sets.parts and any(len(several) > 1 for several in feeds.values()):
        return lambda _stop: Unmeasured(label, "it takes fewer samples at a time than there are, and holds sets")
    taps = {output: tap.value for output, tap in one.taps.items()}
    return doubled(one.artifact, feeds, one.outputs, taps, measure, wanted[0].batch, noise=noise, sets=one.sets)


def order(first: Artifact, loaded: Mapping[Source, Loaded]) -> list[Loaded]:
    """The ONNX files of a check, that of the reference's own artifact first."""
    sources = [source for source, one in loaded.items() if one.is_onnx]
    sources.sort(key=lambda source: source.artifact is not first)
    return [loaded[source] for source in sources]


def float64(found: Sequence[Doubles | Unmeasured], results: Sequence[Result] = ()) -> Precision:
    """How far the files, and the backends that ran in float64, lie apart where rounding has next to no part."""
    doubles = [one for one in found if isinstance(one, Doubles)]
    missed = [f"{one.label}: {one.why}" for one in found if isinstance(one, Unmeasured)]
    others = [(one.label, one.outputs, one.logits) for one in doubles[1:]]
    others += [_wide(one) for one in results if one.ran.settings.get("dtype") == FLOAT64]
    if not doubles or not others:
        why = "; ".join(missed) or "there is one ONNX file only"
        return Precision(ran=bool(doubles), worst=None, sentence=f"not compared in float64: {why}")
    first = doubles[0]
    said, most = [], 0.0
    for label, outputs, logits in others:
        apart = _apart(first, outputs, logits)
        if apart is None:
            said.append(f"{label}: its outputs have other shapes or names")
            continue
        most = max(most, apart)
        means = "the same to the last bit of float64" if apart <= HARMLESS else f"{apart:.1e} of the RMS apart"
        said.append(f"{label} and {first.label}: {means}")
    return Precision(ran=True, worst=most, sentence="; ".join([*said, *missed]))


def _wide(one: Result) -> tuple[str, Mapping[str, Outputs], Mapping[str, Outputs]]:
    """A backend's run in float64: its name, its outputs and its logits by set of samples, those that were measured."""
    main = next(iter(one.logits), "")
    outputs = {main: one.outputs, **one.others}
    return f"{one.ran.artifact} in {one.ran.backend}", outputs, one.logits


def _alike(one: Numbers, other: Numbers, noise: Noise | None) -> tuple[Numbers, Numbers]:
    """Both with equal things at equal places: detections in pairs, of all others the samples that were measured."""
    if isinstance(noise, RowNoise):
        found = detected(one, other, noise, K)
        if found is not None and not found.alone:
            return found.arrays
    return one, other[: len(one)] if one.ndim and other.ndim else other


def _apart(one: Doubles, outputs: Mapping[str, Outputs], logits: Mapping[str, Outputs]) -> float | None:
    """The largest RMS difference of any output or logits, as a share of its RMS; None where nothing compares."""
    worst = None
    for mine, theirs in ((one.outputs, outputs), (one.logits, logits)):
        for name, arrays in mine.items():
            beside = theirs.get(name, {})
            named = ((key, a, beside.get(key, b)) for (key, a), b in zip(arrays.items(), beside.values(), strict=False))
            for key, itself, whole in named:
                a, b = _alike(itself, whole, one.noises.get(name, {}).get(key))
                if a.shape != b.shape:
                    continue
                rms, apart = size(a).rms, distance(b, a).rms
                share = apart / rms if rms else float(apart > 0)
                worst = share if worst is None else max(worst, share)
    return worst
