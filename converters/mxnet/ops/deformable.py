"""DeformableConvolution and its modulated form: a convolution whose taps are moved by offsets of their own."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Draw, Read, Sample
from converters.mxnet.geometry import Window, demand_channels_first, window
from converters.mxnet.operands import has, number, parameter, value
from converters.mxnet.ops.convolution import biases, split


def deformable(layer: Layer, emit: Emit) -> ir.Value:
    """Reads DeformableConvolution as GridSample of every tap and a Conv over the taps.

    A tap whose place lies outside the image (below 0, or at its height or width) is 0; inside, the outer pixels go on
    past their centres (deformable_im2col.h).
    """
    return _convolved(layer, emit, outer_pixels_go_on=True)


def modulated(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ModulatedDeformableConvolution: each tap is weighted too; outside the image lie zeros."""
    return _convolved(layer, emit, outer_pixels_go_on=False)


def _convolved(layer: Layer, emit: Emit, *, outer_pixels_go_on: bool) -> ir.Value:
    data = value(layer, emit, "data")
    demand_channels_first(layer, emit)
    where = window(layer, emit, 2)
    if emit.rank(data) != 4:
        emit.refuse(f"{emit.rank(data)} dimensions; MXNet deforms images only")
    filters, group, channels = split(layer, emit, data)
    parts, taps = layer.attrs.integer("num_deformable_group"), math.prod(where.kernel)
    if parts < 1 or channels % parts:
        emit.refuse(f"{channels} channels cannot be split into {parts} deformable groups; MXNet refuses it too")
    tall, wide = (where.output(axis, size) for axis, size in enumerate(emit.sizes(data, 2)))
    places = _places(layer, emit, where, (parts, taps, tall, wide))
    grid = emit("Transpose", _normalised(emit, places, emit.sizes(data, 2)), perm=(0, 2, 3, 4, 1))
    grid = emit("Reshape", grid, emit.constant([-1, taps * tall, wide, 2], "grid"))
    parted = emit("Reshape", data, emit.constant([-1, channels // parts, *emit.sizes(data, 2)], "parts"))
    mode = "border" if outer_pixels_go_on else "zeros"
    found = emit("GridSample", parted, grid, align_corners=0, mode="bilinear", padding_mode=mode)
    found = emit("Reshape", found, emit.constant([-1, channels // parts, taps, tall, wide], "taps"))
    if outer_pixels_go_on:
        found = emit("Where", _inside(emit, places, emit.sizes(data, 2)), found, number(emit, data, 0, "outside"))
    if has(layer, "mask"):
        share = emit("Reshape", value(layer, emit, "mask"), emit.constant([-1, 1, taps, tall, wide], "share"))
        found = emit("Mul", found, share)
    columns = emit("Reshape", found, emit.constant([-1, channels * taps, tall, wide], "columns"))
    shape = (filters, channels // group, *where.kernel)
    weight = parameter(layer, emit, "weight", shape, view=(filters, channels // group * taps, 1, 1))
    return emit("Conv", columns, weight, *biases(layer, emit, filters), kernel_shape=(1, 1), group=group)


def _places(layer: Layer, emit: Emit, where: Window, sizes: tuple[int, int, int, int]) -> ir.Value:
    """Where the taps lie, in pixels: (batch, parts) x (row, column) x taps x height x width."""
    _, taps, tall, wide = sizes
    offset = emit("Reshape", value(layer, emit, "offset"), emit.constant([-1, taps, 2, tall, wide], "offsets"))
    moved = emit("Transpose", offset, perm=(0, 2, 1, 3, 4))
    starts = [
        np.arange(count) * step - pad for count, step, pad in zip((tall, wide), where.stride, where.pad, strict=True)
    ]
    inner = np.meshgrid(*(np.arange(size) * gap for size, gap in zip(where.kernel, where.dilate, strict=True)),
                        indexing="ij")  # fmt: skip
    rows = np.broadcast_to(inner[0].reshape(-1, 1, 1) + starts[0][:, None], (taps, tall, wide))
    columns = np.broadcast_to(inner[1].reshape(-1, 1, 1) + starts[1], (taps, tall, wide))
    return emit("Add", moved, number(emit, moved, np.stack([rows, columns]), "regular"))


def _normalised(emit: Emit, places: ir.Value, image: tuple[int, ...]) -> ir.Value:
    """Pixels as GridSample counts them: column, row; -1 and 1 are the borders of the image."""
    turned = emit("Gather", places, emit.constant([1, 0], "column_row"), axis=1)
    around = np.array(image[::-1]).reshape(2, 1, 1, 1)
    scaled = emit("Mul", turned, number(emit, places, 2 / around, "scale"))
    return emit("Add", scaled, number(emit, places, 1 / around - 1, "shift"))


def _inside(emit: Emit, places: ir.Value, image: tuple[int, ...]) -> ir.Value:
    """Which taps lie in the image: (batch, parts) x 1 x taps x height x width."""
    ends = number(emit, places, np.array(image).reshape(2, 1, 1, 1), "ends")
    held = emit("And", emit("GreaterOrEqual", places, number(emit, places, 0, "begin")), emit("Less", places, ends))
    marks = emit("Cast", held, to=ir.DataType.FLOAT.value)
    both = emit("ReduceMin", marks, emit.constant([1], "both"), keepdims=1)
    return emit("Cast", both, to=ir.DataType.BOOL.value)


def _draw(parts: int, taps: int, sizes: tuple[int, int], *, weighted: bool) -> Draw:
    """Images of 4 x 7 x 9, offsets of up to three pixels, shares of the taps."""

    def draw(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
        made = [rng.uniform(-1, 1, (batch, 4, 7, 9)), rng.uniform(-3, 3, (batch, 2 * parts * taps, *sizes))]
        return [*made, *([rng.uniform(0, 1, (batch, parts * taps, *sizes))] if weighted else [])]

    return draw


_PLAIN = '"kernel": "(3, 2)", "num_filter": "6", "stride": "(2, 1)", "pad": "(1, 0)"'
_GROUPED = '"kernel": "(2, 3)", "num_filter": "6", "dilate": "(2, 1)", "num_deformable_group": "2", "no_bias": "True"'
_WEIGHTS = ((6, 4, 3, 2), (6,))
NEUTRAL = ("workspace", "layout", "im2col_step")

READ = {
    "_contrib_DeformableConvolution": Read(
        deformable,
        neutral=NEUTRAL,
        samples=(
            Sample("asymmetric", f"{{{_PLAIN}}}", (), _WEIGHTS, draw=_draw(1, 6, (4, 8), weighted=False)),
            Sample("grouped", f'{{{_GROUPED}, "num_group": "2"}}', (), ((6, 2, 2, 3),),
                   draw=_draw(2, 6, (5, 7), weighted=False)),
        ),
    ),
    "_contrib_ModulatedDeformableConvolution": Read(
        modulated,
        neutral=NEUTRAL,
        samples=(
            Sample("asymmetric", f"{{{_PLAIN}}}", (), _WEIGHTS, draw=_draw(1, 6, (4, 8), weighted=True)),
            Sample("grouped", f"{{{_GROUPED}}}", (), ((6, 4, 2, 3),), draw=_draw(2, 6, (5, 7), weighted=True)),
        ),
    ),
}  # fmt: skip
