"""Outputs whose agreement shows nothing: zero, constant, saturated, or the same for every sample."""

from __future__ import annotations

import numpy as np

from zoo.parity.figures import Array, Places

_SEEN = 2.0**-24
"""A probability below this is lost beside a 1 in float32."""


def idle(reference: Array, found: Places, kind: str | None, batch: int | None) -> str | None:
    """The reason why two equal outputs prove nothing about the network before them; None when they do prove it."""
    if found.nan + found.inf == reference.size:
        return "no value of the reference is a number"
    if found.scale == 0:
        return "the reference is zero everywhere"
    if reference.size > 1 and found.low == found.high:
        return f"the reference is {found.low:g} everywhere"
    if batch and batch > 1 and reference.ndim and reference.shape[0] == batch and _samples_equal(reference):
        return f"the reference is the same for all {batch} samples"
    if kind == "probabilities" and _saturated(reference):
        return "saturated: in every row one probability is 1, and the others are lost beside it"
    return None


def _samples_equal(array: Array) -> bool:
    return all(np.array_equal(array[0], sample, equal_nan=array.dtype.kind == "f") for sample in array[1:])


def _saturated(array: Array) -> bool:
    """True when no row of N x C x ... holds anything but one 1 that float32 could tell from it."""
    return array.ndim > 1 and all(bool((1.0 - np.max(row, axis=0) <= _SEEN).all()) for row in array)
