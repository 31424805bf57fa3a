"""Channels or classes in another order: found by which channel of the reference each of the candidate's is equal to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.parity.doctor.case import Array, Case, Doubles, Hypothesis, doubles

_SHOWN = 6


def families(case: Case) -> Iterator[Hypothesis]:
    """The permutation of one axis that makes the results equal, if there is one."""
    if case.exact.ndim < 2 or case.exact.shape != case.got.shape or not case.exact.size:
        return
    for axis in dict.fromkeys((1, case.exact.ndim - 1)):
        order = _matched(case.exact, doubles(case.got), axis)
        if order is None:
            continue
        graph = case.reference.copy()
        graph.after(case.value, "Gather", graph.store(order, "order"), axis=axis)
        cause, said = _named(order, case, axis)
        yield Hypothesis(cause, said, graph)


def _matched(exact: Doubles, got: Doubles, axis: int) -> Array | None:
    """For each channel of `got` the nearest of `exact`; None for the identity or when two would share one."""
    mine, other = (np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1) for array in (exact, got))
    if not (np.isfinite(mine).all() and np.isfinite(other).all()):
        return None
    distances = (other**2).sum(1)[:, None] + (mine**2).sum(1)[None] - 2 * other @ mine.T
    order: Array = np.argmin(distances, axis=1)
    moved = np.flatnonzero(order != np.arange(order.size))
    if not moved.size or np.unique(order).size != order.size:
        return None
    return order


def _named(order: Array, case: Case, axis: int) -> tuple[str, str]:
    size = int(order.size)
    shift = int((order[0]) % size)
    rolled = np.array_equal(order, (np.arange(size) + shift) % size)
    moved = [f"{place} is {int(order[place])}" for place in range(size) if order[place] != place]
    listed = ", ".join(moved[:_SHOWN]) + (f" and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else "")
    if case.ends and rolled:
        away = min(shift, size - shift)
        return "label offset", f"classes of {case.value} lie {away} off: {listed}"
    cause = "class permutation" if case.ends else "channel permutation"
    return cause, f"{'classes' if case.ends else 'channels'} of {case.value} (axis {axis}) in another order: {listed}"
