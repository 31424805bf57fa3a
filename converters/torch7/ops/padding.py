"""Borders added or cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    axis,
    batched,
    only,
    real,
    sample_dims,
    scalar,
    slices,
    unbatched,
    whole,
)

_SPATIAL = (("pad_t", "pad_b"), ("pad_l", "pad_r"))
_VOLUMETRIC = (("pfront", "pback"), ("ptop", "pbottom"), ("pleft", "pright"))


def border(mode: str, fields: Sequence[tuple[str, str]]) -> Callable[[Layer, Emit], ir.Value]:
    """Reads a padding module as Pad; negative numbers cut off instead, before anything is added."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        value = only(emit)
        data, added = batched(emit, value, len(fields) + 2)
        amounts = [tuple(_amount(layer, emit, name) for name in pair) for pair in fields]
        for at, (before, after) in enumerate(amounts, 2):
            if min(before, after) < 0:
                size = emit.size(data, at)
                data = slices(emit, data, at, max(0, -before), size - max(0, -after))
        starts, ends = ([max(0, pair[side]) for pair in amounts] for side in (0, 1))
        if any((*starts, *ends)):
            data = emit("Pad", data, emit.constant([0, 0, *starts, 0, 0, *ends], "pads"), mode=mode)
        return unbatched(emit, data, added=added)

    return read


def _amount(layer: Layer, emit: Emit, name: str) -> int:
    left = layer.attrs.get("pad_l")
    return whole(layer, emit, name, left if isinstance(left, int) else None)


def padding(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Padding: `pad` slices of one value before slice `index` (negative) or after it, counted from the end."""
    data = only(emit)
    inner = sample_dims(layer, emit, "nInputDim")
    offset = int(inner is not None and emit.rank(data) != inner)
    at = axis(emit, data, whole(layer, emit, "dim") + offset)
    size, pad, place = emit.size(data, at), whole(layer, emit, "pad"), whole(layer, emit, "index", 1)
    place = size - place + 2 if pad > 0 else place
    if not 1 <= place <= size + 1:
        emit.refuse(f"pads at slice {place} of {size}")
    value = scalar(emit, real(layer, emit, "value", 0), "value")
    rank = emit.rank(data)

    def padded(part: ir.Value, before: int, after: int) -> ir.Value:
        pads = np.zeros(2 * rank, np.int64)
        pads[at], pads[rank + at] = before, after
        return emit("Pad", part, emit.constant(pads, "pads"), value)

    if place == 1:
        return padded(data, abs(pad), 0)
    if place == size + 1:
        return padded(data, 0, abs(pad))
    first, second = slices(emit, data, at, 0, place - 1), slices(emit, data, at, place - 1, size)
    return emit("Concat", padded(first, 0, abs(pad)), second, axis=at)


READ = {
    "nn.SpatialZeroPadding": Read(border("constant", _SPATIAL)),
    "nn.SpatialReflectionPadding": Read(border("reflect", _SPATIAL)),
    "nn.SpatialReplicationPadding": Read(border("edge", _SPATIAL)),
    "nn.VolumetricReplicationPadding": Read(border("edge", _VOLUMETRIC)),
    "nn.Padding": Read(padding),
}
