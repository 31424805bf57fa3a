"""Dropout that is still at work, and a factor that it left behind."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.parity.doctor.case import Array, Case, Doubles, Hypothesis, doubles
from zoo.parity.graphs.graph import Graph

_ZEROS = 0.05  # at least this share of the values must be gone


def families(case: Case) -> Iterator[Hypothesis]:
    """All values multiplied by one number (or one an index of an axis), or some zero and the others by one number."""
    if case.exact.shape != case.got.shape or not np.isfinite(case.got).all():
        return
    alive = np.abs(case.exact) > 1e-3 * float(np.abs(case.exact).max(initial=0.0))
    gone = (case.exact != 0) & (case.got == 0)
    kept = alive & ~gone
    if not kept.any():
        return
    factor = _factor(case.exact[kept], doubles(case.got)[kept])
    share = float((gone & alive).sum() / alive.sum())
    if share >= _ZEROS:
        said = f"{share:.0%} of {case.value} is zero, the rest multiplied by {factor:.6g}"
        yield Hypothesis("dropout left on", said, _multiplied(case, np.where(gone, 0, factor)))
        return
    cause = "dropout left on" if case.nodes("Dropout") else "scale factor"
    said = f"all of {case.value} is multiplied by {factor:.6g}"
    yield Hypothesis(cause, said, _multiplied(case, np.array(factor)))
    for axis in dict.fromkeys((1, case.exact.ndim - 1)):
        if 1 <= axis < case.exact.ndim:
            yield _along(case, axis)


def _along(case: Case, axis: int) -> Hypothesis:
    """A factor an index of one axis."""
    rows = [np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1) for array in (case.exact, doubles(case.got))]
    factors = np.array([_factor(mine, other) for mine, other in zip(*rows, strict=True)])
    shape = [-1 if place == axis else 1 for place in range(case.exact.ndim)]
    listed = ", ".join(f"{factor:.4g}" for factor in factors[:6]) + (" ..." if factors.size > 6 else "")
    said = f"{case.value} is multiplied by {listed} along axis {axis}"
    return Hypothesis("scale factor", said, _multiplied(case, factors.reshape(shape)))


def _factor(exact: Doubles, got: Doubles) -> float:
    square = float(np.dot(exact, exact))
    return float(np.dot(exact, got)) / square if square else 1.0


def _multiplied(case: Case, by: Array) -> Graph:
    graph = case.reference.copy()
    graph.after(case.value, "Mul", graph.store(by.astype(np.float32), "factor"))
    return graph
