"""What was measured of a network that insists on its batch: portions of the samples, taken together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from zoo.diagnostics import BackendFault
from zoo.parity.engine.measuring import Idle, Value

Array = NDArray[np.generic]


class Part(Protocol):
    """`zoo.parity.measure.Measured`."""

    @property
    def values(self) -> Mapping[str, Value]:
        """Every value of the graph."""
        ...

    def double(self, name: str) -> Array:
        """The float64 value."""
        ...

    def runs(self, name: str) -> list[Array]:
        """The runs that differ from it by rounding."""
        ...


@dataclass(frozen=True)
class Joined:
    """The portions behind each other, as if they had been measured in one."""

    parts: tuple[Part, ...]

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """Every value of the graph: the mean square of all samples, the largest of any."""
        return {name: _together([part.values[name] for part in self.parts]) for name in self.parts[0].values}

    def double(self, name: str) -> Array:
        """The float64 values of all samples; of a value without samples along its first axis, the first portion's."""
        return _behind(name, [part.double(name) for part in self.parts])

    def runs(self, name: str) -> list[Array]:
        """Run by run, the same."""
        return [_behind(name, run) for run in zip(*(part.runs(name) for part in self.parts), strict=True)]


def _behind(name: str, arrays: Sequence[Array]) -> Array:
    if len({array.shape[1:] for array in arrays}) > 1:
        raise BackendFault("float64", f"the portions of {name} come to different shapes")
    return np.concatenate(arrays) if arrays[0].ndim else arrays[0]


def _together(several: Sequence[Value]) -> Value:
    first = several[0]
    odd = next((one.exactness for one in several if one.exactness == "unstable"), first.exactness)
    return replace(
        first,
        shape=(sum(one.shape[0] for one in several), *first.shape[1:]) if first.shape else (),
        exactness=odd,
        rms=_root([one.rms for one in several]),
        max=max(one.max for one in several),
        floor_rms=_root([one.floor_rms for one in several]),
        floor_max=max(one.floor_max for one in several),
        native=(_root([one.native[0] for one in several]), max(one.native[1] for one in several)),
        perturbed=(_root([one.perturbed[0] for one in several]), max(one.perturbed[1] for one in several)),
        odd=sum(one.odd for one in several),
        idle=_idle([one.idle for one in several]),
    )


def _root(found: Sequence[float]) -> float:
    """The RMS of portions of equal size together."""
    return math.sqrt(math.fsum(one * one for one in found) / len(found))


def _idle(found: Sequence[Idle | None]) -> Idle | None:
    """What no portion reached is at most what the best of them missed."""
    told = [one for one in found if one is not None]
    return min(told, key=lambda idle: idle.missed) if len(told) == len(found) else None
