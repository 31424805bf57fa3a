"""Sums over many numbers, added one by one: so runtimes add them, and their rounding grows with how many there are.

numpy adds pairwise, whose rounding does not: a floor that is measured so is 30 to 90 times too low for the mean of
112 x 112 numbers in ONNX Runtime (EfficientNet's first squeeze, decision 0157).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from zoo.parity.engine.arrays import WIDE, Array
from zoo.parity.engine.constants import Input, whole

Attrs = Mapping[str, object]


def global_average_pool(_attrs: Attrs, _version: int, inputs: Sequence[Input]) -> Sequence[Array]:
    """The mean over all spatial axes."""
    x = whole(inputs[0])
    axes = tuple(range(2, x.ndim))
    return [_divided(_one_by_one(x, axes, keep=True), math.prod(x.shape[2:]))]


def reduce_mean(attrs: Attrs, version: int, inputs: Sequence[Input]) -> Sequence[Array] | None:
    """The mean over some axes; whole numbers are left to ONNX's reference."""
    x, axes, keep = _asked(attrs, version, inputs)
    if x.dtype.kind != "f":
        return None
    return [_divided(_one_by_one(x, axes, keep=keep), math.prod(x.shape[axis] for axis in axes))]


def reduce_sum(attrs: Attrs, version: int, inputs: Sequence[Input]) -> Sequence[Array] | None:
    """The sum over some axes; whole numbers are left to ONNX's reference."""
    x, axes, keep = _asked(attrs, version, inputs)
    return [_one_by_one(x, axes, keep=keep)] if x.dtype.kind == "f" else None


def _asked(attrs: Attrs, version: int, inputs: Sequence[Input]) -> tuple[Array, tuple[int, ...], bool]:
    """The array, the axes counted from the front, and whether they stay with size 1."""
    x = whole(inputs[0])
    listed = attrs.get("axes")
    if listed is None and len(inputs) > 1 and inputs[1] is not None:
        listed = whole(inputs[1]).tolist()
    axes = tuple(sorted(int(str(axis)) % x.ndim for axis in listed)) if isinstance(listed, list | tuple) else ()
    whole_of_it = not axes and not int(str(attrs.get("noop_with_empty_axes", 0)))
    return x, tuple(range(x.ndim)) if whole_of_it else axes, bool(int(str(attrs.get("keepdims", 1))))


def _one_by_one(x: Array, axes: tuple[int, ...], *, keep: bool) -> Array:
    if x.dtype == WIDE:  # the truth, which is to be as exact as it can be
        return np.asarray(x.sum(axis=axes, keepdims=keep))
    rest = [axis for axis in range(x.ndim) if axis not in axes]
    rows = np.ascontiguousarray(x.transpose(*axes, *rest)).reshape(math.prod(x.shape[axis] for axis in axes), -1)
    if not rows.shape[0]:
        total = np.zeros(rows.shape[1], x.dtype)
    else:  # rows are added in turn; a single column would be added pairwise
        total = rows.sum(axis=0, dtype=x.dtype) if rows.shape[1] > 1 else rows.cumsum(axis=0, dtype=x.dtype)[-1]
    shape = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
    return total.reshape(shape if keep else [x.shape[axis] for axis in rest])


def _divided(total: Array, count: int) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(total / total.dtype.type(count))
