"""Convolutions: cross-correlation, weights [out, in / groups, *kernel], with or without a batch."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    batched,
    demand_channels,
    flag,
    only,
    optional,
    parameter,
    stored_shape,
    unbatched,
    whole,
)
from converters.torch7.windows import Window, window


def convolution(letters: str) -> Callable[[Layer, Emit], ir.Value]:
    """Reads the convolutions whose spatial fields end in `letters` (HW, THW) as Conv.

    Old SpatialConvolution has one field `padding` and a weight [out, in * kH * kW], as SpatialConvolutionMM always has.
    """

    def read(layer: Layer, emit: Emit) -> ir.Value:
        value = only(emit)
        data, added = batched(emit, value, len(letters) + 2)
        shape = window(layer, emit, letters)
        planes, out = whole(layer, emit, "nInputPlane"), whole(layer, emit, "nOutputPlane")
        groups = whole(layer, emit, "groups", 1)
        demand_channels(emit, data, planes)
        if groups < 1 or planes % groups or out % groups or out < 1:
            emit.refuse(f"{planes} input and {out} output planes cannot be split into {groups} groups")
        weights = [parameter(layer, emit, "weight", (out, planes // groups, *shape.kernel))]
        bias = optional(layer, emit, "bias", (out,))
        return unbatched(emit, _conv(emit, data, [*weights, bias], shape, groups), added=added)

    return read


def _conv(emit: Emit, data: ir.Value, weights: list[ir.Value | None], shape: Window, groups: int) -> ir.Value:
    inputs = [data, *(weight for weight in weights if weight is not None)]
    return emit(
        "Conv",
        *inputs,
        kernel_shape=shape.kernel,
        strides=shape.stride,
        pads=shape.pad * 2,
        dilations=shape.dilation,
        group=groups,
    )


def temporal_convolution(letter: str) -> Callable[[Layer, Emit], ir.Value]:
    """Reads TemporalConvolution as Conv over [batch, time, features]; weight [out, kW * in], time outside.

    cudnn's is a convolution of an image one plane deep: its time is H, its kW the size of a frame, and it may pad.
    """

    def read(layer: Layer, emit: Emit) -> ir.Value:
        width, step = whole(layer, emit, f"k{letter}"), whole(layer, emit, f"d{letter}", 1)
        pad = whole(layer, emit, "padH", 0) if letter == "H" else 0
        return _temporal(layer, emit, Window((width,), (step,), (pad,), (1,)))

    return read


def _temporal(layer: Layer, emit: Emit, window: Window) -> ir.Value:
    value = only(emit)
    data, added = batched(emit, value, 3)
    features, out = whole(layer, emit, "inputFrameSize"), whole(layer, emit, "outputFrameSize")
    (width,) = window.kernel
    demand_channels(emit, data, features, 2)
    weight = parameter(layer, emit, "weight", (out, width, features))
    kernel = emit("Transpose", weight, perm=(0, 2, 1))
    bias = optional(layer, emit, "bias", (out,))
    turned = emit("Transpose", data, perm=(0, 2, 1))
    result = _conv(emit, turned, [kernel, bias], window, 1)
    return unbatched(emit, emit("Transpose", result, perm=(0, 2, 1)), added=added)


def temporal_row_convolution(layer: Layer, emit: Emit) -> ir.Value:
    """Reads TemporalRowConvolution as a depthwise Conv over time; padW is never used (nn passes 0)."""
    value = only(emit)
    data, added = batched(emit, value, 3)
    features = whole(layer, emit, "inputFrameSize")
    width, step = whole(layer, emit, "kW"), whole(layer, emit, "dW", 1)
    first = flag(layer, "featFirst")
    demand_channels(emit, data, features, 1 if first else 2)
    turned = data if first else emit("Transpose", data, perm=(0, 2, 1))
    weights = [parameter(layer, emit, "weight", (features, 1, width)), optional(layer, emit, "bias", (features,))]
    result = _conv(emit, turned, weights, Window((width,), (step,), (0,), (1,)), features)
    return unbatched(emit, result if first else emit("Transpose", result, perm=(0, 2, 1)), added=added)


def depthwise_convolution(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SpatialDepthWiseConvolution as a grouped Conv; weight [multiplier, in, kH, kW], channels in-major."""
    value = only(emit)
    data, added = batched(emit, value, 4)
    shape = window(layer, emit, "HW")
    planes, multiplier = whole(layer, emit, "nInputPlane"), whole(layer, emit, "nOutputPlane")
    demand_channels(emit, data, planes)
    stored = parameter(layer, emit, "weight", (multiplier, planes, *shape.kernel))
    turned = emit("Transpose", stored, perm=(1, 0, 2, 3))
    weights: list[ir.Value | None] = [emit.reshape(turned, (planes * multiplier, 1, *shape.kernel))]
    if "bias" in layer.weights:
        bias = emit("Transpose", parameter(layer, emit, "bias", (multiplier, planes)), perm=(1, 0))
        weights.append(emit.reshape(bias, (planes * multiplier,)))
    height, width = emit.shape(data)[2:]
    if height != width:
        emit.refuse("its input is not square; the code of nn itself mixes up height and width then")
    return unbatched(emit, _conv(emit, data, weights, shape, planes), added=added)


