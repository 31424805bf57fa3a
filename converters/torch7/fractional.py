"""Fractional max pooling: windows of one size whose places follow from random samples that the file keeps."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.torch7.reading import (
    array,
    batched,
    flag,
    only,
    unbatched,
    whole,
)

_SAMPLE = {"HW": "WH", "HWT": "TWH"}
"""Spatial dimensions in their order (time comes last here) -> which sample is for which dimension
(THNN SpatialFractionalMaxPooling.c:41, VolumetricFractionalMaxPooling.c:41)."""


def pool(layer: Layer, emit: Emit, letters: str) -> ir.Value:
    """MaxPool with stride 1, then of each channel the places that its own samples choose."""
    value = only(emit)
    data, added = batched(emit, value, len(letters) + 2)
    if "randomSamples" not in layer.attrs or not flag(layer, "newRandomPool"):
        emit.refuse("draws its windows anew each time; only fixPoolingRegions() with stored samples is deterministic")
    samples = array(layer, emit, "randomSamples")
    batch, channels = emit.size(data, 0), emit.size(data, 1)
    if samples.shape != (batch, channels, len(letters)):
        emit.refuse(f"its samples are for an input of {samples.shape[:2]} planes, not {(batch, channels)}")
    sizes = emit.sizes(data, 2)
    kernel = tuple(whole(layer, emit, f"poolSize{letter}") for letter in letters)
    out = tuple(_out(layer, emit, letter, size) for letter, size in zip(letters, sizes, strict=True))
    if any(count < 1 or count + width - 1 >= size for count, width, size in zip(out, kernel, sizes, strict=True)):
        emit.refuse(f"cannot pool {sizes} to {out} with windows of {kernel}")
    pooled = emit("MaxPool", data, kernel_shape=kernel, strides=[1] * len(kernel))
    inner = tuple(size - width + 1 for size, width in zip(sizes, kernel, strict=True))
    places = np.zeros((batch, channels, *out), np.int64)
    for position in np.ndindex(batch, channels):
        starts = [
            _starts(samples[position][_SAMPLE[letters].index(letter)], size, count, width)
            for letter, size, count, width in zip(letters, sizes, out, kernel, strict=True)
        ]
        places[position] = np.ravel_multi_index(np.meshgrid(*starts, indexing="ij"), inner)
    flat = emit.reshape(pooled, (batch, channels, int(np.prod(inner))))
    chosen = emit("GatherElements", flat, emit.constant(places.reshape(batch, channels, -1), "places"), axis=2)
    return unbatched(emit, emit.reshape(chosen, (batch, channels, *out)), added=added)


def _out(layer: Layer, emit: Emit, letter: str, size: int) -> int:
    ratio = layer.attrs.get(f"ratio{letter}")
    return int(size * ratio) if isinstance(ratio, float) else whole(layer, emit, f"out{letter}")


def _starts(sample: np.float32, size: int, count: int, width: int) -> np.ndarray:
    """Where the windows begin, in float32 as THNN computes it."""
    last = size - width
    if count == 1:
        return np.array([last])
    alpha = np.float32(last) / np.float32(count - 1)
    first = int(np.float32(sample * alpha))
    starts = [int((np.float32(i) + sample) * alpha) - first for i in range(count - 1)]
    places: np.ndarray = np.clip(np.array([*starts, last]), 0, last)
    return places
