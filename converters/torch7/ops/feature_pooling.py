"""FeatureLPPooling: the p-norm over neighbouring features."""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    flag,
    only,
    real,
    scalar,
    slices,
    whole,
)


def feature_lp_pooling(layer: Layer, emit: Emit) -> ir.Value:
    """Reads FeatureLPPooling: (sum of x^p over `width` features)^(1/p), every `stride` features."""
    data = only(emit)
    at = int(flag(layer, "batch_mode"))
    width, stride, p = whole(layer, emit, "width"), whole(layer, emit, "stride"), real(layer, emit, "power", 2)
    size = emit.size(data, at)
    count = (size - width) // stride + 1
    if not (2 <= width <= 16 and 1 <= stride <= 4) or count < 1:
        emit.refuse(f"cannot pool {size} features with width {width} and stride {stride}")
    powered = emit("Mul", data, data) if p == 2 else emit("Pow", data, scalar(emit, p, "p"))
    steps = emit.constant([stride], "stride")
    total = None
    for first in range(width):
        part = slices(emit, powered, at, first, first + (count - 1) * stride + 1)
        if stride > 1:
            bounds = [emit.constant([number], role) for number, role in ((0, "start"), (size, "end"), (at, "axis"))]
            part = emit("Slice", part, *bounds, steps)
        total = part if total is None else emit("Add", total, part)
    assert total is not None
    return emit("Sqrt", total) if p == 2 else emit("Pow", total, scalar(emit, 1 / p, "root"))


READ = {"nn.FeatureLPPooling": Read(feature_lp_pooling)}
