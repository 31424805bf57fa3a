"""What is kept of each value: its size, its rounding noise in several measures, and what these inputs did not reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

import numpy as np

from zoo.parity.engine.arrays import Array, floating
from zoo.parity.engine.constants import rounding
from zoo.parity.engine.kinds import EXACT
from zoo.parity.engine.lockstep import Made
from zoo.parity.engine.statistics import Run, Size, sizes

Exactness = Literal["rounds", "exact", "discrete", "unstable"]


class Idle(NamedTuple):
    """`missed` of `of` things of the kind `what` were not reached."""

    what: str
    missed: int
    of: int


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the graph.

    `floor_rms` and `floor_max` are the largest of |float32 - float64|, |perturbed float64 - float64| of each seed, and
    2^-24 of the RMS (2^-25 of the maximum). `exactness`: "rounds" (compare with the floor), "exact" (its operator does
    not round: equal inputs give equal outputs), "discrete" (no floating-point numbers), "unstable" (rounding alone
    changes its shape or its whole numbers: nothing can be judged by it).
    """

    name: str
    op: str
    depth: int
    shape: tuple[int, ...]
    dtype: str
    exactness: Exactness
    rms: float
    max: float
    floor_rms: float
    floor_max: float
    native: tuple[float, float]  # RMS and maximum of |float32 - float64|
    perturbed: tuple[float, float]  # the largest of the seeds
    odd: int  # elements that are NaN or infinite
    idle: Idle | None  # what these inputs did not exercise here

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def measured(made: Made, run: Run = map) -> Value:
    """The record of one value; `run` may be a pool's `map`."""
    exactness = _exactness(made)
    blank = Size(0.0, 0.0)
    same = made.native.shape == made.wide.shape and exactness != "discrete"
    others = made.perturbed if exactness != "discrete" else ()
    own, *errors = sizes(made.wide, [*([made.native] if same else []), *others], run)
    native = errors.pop(0) if same else blank
    seeds = (max((one.rms for one in errors), default=0.0), max((one.max for one in errors), default=0.0))
    unit = rounding(made.native.dtype) if exactness in ("rounds", "exact") else 0.0
    return Value(
        name=made.name,
        op=made.step.op,
        depth=made.depth,
        shape=made.native.shape,
        dtype=str(made.native.dtype),
        exactness=exactness,
        rms=own.rms,
        max=own.max,
        floor_rms=max(native.rms, seeds[0], unit * own.rms),
        floor_max=max(native.max, seeds[1], unit / 2 * own.max),
        native=(native.rms, native.max),
        perturbed=seeds,
        odd=own.odd,
        idle=_idle(made, own),
    )


def _exactness(made: Made) -> Exactness:
    if made.native.shape != made.wide.shape or made.lost:
        return "unstable"
    if floating(made.native.dtype):
        return "exact" if made.step.op in EXACT else "rounds"
    same = all(np.array_equal(array, made.wide) for array in (made.native, *made.perturbed))
    return "discrete" if same else "unstable"


def _idle(made: Made, own: Size) -> Idle | None:
    wide = made.wide
    if not wide.size or own.odd == wide.size:
        return None
    if own.max == 0:
        return Idle("values that are not zero", int(wide.size), int(wide.size))
    look = _LOOKS.get(made.step.op)
    return look(wide, made.step.attrs) if look is not None else None


def _dead(wide: Array, _attrs: Mapping[str, object]) -> Idle | None:
    """Channels in which a rectifier let nothing through."""
    if wide.ndim < 2 or wide.shape[1] < 2:
        return None
    alive = (wide > 0).any(axis=(0, *range(2, wide.ndim)))
    dead = int(alive.size - np.count_nonzero(alive))
    return Idle("channels that are not zero", dead, alive.size) if dead else None


def _saturated(wide: Array, attrs: Mapping[str, object]) -> Idle | None:
    """A softmax in which only one probability of each row is more than a rounding error."""
    axis = int(str(attrs.get("axis", 1 if wide.ndim > 1 else -1)))
    if wide.shape[axis] < 2:
        return None
    rows = np.moveaxis(wide, axis, -1).reshape(-1, wide.shape[axis])
    sure = rows.max(axis=-1) >= 1 - 2.0**-24
    return Idle("rows that are not saturated", int(sure.sum()), sure.size) if sure.any() else None


def _limits(wide: Array, _attrs: Mapping[str, object]) -> Idle | None:
    """A Clip whose upper limit no value reached, so that no two values are equal at the top."""
    top = wide.max()
    if np.count_nonzero(wide == top) > 1:
        return _dead(wide, _attrs)
    return Idle("upper limits", 1, 1)


_LOOKS = {"Relu": _dead, "Clip": _limits, "Softmax": _saturated}
