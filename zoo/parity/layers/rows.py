"""One value that both sides compute: how far the candidate's lies from float64, in units of the noise there."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zoo.parity.engine.measuring import Value
from zoo.parity.engine.statistics import Size, distance
from zoo.parity.measure import Error, Measured, ratio
from zoo.parity.rule import K

Array = NDArray[np.generic]
Kind = Literal["inner", "layer"]


@dataclass(frozen=True, slots=True)
class Row:
    """`kind` "inner": in the whole network; "layer": computed from the reference's own values (teacher forcing)."""

    name: str
    op: str
    depth: int
    kind: Kind
    ratio: float
    rms: float
    max: float
    floor_rms: float
    floor_max: float
    verdict: str

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def rows(truth: Measured, got: Mapping[str, Array], kind: Kind, equal: Collection[str] = ()) -> tuple[Row, ...]:
    """A row for each value of `got` that the truth has kept, in the order of the reference's nodes.

    Whole numbers and values that rounding alone decides are left out. Those named in `equal` may not differ at all.
    """
    found = []
    for name, value in truth.values.items():
        if name not in got or name not in truth.kept or value.exactness in ("discrete", "unstable"):
            continue
        double = truth.double(name)
        error = distance(got[name], double) if got[name].shape == double.shape else None
        found.append(row(name, value, kind, error, equal=name in equal))
    return tuple(found)


def row(name: str, value: Value, kind: Kind, error: Size | Error | None, *, equal: bool) -> Row:
    """One value's row; `error` is None where its shape is another, and has to be 0 for one that is `equal`."""
    share, rms, most = math.inf, math.inf, math.inf
    if error is not None:
        share, rms, most = ratio(error, value), error.rms, error.max
        if equal and most:
            share = math.inf
    verdict = "pass" if share <= K else "fail"
    return Row(name, value.op, value.depth, kind, share, rms, most, value.floor_rms, value.floor_max, verdict)


def rated(apart: Size, floor_rms: float, floor_max: float) -> float:
    """A distance in units of the floor, by RMS or by maximum, whichever is larger; infinite where nothing may."""
    errors = ((apart.rms, floor_rms), (apart.max, floor_max))
    return max(error / floor if floor else math.inf if error else 0.0 for error, floor in errors)


def first(found: Sequence[Row]) -> Row | None:
    """The first row over K in the order of the network: the culprit, where the rows are layers."""
    return next((row for row in found if row.verdict == "fail"), None)
