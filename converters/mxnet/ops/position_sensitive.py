"""PSROIPooling: regions of interest whose every bin reads channels of its own (R-FCN)."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import number, value
from converters.mxnet.suppression import column, columns


def psroi_pooling(layer: Layer, emit: Emit) -> ir.Value:
    """Reads PSROIPooling as one MatMul of bins by places: the mean over each bin of its own channels, 0 where empty.

    A bin begins and ends at whole places, as psroi_pooling.cc rounds them.
    """
    data, rois, attrs = value(layer, emit, "data"), value(layer, emit, "rois"), layer.attrs
    bins, made = attrs.integer("pooled_size"), attrs.integer("output_dim")
    group = attrs.integer("group_size") or bins
    batch, channels, height, width = (emit.size(data, axis) for axis in range(4))
    if min(bins, made, group) < 1 or channels != made * group * group:
        emit.refuse(f"{channels} channels for {made} values of {group} x {group} groups; MXNet refuses it too")
    regions = emit.shape(rois)[0]
    down, across = _spans(layer, emit, rois, bins, (height, width))
    image = emit("Equal", emit("Unsqueeze", column(emit, rois, 0), emit.constant([1], "axes")),
                 number(emit, rois, np.arange(batch)[None], "images"))  # fmt: skip
    mask = emit("And", _placed(emit, down, (1, 3, 5)), _placed(emit, across, (0, 3, 4)))
    mask = emit(
        "Cast", emit("And", mask, _placed(emit, image, (0, 1, 4, 5))), to=(data.dtype or ir.DataType.FLOAT).value
    )
    count = regions if isinstance(regions, int) else -1
    chosen = emit("Reshape", mask, emit.constant([bins * bins, count, batch * height * width], "bins"))
    places = emit("MatMul", chosen, _by_bin(emit, data, (made, group, bins)))
    total = emit("ReduceSum", chosen, emit.constant([2], "axes"), keepdims=1)
    mean = emit("Div", places, emit("Max", total, number(emit, data, 1, "at_least")))
    turned = emit("Transpose", mean, perm=(1, 2, 0))
    return emit("Reshape", turned, emit.constant([count, made, bins, bins], "regions"))


def _spans(layer: Layer, emit: Emit, rois: ir.Value, bins: int, sizes: tuple[int, int]) -> tuple[ir.Value, ir.Value]:
    """Which rows, and which columns, each bin takes: bins x regions x size."""
    scale = number(emit, rois, layer.attrs.number("spatial_scale"), "spatial_scale")
    half, one = number(emit, rois, 0.5, "half"), number(emit, rois, 1, "one")
    found = []
    for place, size in zip((2, 1), sizes, strict=True):
        first, last = (
            emit("Floor", emit("Add", emit("Abs", columns(emit, rois, (at,))), half)) for at in (place, place + 2)
        )
        first, last = (
            emit("Mul", emit("Sign", columns(emit, rois, (at,))), rounded)
            for at, rounded in ((place, first), (place + 2, last))
        )
        start, end = emit("Mul", first, scale), emit("Mul", emit("Add", last, one), scale)
        step = emit("Div", emit("Max", emit("Sub", end, start), number(emit, rois, 0.1, "least")),
                    number(emit, rois, bins, "count"))  # fmt: skip
        numbers = np.arange(bins).reshape(-1, 1, 1)
        low = emit("Floor", emit("Add", emit("Mul", number(emit, rois, numbers, "bin"), step), start))
        high = emit("Ceil", emit("Add", emit("Mul", number(emit, rois, numbers + 1, "next"), step), start))
        spots = number(emit, rois, np.arange(size)[None, None], "places")
        found.append(emit("And", emit("GreaterOrEqual", spots, low), emit("Less", spots, high)))
    return found[0], found[1]


def _placed(emit: Emit, mask: ir.Value, axes: tuple[int, ...]) -> ir.Value:
    """A mask among the axes bin, bin, region, image, row, column; `axes` are those that it lacks."""
    return emit("Unsqueeze", mask, emit.constant(list(axes), "axes"))


def _by_bin(emit: Emit, data: ir.Value, sizes: tuple[int, int, int]) -> ir.Value:
    """For each bin its channels at every place: bins x (images x rows x columns) x values."""
    made, group, bins = sizes
    batch, _, height, width = (emit.size(data, axis) for axis in range(4))
    parted = emit("Reshape", data, emit.constant([batch, made, group * group, height, width], "parted"))
    turned = emit("Transpose", parted, perm=(2, 0, 3, 4, 1))
    rows = emit("Reshape", turned, emit.constant([group * group, batch * height * width, made], "rows"))
    places = np.minimum(np.arange(bins) * group // bins, group - 1)
    return emit("Gather", rows, emit.constant((places[:, None] * group + places).ravel(), "groups"), axis=0)


def _draw(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    low, size = rng.uniform(-2, 18, (6, 2)), rng.uniform(0, 20, (6, 2))
    image = rng.integers(0, batch, (6, 1))
    return [rng.uniform(-2, 2, (batch, 18, 9, 11)), np.concatenate([image, low, low + size], 1)]


READ = {
    "_contrib_PSROIPooling": Read(
        psroi_pooling,
        samples=(
            Sample("bins and groups alike", '{"spatial_scale": "0.4", "output_dim": "2", "pooled_size": "3"}', (),
                   draw=_draw),
            Sample("more bins than groups",
                   '{"spatial_scale": "0.4", "output_dim": "2", "pooled_size": "4", "group_size": "3"}', (),
                   draw=_draw),
        ),
    ),
}  # fmt: skip
