"""Larger images: upsampling, and unpooling to where the maxima were."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    batched,
    both,
    only,
    unbatched,
    whole,
)
from converters.torch7.windows import Window, pooled


def nearest(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SpatialUpSamplingNearest: each value `scale_factor` times in both dimensions."""
    value = only(emit)
    data, added = batched(emit, value, 4)
    return unbatched(emit, _nearest(layer, emit, data), added=added)


def _nearest(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    factor = whole(layer, emit, "scale_factor")
    scales = [1.0, 1.0, *[float(factor)] * (emit.rank(data) - 2)]
    return emit(
        "Resize",
        data,
        None,
        emit.constant(scales, "scales"),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def bilinear(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SpatialUpSamplingBilinear: to a factor or to oheight x owidth, corner values kept (align_corners)."""
    value = only(emit)
    data, added = batched(emit, value, 4)
    return unbatched(emit, _linear(layer, emit, data), added=added)


def _linear(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    names = ("odepth", "oheight", "owidth")[-(emit.rank(data) - 2) :]
    if "scale_factor" in layer.attrs:
        scales = [1.0, 1.0, *[float(whole(layer, emit, "scale_factor"))] * (emit.rank(data) - 2)]
        scaled = emit.constant(scales, "scales")
        return emit("Resize", data, None, scaled, mode="linear", coordinate_transformation_mode="align_corners")
    sizes = [whole(layer, emit, name) for name in names]
    leading = emit.shape(data)[:2]
    fixed = [dim for dim in leading if isinstance(dim, int)]
    if len(fixed) == 2:
        target = emit.constant([*fixed, *sizes], "sizes")
    else:
        target = emit("Concat", emit("Shape", data, start=0, end=2), emit.constant(sizes, "sizes"), axis=0)
    return emit("Resize", data, None, None, target, mode="linear", coordinate_transformation_mode="align_corners")


def upsampling(layer: Layer, emit: Emit) -> ir.Value:
    """Reads UpSampling over images and volumes, `mode` nearest or linear."""
    data = only(emit)
    mode = layer.attrs.get("mode", "nearest")
    if mode not in ("nearest", "linear"):
        emit.refuse(f"its mode is {mode}")
    return _nearest(layer, emit, data) if mode == "nearest" else _linear(layer, emit, data)


def unpooling(letters: str) -> Callable[[Layer, Emit], ir.Value]:
    """Reads max unpooling: the pooling that it belongs to is run again for the places of its maxima."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        value, source = both(emit)
        data, added = batched(emit, value, len(letters) + 2)
        pooled_from, _ = batched(emit, source, len(letters) + 2)
        kernel, stride, pad = (
            tuple(whole(layer, emit, f"pooling_{prefix}{letter}", default) for letter in letters)
            for prefix, default in (("k", None), ("d", 1), ("pad", 0))
        )
        shape = Window(kernel, stride, pad, (1,) * len(letters))
        ceil = layer.attrs.get("pooling_ceil_mode") is True
        size = pooled(layer, emit, shape, emit.sizes(pooled_from, 2), ceil=ceil)
        if size.outside or any(end >= width for end, width in zip(size.end, kernel, strict=True)):
            emit.refuse("its pooling has windows wholly outside the input")
        _, places = emit.several(2, "MaxPool", pooled_from, kernel_shape=kernel, strides=stride, pads=[*pad, *size.end])
        result = _scatter(emit, data, places, pooled_from)
        return unbatched(emit, result, added=added)

    return read


def _scatter(emit: Emit, data: ir.Value, places: ir.Value, like: ir.Value) -> ir.Value:
    """Zeros in the shape of the pooling's input, the values at the places (counted over the whole input)."""
    shape = emit("Shape", like)
    flat = emit.constant([-1], "flat")
    zeros = emit("Mul", emit("Reshape", like, flat), emit.constant([0.0], "zero"))
    filled = emit("ScatterElements", zeros, emit("Reshape", places, flat), emit("Reshape", data, flat), axis=0)
    full = emit("Reshape", filled, shape)
    return emit.unflatten(full, emit.shape(like)) if None in emit.shape(full) else full


READ = {
    "nn.SpatialUpSamplingNearest": Read(nearest),
    "nn.SpatialUpSamplingBilinear": Read(bilinear),
    "nn.UpSampling": Read(upsampling),
    "nn.SpatialMaxUnpooling": Read(unpooling("HW")),
    "nn.VolumetricMaxUnpooling": Read(unpooling("THW")),
}
