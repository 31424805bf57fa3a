"""Which value of a candidate is which of the reference's, where the two files name or lay out their values otherwise.

Numbers find a counterpart, and prove nothing by it: what they found is not counted as compared in the whole network;
the layers between two such values are. Where they find none, a node that does the same to the same values as a node of
the reference has the same result, or it is a fault. Nothing that is found here takes a comparison away.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo.parity.engine.measuring import Value
from zoo.parity.engine.statistics import Size, distance, size
from zoo.parity.graphs.graph import Graph
from zoo.parity.graphs.relabelled import Axes, Label, turns
from zoo.parity.measure import ratio
from zoo.parity.rule import K

Array = NDArray[np.generic]
Feeds = Mapping[str, Array]

LEAST = 16
"""Numbers that a value has at least, and different ones: fewer may agree by chance."""


def bound(reference: Graph, candidate: Graph, inner: Feeds, seen: Feeds) -> frozenset[str]:
    """The names that mean the same value in both files; outputs alone where so few are shared that it may be chance.

    As for weights: at least half of the smaller file's values bear names that stand in both, for the same operator and
    shape.
    """
    both = [name for name in candidate.values if name in inner]
    alike = same(reference, candidate, inner, seen)
    sure = 2 * len(alike) >= min(len(inner), len(seen))
    ends = {*reference.outputs} & {*candidate.outputs}
    return frozenset(name for name in both if sure or name in ends)


def same(reference: Graph, candidate: Graph, inner: Feeds, seen: Feeds) -> frozenset[str]:
    """The names that stand in both files for values of the same shape by the same operator."""
    kinds = [_kinds(graph) for graph in (reference, candidate)]
    both = [name for name in candidate.values if name in inner and kinds[0].get(name) == kinds[1][name]]
    return frozenset(name for name in both if name in seen and seen[name].shape == inner[name].shape)


def _kinds(graph: Graph) -> dict[str, str]:
    return {name: node.op_type for node in graph.nodes for name in node.output}


def labels(
    reference: Graph, candidate: Graph, inner: Feeds, seen: Feeds, values: Mapping[str, Value], named: Collection[str]
) -> tuple[Label, ...]:
    """The counterparts of the reference's values `inner` among the candidate's `seen`, but for those `named` alike."""
    kinds = [_kinds(graph) for graph in (reference, candidate)]
    theirs = _Pool({name: array for name, array in seen.items() if name not in named})
    found: dict[str, Label] = {}
    for name, array in inner.items():
        if name in named or name not in values or not _tells(array):
            continue
        near = theirs.near(array, values[name])
        best = min(near, key=lambda one: (one[0] != name, kinds[1].get(one[0]) != kinds[0].get(name)), default=None)
        if best is not None:
            found[name] = Label(best[0], name, best[1], "numbers")
            theirs.remove(best[0])
    known = {**{label.own: name for name, label in found.items() if label.axes is None}, **{n: n for n in named}}
    lost = [label for label in found.values() if label.axes is not None]
    blocked = {*(label.own for label in lost), *(label.name for label in lost)}
    alike = _walked(reference, candidate, known, blocked)
    more = [
        Label(own, name, None, "structure")
        for own, name in alike.items()
        if own in seen and name in inner and seen[own].shape == inner[name].shape
    ]
    return (*found.values(), *more)


def _tells(array: Array) -> bool:
    return array.dtype.kind == "f" and array.size >= LEAST and bool(np.any(array != array.flat[0]))


class _Pool:
    """The candidate's values that have no counterpart yet, by the number of their elements."""

    def __init__(self, seen: Feeds) -> None:
        self._of: dict[int, dict[str, Array]] = defaultdict(dict)
        self._sizes: dict[str, Size] = {}
        for name, array in seen.items():
            if array.dtype.kind == "f":
                self._of[array.size][name] = array

    def remove(self, name: str) -> None:
        """Take out what has found its counterpart."""
        for several in self._of.values():
            several.pop(name, None)

    def near(self, array: Array, value: Value) -> list[tuple[str, Axes | None]]:
        """The values that lie within the limit of `array`, however they are laid out, and by which axes they do.

        Arrays whose RMS lies further apart than the limit do so themselves.
        """
        own, found = size(array), []
        for name, other in self._of[array.size].items():
            theirs = self._sizes.setdefault(name, size(other))
            if theirs.odd != own.odd or abs(theirs.rms - own.rms) > K * value.floor_rms:
                continue
            for axes in turns(other.shape, array.shape):
                turned = other if axes is None else other.transpose(axes)
                if ratio(distance(turned, array), value) <= K:
                    found.append((name, axes))
                    break
        return found


def _walked(reference: Graph, candidate: Graph, known: Mapping[str, str], blocked: Collection[str]) -> dict[str, str]:
    """The candidate's values that its nodes compute as a node of the reference does from the same values.

    The same operator, attributes and stored numbers; where several nodes of one side do the same, none is taken.
    """
    taken = {*known.values(), *blocked}
    mine: dict[str, str] = {name: name for name in reference.inputs}
    theirs: dict[str, str] = {**{name: name for name in candidate.inputs}, **known}
    of = defaultdict[str, list[str]](list)
    stored = _Stored(reference)
    for node in reference.nodes:
        mine |= {name: name for name in node.output}
        of[_does(node, mine, stored)].append(node.output[0])
    found: dict[str, str] = {}
    stored = _Stored(candidate)
    for node in candidate.nodes:
        own = node.output[0]
        if own in theirs or own in blocked or len(node.output) != 1:
            continue
        if any(name and name not in theirs and not candidate.is_weight(name) for name in node.input):
            continue
        same = of.get(_does(node, theirs, stored), [])
        if len(same) == 1 and same[0] not in taken:
            theirs[own] = found[own] = same[0]
            taken.add(same[0])
    return found


class _Stored:
    """Digests of a graph's stored tensors, each made once."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[str, str] = {}

    def digest(self, name: str) -> str:
        if name not in self._known:
            array = self._graph.weight(name)
            body = b"" if array is None else np.ascontiguousarray(array).tobytes()
            shape = None if array is None else (array.shape, str(array.dtype))
            self._known[name] = f"{shape} {hashlib.sha256(body).hexdigest()}"
        return self._known[name]

    def holds(self, name: str) -> bool:
        return self._graph.is_weight(name)


def _does(node: onnx.NodeProto, names: Mapping[str, str], stored: _Stored) -> str:
    """All that decides what a node computes: operator, attributes, and what it reads under the reference's names."""
    reads = [stored.digest(name) if name and stored.holds(name) else names.get(name, "") for name in node.input]
    held = sorted(attribute.SerializeToString().hex() for attribute in node.attribute)
    return repr((node.domain, node.op_type, held, reads, len(node.output)))
