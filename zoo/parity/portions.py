"""One set of samples that was measured portion by portion, as one: for files that take few samples at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zoo.diagnostics import BackendFault
from zoo.parity.detections.layout import stacked
from zoo.parity.engine.arrays import Array
from zoo.parity.engine.measuring import Exactness, Idle, Value
from zoo.parity.measure import Measured

_GRAVEST: Sequence[Exactness] = ("unstable", "rounds", "exact", "discrete")


@dataclass(frozen=True, slots=True)
class Portions:
    """The parts of a set in order, `sizes` the samples of each; `rows` are outputs that hold detections.

    It answers as one `Measured` does: arrays lie behind each other along their first axis. `known` are values that no
    node makes, such as inputs, by part: they are what they are.
    """

    parts: Sequence[Measured]
    sizes: Sequence[int]
    rows: frozenset[str] = frozenset()
    known: Sequence[Mapping[str, Array]] = ()

    @property
    def values(self) -> Mapping[str, Value]:
        """Each value's floor over all parts: the RMS of theirs, weighted by their elements, and the largest maximum."""
        return {name: _one([part.values[name] for part in self.parts]) for name in self._names()}

    def double(self, name: str) -> Array:
        """The float64 value."""
        if any(name in one for one in self.known):
            return behind([one[name].astype(np.float64) for one in self.known], self.sizes)
        return behind([part.double(name) for part in self.parts], self.sizes, rows=name in self.rows)

    def runs(self, name: str) -> list[Array]:
        """The runs of a value that differ from float64 by rounding alone."""
        several = zip(*(part.runs(name) for part in self.parts), strict=True)
        return [behind(arrays, self.sizes, rows=name in self.rows) for arrays in several]

    def _names(self) -> Iterable[str]:
        return (name for name in self.parts[0].values if all(name in part.values for part in self.parts))


def behind(arrays: Sequence[Array], sizes: Sequence[int], *, rows: bool = False) -> Array:
    """The arrays of all portions behind each other, a scalar of each as one element; detections row by row.

    Raises BackendFault `portions` where they are of different shapes.
    """
    if len(arrays) == 1:
        return arrays[0]
    if rows:
        return stacked(arrays, sizes)
    if len({(array.ndim, array.shape[1:]) for array in arrays}) > 1:
        raise BackendFault(
            "portions", f"portions come to different shapes: {', '.join(str(one.shape) for one in arrays)}"
        )
    return np.concatenate([np.atleast_1d(array) for array in arrays])


def _one(found: Sequence[Value]) -> Value:
    """One value of several portions: whatever rounding alone decides in one of them, it decides."""
    if len(found) == 1:
        return found[0]
    sizes = [math.prod(one.shape) for one in found]
    shape = (sum((one.shape or (1,))[0] for one in found), *found[0].shape[1:])

    def rms(each: Iterable[float]) -> float:
        squares = [number * number * size for number, size in zip(each, sizes, strict=True) if size]
        return math.sqrt(math.fsum(squares) / max(1, sum(sizes)))

    def both(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
        return rms(pair[0] for pair in pairs), max(pair[1] for pair in pairs)

    return replace(
        found[0],
        shape=shape,
        exactness=min((one.exactness for one in found), key=_GRAVEST.index),
        rms=rms(one.rms for one in found),
        max=max(one.max for one in found),
        floor_rms=rms(one.floor_rms for one in found),
        floor_max=max(one.floor_max for one in found),
        native=both([one.native for one in found]),
        perturbed=both([one.perturbed for one in found]),
        odd=sum(one.odd for one in found),
        idle=_idle([one.idle for one in found]),
    )


def _idle(found: Sequence[Idle | None]) -> Idle | None:
    """What no portion reached: at most what the one that reached most did not."""
    told = [one for one in found if one is not None]
    return min(told, key=lambda one: one.missed) if len(told) == len(found) else None
