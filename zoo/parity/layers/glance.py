"""Every shared inner value and every layer of a candidate against the reference's own values, with nothing kept.

The short form of `taught`: two samples, and floors that are known already. The whole network is judged by the floors
of the check itself; the layers by one more run of the engine, which meets the arrays as it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx

from zoo.parity.engine.measuring import Value
from zoo.parity.engine.statistics import Size, distance, size
from zoo.parity.graphs.choices import behind_choices
from zoo.parity.graphs.cut import FED, cut, exposed, layer
from zoo.parity.graphs.graph import Graph
from zoo.parity.layers.rows import Kind, Row, row
from zoo.parity.layers.taught import Array, Feeds, Runner, unrounded
from zoo.parity.measure import Error, Measured, ratio
from zoo.parity.recognising import Recognised

SEEDS = 1
"""Perturbed runs behind a layer's floor; without any the worst harmless layer was 7.3 floors, of the 16 allowed."""


class Local(Protocol):
    """`zoo.parity.memory.remembered_layers`, or the same engine elsewhere."""

    def __call__(self, model: Path, feeds: Feeds, inner: Feeds, got: Mapping[str, Feeds]) -> Measured:
        """Each layer from `inner`, in float64, with its floor and the errors of what candidates `got` there."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """A reference that candidates are held against.

    `own` are the values that its framework gave, by the names of its ONNX form; `inner` adds those of the form in ONNX
    Runtime where the framework shows none. `values` hold the floors in the whole network.
    """

    graph: Graph
    model: Path
    feeds: Feeds
    own: Feeds
    inner: Feeds
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Glanced:
    """A row a shared value in the whole network, and a row a layer; why there are none; names that one side lacks."""

    whole: tuple[Row, ...] = ()
    layers: tuple[Row, ...] = ()
    why_not: str | None = None
    missing: tuple[str, ...] = ()


def glance(known: Known, candidate: Recognised, run: Runner, local: Local, proven: Collection[str] = ()) -> Glanced:
    """Compare every value that both graphs name, whole and layer by layer; the latter where that can be judged.

    `proven` agree in the whole network by the way they were found: no row of theirs would say anything.
    """
    chosen = behind_choices(known.graph)
    graph = candidate.graph
    names = [name for name in graph.values if name in known.inner and name not in chosen]
    if not names:
        return Glanced(why_not="the two graphs name no value alike")
    shapes = {name: known.inner[name].shape for name in names}
    severed = cut(graph, names, shapes)
    fed = {**known.feeds, **{name + FED: known.inner[name] for name in names}}
    seen, got = run([
        (exposed(graph, names, shapes), known.feeds), (severed, {port: fed[port] for port in severed.inputs}),
    ])  # fmt: skip
    if isinstance(seen, str) or isinstance(got, str):
        return Glanced(why_not=next(why for why in (seen, got) if isinstance(why, str)))
    shared = {name: known.inner[name] for name in names if name in seen and seen[name].shape == known.inner[name].shape}
    mine = {name: got[name] for name in shared if name in got}
    judged = candidate.judged(known.graph, shared)
    truth = local(known.model, known.feeds, shared, {"candidate": mine})
    errors = truth.errors["candidate"]
    layers = {name: layer(known.graph, name, set(shared)) for name in shared}
    equal = unrounded(known.graph, layers, known.feeds)
    own = {name: array for name, array in known.own.items() if name in layers and _fed_own(known, layers[name], shared)}

    def whole_error(name: str, value: Value) -> Size | Error:
        found = distance(seen[name], known.inner[name])  # of fewer samples than the value was measured on
        return replace(found, odd=value.odd + found.odd - size(known.inner[name]).odd)

    def layer_error(name: str, value: Value) -> Size | Error:
        return _larger(errors[name], own.get(name), mine[name], value)

    missing = tuple(name for name in known.inner if name not in shared and name not in chosen)
    missing = _unlike(missing, known.inner, shared)
    return Glanced(
        _rows(
            known.values,
            {name: seen[name] for name in names if name in seen and name not in proven},
            "inner",
            whole_error,
            {name for name in names if name not in shared},
        ),
        _rows(truth.values, {n: a for n, a in mine.items() if n in judged}, "layer", layer_error, set(), equal),
        missing=missing,
    )


def _unlike(missing: Sequence[str], inner: Feeds, shared: Feeds) -> tuple[str, ...]:
    """Those that are not, number for number, another value that was compared: what a Dropout passes on is."""
    sizes = {(array.size, array.flat[0]) for array in shared.values() if array.size}

    def twin(array: Array) -> bool:
        if not array.size or (array.size, array.flat[0]) not in sizes:
            return False
        same = (one for one in shared.values() if one.size == array.size and one.flat[0] == array.flat[0])
        return any(np.array_equal(one.reshape(-1), array.reshape(-1)) for one in same)

    return tuple(name for name in missing if not twin(inner[name]))


def _fed_own(known: Known, nodes: Sequence[onnx.NodeProto], shared: Feeds) -> bool:
    """Whether all that the layer reads came from the reference's framework, as what it made of it did.

    A value that Caffe has written over in place is ONNX Runtime's: what follows from it is not Caffe's to the last bit.
    """
    return all(name in known.own for node in nodes for name in node.input if name in shared)


def _larger(error: Error, own: Array | None, got: Array, value: Value) -> Size | Error:
    """Of the distances from float64 and from what the reference's framework itself made of its values."""
    if own is None or own.shape != got.shape:
        return error
    apart = distance(got, own)
    return apart if ratio(apart, value) > ratio(error, value) else error


def _rows(
    values: Mapping[str, Value],
    got: Mapping[str, Array],
    kind: Kind,
    measured: Callable[[str, Value], Size | Error],
    other: set[str],
    equal: Collection[str] = (),
) -> tuple[Row, ...]:
    """A row for each value in the reference's order; those in `other` are of another shape, those in `equal` exact."""
    found = []
    for name, value in values.items():
        if name not in got or value.exactness in ("discrete", "unstable"):
            continue
        error = None if name in other else measured(name, value)
        found.append(row(name, value, kind, error, equal=name in equal))
    return tuple(found)


def elements(values: Mapping[str, Value]) -> int:
    """Numbers of one sample in all values together."""
    each = [int(np.prod(value.shape[1:], dtype=np.int64)) for value in values.values()]
    return sum(each)
