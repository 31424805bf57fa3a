"""ROIPooling and PSROIPooling: regions of a map brought to one size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample


def roi_pooling(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ROIPooling as MaxRoiPool: rounded corners, empty bins 0 (roi_pooling_layer.cpp)."""
    data, regions = emit.inputs
    shape = layer.attrs.integer("pooled_h"), layer.attrs.integer("pooled_w")
    if min(shape) < 1:
        emit.refuse(f"pooled_h and pooled_w {shape} must be positive; Caffe refuses it too")
    rows = _rows(emit, regions)
    return emit("MaxRoiPool", data, rows, pooled_shape=shape, spatial_scale=layer.attrs.number("spatial_scale"))


def _rows(emit: Emit, regions: ir.Value) -> ir.Value:
    """The regions as [R, 5], whatever ones follow."""
    return regions if emit.rank(regions) == 2 else emit("Reshape", regions, emit.constant([-1, 5], "regions"))


def psroi_pooling(layer: Layer, emit: Emit) -> ir.Value:
    """Reads PSROIPooling (R-FCN) as masks of rows and columns and two Einsums: each bin the mean of its own channel.

    psroi_pooling_layer.cu: corners rounded, bins at least 0.1 wide, an empty bin is 0. Batch 1, as R-FCN runs.
    """
    data, regions = emit.inputs
    attrs = layer.attrs
    group, out, scale = attrs.integer("group_size"), attrs.integer("output_dim"), attrs.number("spatial_scale")
    batch, channels, height, width = emit.sizes(data)
    if batch != 1:
        emit.refuse("regions of several images at once; R-FCN runs one image at a time", "--batch 1")
    if channels != out * group * group or not channels:
        emit.refuse(
            f"{channels} channels are not output_dim {out} times group_size {group} squared; Caffe refuses it too"
        )
    columns = emit.several(5, "Split", _rows(emit, regions), emit.constant([1] * 5, "fives"), axis=1)
    rows = _mask(emit, columns[2], columns[4], scale, group, height)
    across = _mask(emit, columns[1], columns[3], scale, group, width)
    maps = emit.unflatten(data, (out, group, group, height, width))
    total = emit("Einsum", rows, maps, equation="rgh,dgkhw->rdgkw")
    total = emit("Einsum", total, across, equation="rdgkw,rkw->rdgk")
    last = emit.constant([2], "last")
    sizes = [emit("ReduceSum", mask, last, keepdims=0) for mask in (rows, across)]
    area = emit("Einsum", *sizes, equation="rg,rk->rgk")
    area = emit("Max", area, emit.constant(np.float32(1), "one"))
    return emit("Div", total, emit("Unsqueeze", area, emit.constant([1], "axis")))


def _mask(emit: Emit, low: ir.Value, high: ir.Value, scale: float, bins: int, size: int) -> ir.Value:
    """[R, bins, size]: 1 where a place of the map lies in the bin."""
    half, one = emit.constant(np.float32(0.5), "half"), emit.constant(np.float32(1), "one")
    factor = emit.constant(np.float32(scale), "spatial_scale")
    start = emit("Mul", _rounded(emit, low, half), factor)
    end = emit("Mul", emit("Add", _rounded(emit, high, half), one), factor)
    length = emit("Max", emit("Sub", end, start), emit.constant(np.float32(0.1), "least"))
    step = emit("Div", length, emit.constant(np.float32(bins), "bins"))
    number = emit.constant(np.arange(bins, dtype=np.float32)[None], "bin")
    first = emit("Floor", emit("Add", emit("Mul", number, step), start))
    last = emit("Ceil", emit("Add", emit("Mul", emit("Add", number, one), step), start))
    first, last = (emit("Unsqueeze", part, emit.constant([2], "axis")) for part in (first, last))
    place = emit.constant(np.arange(size, dtype=np.float32)[None, None], "place")
    inside = emit("And", emit("GreaterOrEqual", place, first), emit("Less", place, last))
    return emit("Cast", inside, to=1)


def _rounded(emit: Emit, value: ir.Value, half: ir.Value) -> ir.Value:
    """C's round: halves away from zero, unlike ONNX's Round."""
    size = emit("Floor", emit("Add", emit("Abs", value), half))
    return emit("Mul", emit("Sign", value), size)


def _max_pooled(inputs: Sequence[np.ndarray], height: int, width: int, scale: float) -> np.ndarray:
    x, regions = inputs
    result = np.zeros((len(regions), x.shape[1], height, width))
    for number, region in enumerate(regions.reshape(len(regions), 5)):
        left, top, right, bottom = (int(np.floor(side * scale + 0.5)) for side in region[1:])
        tall, wide = max(bottom - top + 1, 1) / height, max(right - left + 1, 1) / width
        for row, column in np.ndindex(height, width):
            rows = slice(max(int(np.floor(row * tall)) + top, 0), max(int(np.ceil((row + 1) * tall)) + top, 0))
            across = slice(
                max(int(np.floor(column * wide)) + left, 0), max(int(np.ceil((column + 1) * wide)) + left, 0)
            )
            patch = x[int(region[0]), :, rows, across]
            if patch.size:
                result[number, :, row, column] = patch.max((1, 2))
    return result


def _position_sensitive(inputs: Sequence[np.ndarray], out: int, group: int, scale: float) -> np.ndarray:
    x, regions = inputs
    height, width = x.shape[2:]
    result = np.zeros((len(regions), out, group, group))
    for number, region in enumerate(regions.reshape(len(regions), 5)):
        corner = np.floor(region[1:] + 0.5)
        left, top = corner[:2] * scale
        right, bottom = (corner[2:] + 1) * scale
        tall, wide = max(bottom - top, 0.1) / group, max(right - left, 0.1) / group
        for d, row, column in np.ndindex(out, group, group):
            rows = np.clip([np.floor(row * tall + top), np.ceil((row + 1) * tall + top)], 0, height).astype(int)
            across = np.clip([np.floor(column * wide + left), np.ceil((column + 1) * wide + left)], 0, width).astype(
                int
            )
            patch = x[0, (d * group + row) * group + column, slice(*rows), slice(*across)]
            result[number, d, row, column] = patch.mean() if patch.size else 0
    return result


READ = {
    "ROIPooling": Read(
        roi_pooling,
        samples=(
            Sample(
                "regions in and out of the map",
                "roi_pooling_param { pooled_h: 3 pooled_w: 2 spatial_scale: 1.5 }",
                ((1, 2, 9, 11), (4, 5)),
                values=(0, 0.99),
                formula=lambda x, _: _max_pooled(x, 3, 2, 1.5),
                judge=FORMULA,
            ),
            Sample(
                "large regions",
                "roi_pooling_param { pooled_h: 3 pooled_w: 2 spatial_scale: 11.3 }",
                ((1, 2, 9, 11), (5, 5, 1, 1)),
                values=(0, 0.99),
                formula=lambda x, _: _max_pooled(x, 3, 2, 11.3),
                judge=FORMULA,
            ),
        ),
    ),
    "PSROIPooling": Read(
        psroi_pooling,
        samples=(
            Sample(
                "three by three",
                "psroi_pooling_param { output_dim: 2 group_size: 3 spatial_scale: 2.3 }",
                ((1, 18, 7, 9), (5, 5)),
                batched=False,
                values=(0, 3.2),
                formula=lambda x, _: _position_sensitive(x, 2, 3, 2.3),
                judge=FORMULA,
            ),
        ),
    ),
}
