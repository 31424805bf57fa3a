"""What a person wants to know of an output: its shape and range, and the likeliest classes where it scores classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SCORES = frozenset({"probabilities", "logits"})


@dataclass(frozen=True, slots=True)
class Class:
    """One class of one item of the batch, with its probability or logit."""

    index: int
    label: str | None
    value: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One output: `top` has a row an item of the batch, empty where the output does not score classes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    low: float
    mean: float
    high: float
    top: tuple[tuple[Class, ...], ...]

    def payload(self) -> dict[str, object]:
        """For JSON, which knows neither NaN nor infinity: those are strings there."""
        rows = [[{"class": c.index, "label": c.label, "value": _plain(c.value)} for c in row] for row in self.top]
        figures = {"min": _plain(self.low), "mean": _plain(self.mean), "max": _plain(self.high)}
        return {"name": self.name, "shape": list(self.shape), "dtype": self.dtype, **figures, "top": rows}


def summarize(
    name: str, array: np.ndarray, *, kind: str | None = None, labels: Sequence[str] = (), count: int = 5
) -> Summary:
    """Describes an output; `kind` is what its entry says it is, `labels` the names of its classes."""
    low, high = (float(array.min()), float(array.max())) if array.size else (math.nan, math.nan)
    mean = float(array.mean(dtype=np.float64)) if array.size else math.nan
    top = _top(array, labels, count) if kind in _SCORES else ()
    return Summary(name, array.shape, str(array.dtype), low, mean, high, top)


def _top(array: np.ndarray, labels: Sequence[str], count: int) -> tuple[tuple[Class, ...], ...]:
    """The best classes of [batch, classes], trailing ones ignored; ties in the order of the classes."""
    if array.size == 0 or array.ndim < 2 or math.prod(array.shape[2:]) != 1:
        return ()
    named = labels if len(labels) == array.shape[1] else ()
    rows = array.reshape(array.shape[:2])
    best = np.argsort(-rows.astype(np.float64), axis=1, kind="stable")[:, :count]
    return tuple(
        tuple(Class(int(index), named[index] if named else None, float(row[index])) for index in order)
        for row, order in zip(rows, best, strict=True)
    )


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
