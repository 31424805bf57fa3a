"""Whether two outputs name the same classes, and how far apart two distributions over them are."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from zoo.parity.figures import Array, Doubles

CLASS_KINDS = frozenset({"probabilities", "logits"})
BEST = 5


@dataclass(frozen=True, slots=True)
class Top1:
    """`agreed` of `rows` have the same largest class; `ties` more rows were left out.

    A row is a tie when the reference's two largest values lie closer than the rule lets them move.
    `margin` is the smallest gap between the two largest values of any row, in the output's own unit.
    `top5` is the mean share of the reference's five largest classes that are among the candidate's five largest.
    """

    agreed: int
    rows: int
    ties: int
    margin: float
    top5: float


def top1(reference: Array, candidate: Array, kind: str | None, margin: float) -> Top1 | None:
    """Agreement over the class axis of N x C outputs (N x C x 1 x 1 too); None for an output without classes.

    `margin` is the gap, in the output's own unit, below which a row is a tie.
    """
    shape = reference.shape
    if kind not in CLASS_KINDS and not (kind is None and reference.dtype.kind == "f"):
        return None
    if len(shape) < 2 or shape[1] < 2 or prod(shape[2:]) != 1:
        return None
    agreed = rows = ties = 0
    smallest = np.inf
    shares = []
    for mine, other in zip(reference, candidate, strict=True):
        row, answer = np.asarray(mine, np.float64).reshape(-1), np.asarray(other, np.float64).reshape(-1)
        if not np.isfinite(row).all():
            continue
        shares.append(_shared(row, answer))
        second, first = np.partition(row, -2)[-2:]
        smallest = min(smallest, float(first - second))
        if first - second <= margin:
            ties += 1
            continue
        rows += 1
        agreed += int(np.argmax(row) == np.argmax(answer))
    five = float(np.mean(shares)) if shares else 0.0
    return Top1(agreed, rows, ties, float(smallest) if np.isfinite(smallest) else 0.0, five)


def divergence(reference: Array, candidate: Array, kind: str | None) -> float | None:
    """The largest Kullback-Leibler divergence of any row, in nats; None unless both sides hold probabilities.

    Rows run along axis 1. Infinite where the candidate gives no chance to what the reference holds possible.
    """
    if kind != "probabilities" or reference.ndim < 2 or reference.shape[1] < 2 or reference.shape != candidate.shape:
        return None
    worst = 0.0
    for mine, other in zip(reference, candidate, strict=True):
        p, q = np.asarray(mine, np.float64), np.asarray(other, np.float64)
        if not (np.isfinite(p).all() and np.isfinite(q).all()) or (p < 0).any() or (q < 0).any():
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(p > 0, p * np.log(p / q), 0.0) - p + q  # what sums to one cancels, what does not shows
        worst = max(worst, float(terms.sum(axis=0).max()))
    return worst


def _shared(row: Doubles, answer: Doubles) -> float:
    count = min(BEST, row.size)
    best = set(np.argsort(-row, kind="stable")[:count].tolist())
    return len(best & set(np.argsort(-answer, kind="stable")[:count].tolist())) / count
