"""A candidate under the names of the reference, whatever its file calls and however it lays out the same values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from zoo.parity.engine.measuring import Value
from zoo.parity.engine.statistics import distance
from zoo.parity.graphs.choices import behind_choices
from zoo.parity.graphs.cut import exposed, floats
from zoo.parity.graphs.graph import Graph
from zoo.parity.graphs.relabelled import border, relabelled
from zoo.parity.layers.labels import bound, labels, same
from zoo.parity.layers.taught import Array, Feeds, Runner
from zoo.parity.measure import ratio
from zoo.parity.rule import K


@dataclass(frozen=True, slots=True)
class Recognised:
    """A candidate's graph, its values named as the reference's.

    `found` are the names that its file does not use, `guessed` those of them that nothing but numbers says.
    """

    graph: Graph
    found: frozenset[str] = frozenset()
    guessed: frozenset[str] = frozenset()

    def judged(self, reference: Graph, shared: Collection[str]) -> frozenset[str]:
        """The layers that can be compared: those by name, and those that read the same values on both sides.

        What was found may be computed from other values than the reference's is, by another way to the same numbers.
        """
        own = [name for name in shared if name in self.found]
        alike = {name for name in own if border(self.graph, name, shared) == border(reference, name, shared)}
        return frozenset(shared) - (set(own) - alike)


def recognised(
    reference: Graph, candidate: Graph, feeds: Feeds, inner: Feeds, values: Mapping[str, Value], run: Runner
) -> Recognised:
    """The candidate with counterparts found for the reference's values `inner`; itself where all names are shared.

    `run` computes its values: the numbers of the file, whatever the backend makes of it that is being judged.
    """
    chosen = behind_choices(reference)
    wanted = {name: array for name, array in inner.items() if name not in chosen}
    shapes = candidate.shapes()
    if all(name in candidate.values and _fits(shapes.get(name), array.shape) for name, array in wanted.items()):
        return Recognised(candidate)
    (seen,) = run([(exposed(candidate, floats(candidate)), feeds)])
    if isinstance(seen, str):
        return Recognised(candidate)
    named = bound(reference, candidate, wanted, seen) - _moved(candidate, wanted, seen, values)
    like = same(reference, candidate, wanted, seen)
    alike = {name for name in named if name in like or _near(seen.get(name), wanted[name], values.get(name))}
    found = labels(reference, candidate, wanted, seen, values, alike)
    names = {label.name for label in found}
    graph = relabelled(candidate, found, wanted.keys() - (named - names))
    own = names & {*graph.values}
    return Recognised(graph, frozenset(own), frozenset(one.name for one in found if one.how == "numbers") & own)


def _moved(candidate: Graph, wanted: Feeds, seen: Feeds, values: Mapping[str, Value]) -> set[str]:
    """Names that the candidate gives to the numbers of another value, which it does not name itself.

    Who folds a normalisation into a convolution may leave the convolution's name to what comes out.
    """
    own = {*candidate.values}
    lacking = {name: array for name, array in wanted.items() if name not in own and name in values}
    apart = [
        name for name in wanted if name in seen and name in values and not _near(seen[name], wanted[name], values[name])
    ]
    return {name for name in apart if any(_near(seen[name], array, values[other]) for other, array in lacking.items())}


def _near(array: Array | None, other: Array, value: Value | None) -> bool:
    """Whether the numbers agree where a name is the same and the operator is not."""
    if array is None or value is None or array.shape != other.shape:
        return False
    return ratio(distance(array, other), value) <= K


def _fits(shape: tuple[int | None, ...] | None, other: tuple[int, ...]) -> bool:
    """Whether a declared shape may be that of an array; one that is not known may."""
    if shape is None:
        return True
    return len(shape) == len(other) and all(one in (None, size) for one, size in zip(shape, other, strict=True))
