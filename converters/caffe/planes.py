"""Caffe pools over height and width alone: one or three dimensions become one or two poolings of planes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from converters.caffe.cropping import crop
from converters.caffe.windows import Padded, spelled
from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.weights import ArrayWeight

_EXACT = 1e-6  # relative; divisors are ratios of small integers, so they are equal or far apart


@dataclass(frozen=True, slots=True)
class Pool:
    """A pooling over any number of dimensions: what ONNX computes, and what Caffe's result must be multiplied by.

    `factors` has one array a dimension, as long as `out` is there; `more` is one number a place, for two dimensions.
    """

    method: str
    padded: Padded
    sizes: tuple[int, ...]
    out: tuple[int, ...]
    factors: Sequence[np.ndarray]
    more: np.ndarray | None = None

    def over(self, *axes: int | None) -> Pool:
        """The same along two of its axes; None stands for an axis of one value that nothing is done to."""

        def taken(values: Sequence[int], rest: int) -> tuple[int, ...]:
            return tuple(rest if axis is None else values[axis] for axis in axes)

        padded = self.padded
        part = Padded(
            taken(padded.kernel, 1),
            taken(padded.stride, 1),
            taken(padded.before, 0),
            taken(padded.after, 0),
            taken(padded.dilation, 1),
        )
        factors = [np.ones(1) if axis is None else self.factors[axis] for axis in axes]
        return Pool(self.method, part, taken(self.sizes, 1), taken(self.out, 1), factors, self.more)


def pooled(match: Match, pool: Pool, batch: int, channels: int) -> list[Layer]:
    """The layers of a pooling over one, two or three dimensions."""
    data, out = str(match.inputs[0].name), match.output
    if len(pool.sizes) == 2:
        return _plane(match, pool, (batch, channels), data, out, "")
    rows, done = f"{match.name}/rows", f"{match.name}/done"
    if len(pool.sizes) == 1:
        flat = (batch, channels, 1, *pool.sizes)
        return [
            _reshape(match, data, rows, flat, "rows"),
            *_plane(match, pool.over(None, 0), (batch, channels), rows, done, ""),
            _reshape(match, done, out, (batch, channels, *pool.out), "whole"),
        ]
    depth, *image = pool.sizes
    planes, between = f"{match.name}/planes", f"{match.name}/between"
    places = math.prod(pool.out[1:])
    along = pool.over(0, None)
    columns = Pool(along.method, along.padded, (depth, places), (pool.out[0], places), along.factors)
    return [
        _reshape(match, data, planes, (batch, channels * depth, *image), "planes"),
        *_plane(match, pool.over(1, 2), (batch, channels * depth), planes, between, "plane"),
        _reshape(match, between, rows, (batch, channels, depth, places), "rows"),
        *_plane(match, columns, (batch, channels), rows, done, ""),
        _reshape(match, done, out, (batch, channels, *pool.out), "whole"),
    ]


def everything(match: Match, method: str, shape: Sequence[int]) -> list[Layer]:
    """A pooling over all of an input of three to five dimensions."""
    fields = {"pool": method, "global_pooling": True}
    if len(shape) == 4:
        return [match.layer("Pooling", fields)]
    batch, channels, *sizes = shape
    rows, done = f"{match.name}/rows", f"{match.name}/done"
    return [
        _reshape(match, str(match.inputs[0].name), rows, (batch, channels, 1, math.prod(sizes)), "rows"),
        match.layer("Pooling", fields, inputs=[rows], outputs=[done]),
        _reshape(match, done, match.output, (batch, channels, *(1 for _ in sizes)), "whole"),
    ]


def _plane(
    match: Match, pool: Pool, leading: tuple[int, int], source: str, target: ir.Value | str, role: str
) -> list[Layer]:
    """One Pooling; surplus windows are sliced off, divisors mended."""
    made = _caffe_out(pool.padded, pool.sizes)
    if any(have < want for have, want in zip(made, pool.out, strict=True)):
        raise Declined(f"Caffe computes {list(made)} windows here, ONNX {list(pool.out)}")
    factors = np.multiply.outer(*pool.factors) * (1 if pool.more is None else pool.more)
    mended = bool(np.any(np.abs(factors - 1) > _EXACT))
    stem = f"{match.name}/{role}" if role else match.name
    cropped = f"{stem}/cropped" if mended else target
    whole = f"{stem}/pooled" if made != pool.out else cropped
    fields = {
        "pool": pool.method,
        **spelled("kernel_size", pool.padded.kernel, None, ("kernel_h", "kernel_w")),
        **spelled("stride", pool.padded.stride, 1, ("stride_h", "stride_w")),
        **spelled("pad", pool.padded.before, 0, ("pad_h", "pad_w")),
    }
    layers = [match.layer("Pooling", fields, inputs=[source], outputs=[whole], role=role)]
    if made != pool.out:
        stretches = {2: (0, pool.out[0]), 3: (0, pool.out[1])}
        layers += crop(match, whole, (*leading, *made), stretches, cropped)
    if mended:
        weight = ArrayWeight(np.broadcast_to(factors, pool.out).astype(np.float32))
        divisor = f"{role}/divisor" if role else "divisor"
        scale = {"axis": 2, "num_axes": 2}
        layers.append(match.layer("Scale", scale, {0: weight}, inputs=[cropped], outputs=[target], role=divisor))
    return layers


def _caffe_out(padded: Padded, sizes: Sequence[int]) -> tuple[int, ...]:
    """Caffe's sizes (pooling_layer.cpp:91-117): rounded up; a last window that starts in the padding is none."""
    out = []
    for size, kernel, stride, pad in zip(sizes, padded.kernel, padded.stride, padded.before, strict=True):
        count = -(-(size + 2 * pad - kernel) // stride) + 1
        out.append(count - 1 if any(padded.before) and (count - 1) * stride >= size + pad else count)
    return tuple(out)


def _reshape(match: Match, source: str, out: ir.Value | str, dims: Sequence[int], role: str) -> Layer:
    return match.layer("Reshape", {"shape": {"dim": tuple(dims)}}, inputs=[source], outputs=[out], role=role)
