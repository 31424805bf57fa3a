"""PlaceNoise of the largest values (ArgMax, TopK): two places are as good as each other where their values tie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.parity.detections.layout import Array, Whole


@dataclass(frozen=True, slots=True)
class PlaceNoise:
    """The values in float64 whose places an output holds, along which axis, and how far rounding moves one."""

    values: NDArray[Any]
    axis: int
    floor: float


def apart(reference: Array, candidate: Array, noise: PlaceNoise, k: float) -> tuple[int, int] | None:
    """How many places differ, and how many of them where the values do not tie; None where the shapes do not fit.

    A place that is named twice in a row of the candidate, or does not exist, never ties.
    """
    values = np.moveaxis(np.asarray(noise.values), noise.axis, -1)
    mine, other = (_rows(array, noise, values.shape[:-1]) for array in (reference, candidate))
    if mine is None or other is None or mine.shape != other.shape:
        return None
    flat = values[: len(mine)] if mine.shape[:-1] != values.shape[:-1] else values
    differ = mine != other
    inside = (other >= 0) & (other < values.shape[-1])
    gap = np.abs(np.take_along_axis(flat, mine, -1) - np.take_along_axis(flat, np.where(inside, other, 0), -1))
    ordered = np.sort(other, axis=-1)
    twice = (ordered[..., 1:] == ordered[..., :-1]).any(axis=-1, keepdims=True)
    wrong = differ & (~inside | (gap > k * noise.floor) | twice)
    return int(differ.sum()), int(wrong.sum())


def _rows(array: Array, noise: PlaceNoise, lead: tuple[int, ...]) -> Whole | None:
    """The places with their axis last, be it kept or not; fewer samples than there are values of are the first ones."""
    rank = len(lead) + 1
    whole = np.asarray(array, np.int64)
    if whole.ndim == rank:
        found = np.moveaxis(whole, noise.axis, -1)
    elif whole.ndim == rank - 1:
        found = whole[..., None]
    else:
        return None
    fits = found.shape[:-1] == lead or (rank > 1 and found.shape[1:-1] == lead[1:] and found.shape[0] <= lead[0])
    return found if fits else None
