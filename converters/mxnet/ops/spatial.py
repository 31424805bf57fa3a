"""Sampling at computed places: GridGenerator, BilinearSampler, SpatialTransformer."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import number, value


def grid_generator(layer: Layer, emit: Emit) -> ir.Value:
    """Reads GridGenerator: places from -1 to 1, moved by an affine matrix or by a flow in pixels."""
    data = value(layer, emit, "data")
    if layer.attrs.text("transform_type") == "affine":
        return _affine(layer, emit, data)
    height, width = emit.sizes(data, 2)
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)))
    half = np.array([(width - 1) / 2, (height - 1) / 2]).reshape(2, 1, 1)
    moved = emit("Div", emit("Add", data, number(emit, data, pixels, "pixels")), number(emit, data, half, "half"))
    return emit("Sub", moved, number(emit, data, 1, "one"))


def _affine(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    """The matrix (batch x 6) times x, y, 1 of each place: batch x 2 x height x width."""
    height, width = layer.attrs.integers("target_shape")
    if min(height, width) < 2:
        emit.refuse(f"target_shape {[height, width]}: its places are no numbers in MXNet either")
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    places = np.stack([across.ravel(), down.ravel(), np.ones(height * width)])
    matrix = emit.reshape(data, (emit.shape(data)[0], 2, 3))
    product = emit("MatMul", matrix, number(emit, data, places, "places"))
    return emit.unflatten(product, (emit.shape(data)[0], 2, height, width))


def bilinear_sampler(layer: Layer, emit: Emit) -> ir.Value:
    """Reads BilinearSampler as GridSample: -1 and 1 are the centres of the outer pixels, outside is 0."""
    return _sampled(emit, value(layer, emit, "data"), value(layer, emit, "grid"))


def spatial_transformer(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SpatialTransformer as an affine grid and a sampling of it."""
    return _sampled(emit, value(layer, emit, "data"), _affine(layer, emit, value(layer, emit, "loc")))


def _sampled(emit: Emit, data: ir.Value, grid: ir.Value) -> ir.Value:
    places = emit("Transpose", grid, perm=(0, 2, 3, 1))
    return emit("GridSample", data, places, align_corners=1, mode="bilinear", padding_mode="zeros")


_SIZE = '"transform_type": "affine", "target_shape": "(4, 5)"'

READ = {
    "GridGenerator": Read(
        grid_generator,
        samples=(
            Sample("affine", f"{{{_SIZE}}}", ((2, 6),)),
            Sample("warp", '{"transform_type": "warp"}', ((2, 2, 4, 5),)),
        ),
    ),
    "BilinearSampler": Read(
        bilinear_sampler,
        neutral=("cudnn_off",),
        samples=(Sample("places in and out", "{}", ((2, 3, 6, 7), (2, 2, 4, 5)), values=(-1.3, 1.3)),),
    ),
    "SpatialTransformer": Read(
        spatial_transformer,
        neutral=("cudnn_off", "sampler_type", "transform_type"),
        samples=(
            Sample("affine", f'{{{_SIZE}, "sampler_type": "bilinear"}}', ((2, 3, 6, 7), (2, 6)), values=(-0.9, 0.9)),
        ),
    ),
}