def full_convolution(letters: str) -> Callable[[Layer, Emit], ir.Value]:
    """Reads transposed convolutions as ConvTranspose; weight [in, out / groups, *kernel].

    A table {x, reference} takes the output's size from the reference: adj = (size + 2 pad - kernel) mod stride.
    """

    def read(layer: Layer, emit: Emit) -> ir.Value:
        value, *reference = emit.inputs
        data, added = batched(emit, value, len(letters) + 2)
        shape = window(layer, emit, letters)
        planes, out = whole(layer, emit, "nInputPlane"), whole(layer, emit, "nOutputPlane")
        groups = whole(layer, emit, "groups", 1)
        demand_channels(emit, data, planes)
        if groups < 1 or planes % groups or out % groups:
            emit.refuse(f"{planes} input and {out} output planes cannot be split into {groups} groups")
        adjust = tuple(whole(layer, emit, f"adj{letter}", 0) for letter in letters)
        if reference:
            sizes = emit.sizes(reference[0], emit.rank(reference[0]) - len(letters))
            adjust = tuple(
                (size + 2 * pad - kernel) % stride
                for size, pad, kernel, stride in zip(sizes, shape.pad, shape.kernel, shape.stride, strict=True)
            )
        inputs = [data, parameter(layer, emit, "weight", (planes, out // groups, *shape.kernel))]
        inputs += [bias for bias in (optional(layer, emit, "bias", (out,)),) if bias is not None]
        result = emit(
            "ConvTranspose",
            *inputs,
            kernel_shape=shape.kernel,
            strides=shape.stride,
            pads=shape.pad * 2,
            output_padding=adjust,
            dilations=shape.dilation,
            group=groups,
        )
        return unbatched(emit, result, added=added)

    return read


def shuffle(layer: Layer, emit: Emit) -> ir.Value:
    """Reads PixelShuffle as DepthToSpace with the channel outermost (CRD)."""
    value = only(emit)
    data, added = batched(emit, value, 4)
    block = whole(layer, emit, "upscaleFactor")
    return unbatched(emit, emit("DepthToSpace", data, blocksize=block, mode="CRD"), added=added)


def local_convolution(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SpatialConvolutionLocal, whose weight [oH, oW, out, in, kH, kW] differs at each place.

    Patches are cut out by a Conv with a one-hot kernel, then multiplied place by place.
    """
    import numpy as np

    value = only(emit)
    data, added = batched(emit, value, 4)
    shape = window(layer, emit, "HW")
    planes, out = whole(layer, emit, "nInputPlane"), whole(layer, emit, "nOutputPlane")
    high, wide = whole(layer, emit, "oH"), whole(layer, emit, "oW")
    demand_channels(emit, data, planes)
    patch = planes * shape.kernel[0] * shape.kernel[1]
    if not 0 < patch <= 4096:
        emit.refuse(f"its patches have {patch} values; up to 4096 are unrolled")
    cut = emit.constant(np.eye(patch, dtype=np.float32).reshape(patch, planes, *shape.kernel), "patches")
    patches = _conv(emit, data, [cut], shape, 1)
    if emit.sizes(patches, 2) != (high, wide):
        emit.refuse(f"its input gives {emit.sizes(patches, 2)} places, its weight has {(high, wide)}")
    places = high * wide
    rows = emit("Transpose", emit.reshape(patches, (emit.shape(data)[0], patch, places)), perm=(2, 0, 1))
    kernels = emit("Transpose", _local_weight(layer, emit, places, out, patch), perm=(0, 2, 1))
    products = emit("Transpose", emit("MatMul", rows, kernels), perm=(1, 2, 0))
    result = emit.reshape(products, (emit.shape(data)[0], out, high, wide))
    bias = optional(layer, emit, "bias", (out, high, wide))
    return unbatched(emit, result if bias is None else emit("Add", result, bias), added=added)


def _local_weight(layer: Layer, emit: Emit, places: int, out: int, patch: int) -> ir.Value:
    return emit.weight("weight", stored_shape(layer, emit, "weight"), view=(places, out, patch))


READ = {
    **dict.fromkeys(
        ("nn.SpatialConvolution", "nn.SpatialConvolutionMM", "nn.SpatialDilatedConvolution",
         "cudnn.SpatialConvolution", "nn.SpatialConvolutionCuFFT"),
        Read(convolution("HW")),
    ),
    **dict.fromkeys(
        ("nn.VolumetricConvolution", "nn.VolumetricDilatedConvolution", "nn.VolumetricConvolutionMM",
         "cudnn.VolumetricConvolution"),
        Read(convolution("THW")),
    ),
    **dict.fromkeys(("nn.SpatialFullConvolution", "cudnn.SpatialFullConvolution"), Read(full_convolution("HW"))),
    **dict.fromkeys(
        ("nn.VolumetricFullConvolution", "cudnn.VolumetricFullConvolution"), Read(full_convolution("THW"))
    ),
    **dict.fromkeys(("nn.TemporalConvolution", "nn.TemporalConvolutionFB"), Read(temporal_convolution("W"))),
    "cudnn.TemporalConvolution": Read(temporal_convolution("H")),
    "nn.TemporalRowConvolution": Read(temporal_row_convolution),
    "nn.SpatialDepthWiseConvolution": Read(depthwise_convolution),
    "nn.SpatialConvolutionLocal": Read(local_convolution),
    "nn.PixelShuffle": Read(shuffle),
}  # fmt: skip
