"""Do two outputs name the same class? Asked only of rows where the reference itself has decided."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from zoo.parity.figures import Array

CLASS_KINDS = frozenset({"probabilities", "logits"})


@dataclass(frozen=True, slots=True)
class Top1:
    """`agreed` of `rows` have the same largest class; `ties` more rows were left out.

    A row is a tie when the reference's two largest values lie closer than the tolerance lets them move.
    `margin` is the smallest gap between the two largest values of any row, in the output's own unit.
    """

    agreed: int
    rows: int
    ties: int
    margin: float


def top1(reference: Array, candidate: Array, kind: str | None, margin: float) -> Top1 | None:
    """Agreement over the class axis of N x C outputs (N x C x 1 x 1 too); None for an output without classes.

    `margin` is the gap, as a share of the largest value of the row, below which a row is a tie.
    """
    shape = reference.shape
    if kind not in CLASS_KINDS and not (kind is None and reference.dtype.kind == "f"):
        return None
    if len(shape) < 2 or shape[1] < 2 or prod(shape[2:]) != 1:
        return None
    agreed = rows = ties = 0
    smallest = np.inf
    for mine, other in zip(reference, candidate, strict=True):
        row, answer = np.asarray(mine, np.float64).reshape(-1), np.asarray(other, np.float64).reshape(-1)
        if not np.isfinite(row).all():
            continue
        second, first = np.partition(row, -2)[-2:]
        smallest = min(smallest, float(first - second))
        if first - second <= margin * float(np.abs(row).max()):
            ties += 1
            continue
        rows += 1
        agreed += int(np.argmax(row) == np.argmax(answer))
    return Top1(agreed, rows, ties, float(smallest) if np.isfinite(smallest) else 0.0)
