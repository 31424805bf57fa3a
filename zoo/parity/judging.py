"""One run against another: every output, every pre-softmax value, on every set of samples that both were fed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from zoo.catalog.schema import OutputSpec
from zoo.parity.align import renamed
from zoo.parity.compare import Compared, Comparison, compare
from zoo.parity.detections.parts import leading
from zoo.parity.feeding import ALONE, Samples
from zoo.parity.floors import Doubles, Floors
from zoo.parity.plan import Run, Source
from zoo.parity.report import FLOAT64, STEADY, Ran
from zoo.parity.rule import Floor, Rule
from zoo.parity.running import Outputs, Result

Floored = Mapping[str, Mapping[str, Floor]]


def against(
    one: Result, other: Result, rule: Rule, floors: Floors, sets: Sequence[Samples]
) -> tuple[Comparison, tuple[str, ...]]:
    """All comparisons of two runs, and notes: outputs compared under other names, and logits that are not compared."""
    specs = (_specs(one), _specs(other))
    kinds = {spec.name: spec.kind for spec in specs[0]}
    floors = under(one, floors)
    rows: list[Compared] = []
    notes: tuple[str, ...] = ()
    main = sets[0].name
    for samples in sets:
        name = samples.name
        mine, theirs = one.on(name, main), other.on(name, main)
        if mine is None or theirs is None:
            continue
        mine, theirs = _leading(mine, other, samples), _leading(theirs, one, samples)
        named, said = renamed(tuple(mine), theirs, specs)
        notes = notes or said
        found = compare(mine, named, rule, floors.outputs.get(name, {}), kinds=kinds, batch=samples.batch)
        rows += [replace(row, inputs=name) for row in found.outputs]
        rows += _logits(one, other, rule, floors, samples)
    joined = [group.told for group in one.parts if group.joined in one.outputs]
    return Comparison(tuple(rows)), (*notes, *joined, *_hidden(one, other, rows))


def _hidden(one: Result, other: Result, rows: Sequence[Compared]) -> list[str]:
    """A sentence for every output whose logits only one of the two shows: there the softmax may hide a difference."""
    seen = {row.name for row in rows if row.kind == "logits"}
    mine, theirs = ({name for found in run.logits.values() for name in found} for run in (one, other))
    hiders = [run.ran.backend for run, known in ((one, mine), (other, theirs)) if not known]
    if bool(mine) == bool(theirs):
        return []
    outputs = sorted((mine or theirs) - seen)
    return [
        f"what goes into the softmax of {name} is not compared: {', '.join(hiders)} does not show it"
        for name in outputs
    ]


def _leading(outputs: Outputs, other: Result, samples: Samples) -> Outputs:
    """The outputs for those samples only that the other run had."""
    if other.leading is None or other.leading >= samples.batch:
        return outputs
    joined, found = {group.joined for group in other.parts}, dict(outputs)
    for name, array in outputs.items():
        if name in joined:
            found[name] = leading(array, other.leading)
        elif array.ndim and array.shape[0] == samples.batch:
            found[name] = array[: other.leading]
    return found


def _logits(one: Result, other: Result, rule: Rule, floors: Floors, samples: Samples) -> list[Compared]:
    """What goes into the last softmax, where both runs show it: a saturated softmax hides what happened before it."""
    name = samples.name
    mine, inner = one.logits.get(name, {}), other.logits.get(name, {})
    places, _ = renamed(tuple(one.outputs), {key: key for key in other.outputs}, (_specs(one), _specs(other)))
    named: Outputs = {output: inner[own] for output, own in places.items() if own in inner}
    both = [output for output in mine if output in named]
    mine, named = _leading(mine, other, samples), _leading(named, one, samples)
    floor = floors.logits.get(name, {})
    found = compare({key: mine[key] for key in both}, {key: named[key] for key in both}, rule, floor,
                    kinds=dict.fromkeys(both, "logits"), batch=samples.batch)  # fmt: skip
    return [replace(row, kind="logits", inputs=name) for row in found.outputs] if both else []


def as_result(reference: Result, doubles: Doubles) -> Result:
    """Float64 as one more run: what the reference's file means, by our reading of it."""
    main, *others = doubles.outputs
    ran = Ran(doubles.label, FLOAT64, {FLOAT64: f"numpy {np.__version__}"}, 0.0, {"dtype": "float64"})
    run = Run(Source(doubles.artifact), reference.run.card)
    more = {name: doubles.outputs[name] for name in others}
    return Result(run, ran, doubles.outputs[main], more, doubles.logits, leading=doubles.samples, parts=doubles.parts)


def under(result: Result, floors: Floors) -> Floors:
    """The floors under the names that this run gives its outputs."""
    specs = (_specs(result), floors.specs)
    first: Mapping[str, Floor] = next(iter(floors.outputs.values()), {})
    places, _ = renamed(tuple(result.outputs), {key: key for key in first}, specs)
    own = {measured: output for output, measured in places.items()}

    def named(found: Mapping[str, Mapping[str, Floor]]) -> Mapping[str, Mapping[str, Floor]]:
        made = {name: {own.get(key, key): floor for key, floor in one.items()} for name, one in found.items()}
        if made:  # the first sample alone is judged by the floor of the set that it is from
            made.setdefault(ALONE, next(iter(made.values())))
        return made

    return replace(floors, outputs=named(floors.outputs), logits=named(floors.logits))


def preferred(recorded: Floors, measured: Floors, reference: Result) -> Floors:
    """Floors recorded of the reference, under its names; of what they lack, those measured of a candidate's file.

    What is compared as a set has a noise of its own, which is not recorded.
    """
    known = under(reference, measured)

    def over(first: Floored, second: Floored) -> Floored:
        found = {}
        for name in dict.fromkeys([*second, *first]):
            beside = second.get(name, {})
            mine = {key: one for key, one in first.get(name, {}).items() if key not in beside or not beside[key].sets}
            found[name] = {**beside, **mine}
        return found

    outputs, logits = over(recorded.outputs, known.outputs), over(recorded.logits, known.logits)
    return Floors(recorded.told, outputs, logits, _specs(reference))


def steady(rule: Rule) -> Rule:
    """What a reference may move by between two runs and still judge."""
    return rule.strict(STEADY)


def _specs(result: Result) -> Sequence[OutputSpec]:
    entry = result.run.source.artifact.entry
    return entry.outputs if entry else ()
