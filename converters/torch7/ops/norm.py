"""Normalisation: batch statistics, local responses, vectors, neighbourhoods."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    array,
    batched,
    demand_channels,
    numbers,
    only,
    real,
    scalar,
    unbatched,
    whole,
)
from converters.weights import ComputedWeight, Weight


def batch_norm(rank: int) -> Callable[[Layer, Emit], ir.Value]:
    """Reads BatchNormalization with the running statistics.

    Class version 1 keeps running_std = 1 / sqrt(var + eps). An input without a batch gets one of 1, and the output
    keeps it: so does nn.
    """

    def read(layer: Layer, emit: Emit) -> ir.Value:
        value = only(emit)
        data, _ = batched(emit, value, rank)
        channels = emit.size(data, 1)
        eps = real(layer, emit, "eps", 1e-5)
        scale, shift = (_learned(layer, emit, key, channels, start) for key, start in (("weight", 1), ("bias", 0)))
        mean = emit.weight("running_mean", (channels,))
        variance = _variance(layer, emit, channels, eps)
        return emit("BatchNormalization", data, scale, shift, mean, variance, epsilon=eps)

    return read


def _learned(layer: Layer, emit: Emit, key: str, channels: int, start: float) -> ir.Value:
    if key in layer.weights:
        return emit.weight(key, (channels,))
    return emit.constant(np.full(channels, start, np.float32), key)


def _variance(layer: Layer, emit: Emit, channels: int, eps: float) -> ir.Value:
    if "running_std" not in layer.weights or "running_var" in layer.weights:
        return emit.weight("running_var", (channels,))
    inverse = emit.source("running_std", (channels,))

    def compute() -> np.ndarray:
        return inverse.array().astype(np.float64) ** -2 - eps

    return emit.derived(ComputedWeight((channels,), np.dtype("<f4"), compute), "running_var")


def instance_norm(layer: Layer, emit: Emit) -> ir.Value:
    """Reads fast-neural-style's InstanceNormalization: each plane of each image by its own mean and variance."""
    value = only(emit)
    data, added = batched(emit, value, 4)
    channels = emit.size(data, 1)
    weights = [_learned(layer, emit, key, channels, start) for key, start in (("weight", 1), ("bias", 0))]
    return unbatched(
        emit, emit("InstanceNormalization", data, *weights, epsilon=real(layer, emit, "eps", 1e-5)), added=added
    )


def cross_map_lrn(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SpatialCrossMapLRN: x / (k + alpha / size * sum of squares) ^ beta; old cudnn calls k `K`."""
    value = only(emit)
    data, added = batched(emit, value, 4)
    size = whole(layer, emit, "size")
    if size % 2 == 0:
        emit.refuse(f"size {size} is even; nn refuses it too")
    k = real(layer, emit, "k", real(layer, emit, "K", 1))
    alpha, beta = real(layer, emit, "alpha", 1e-4), real(layer, emit, "beta", 0.75)
    return unbatched(emit, emit("LRN", data, size=size, alpha=alpha, beta=beta, bias=k), added=added)


def normalize(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Normalize: x / (sum |x|^p + eps)^(1/p), or x / (max |x| + eps), over the last of one or two dimensions."""
    data = only(emit)
    if emit.rank(data) > 2:
        emit.refuse(f"its input has {emit.rank(data)} dimensions, nn accepts one or two")
    p, eps = real(layer, emit, "p", 2), scalar(emit, real(layer, emit, "eps", 1e-10), "eps")
    axes = emit.constant([-1], "axis")
    magnitude = emit("Abs", data)
    if math.isinf(p):
        return emit("Div", data, emit("Add", emit("ReduceMax", magnitude, axes, keepdims=1), eps))
    powered = emit("Mul", data, data) if p == 2 else emit("Pow", magnitude, scalar(emit, p, "p"))
    total = emit("Add", emit("ReduceSum", powered, axes, keepdims=1), eps)
    return emit("Div", data, emit("Sqrt", total) if p == 2 else emit("Pow", total, scalar(emit, 1 / p, "root")))


def subtractive(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SpatialSubtractiveNormalization: x less the weighted mean of its neighbourhood in all planes."""
    value = only(emit)
    data, added = batched(emit, value, 4)
    return unbatched(emit, _subtract(layer, emit, data), added=added)


def divisive(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SpatialDivisiveNormalization: x over the weighted deviation of its neighbourhood, thresholded."""
    value = only(emit)
    data, added = batched(emit, value, 4)
    return unbatched(emit, _divide(layer, emit, data), added=added)


def contrastive(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SpatialContrastiveNormalization: subtractive, then divisive."""
    value = only(emit)
    data, added = batched(emit, value, 4)
    return unbatched(emit, _divide(layer, emit, _subtract(layer, emit, data)), added=added)


def _subtract(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    kernel = _kernel(layer, emit)
    sums = _neighbourhood(emit, data, kernel, "mean")
    return emit("Sub", data, emit("Div", sums, _coefficients(emit, data, kernel, "mean coefficients")))


def _divide(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    """A 1-D kernel is applied along both dimensions, its sum counted over the root of the planes (nn's own code)."""
    kernel = _kernel(layer, emit, root=True)
    limit = real(layer, emit, "threshold", 1e-4)
    value = real(layer, emit, "thresval", limit)
    squares = _neighbourhood(emit, emit("Mul", data, data), kernel, "deviation")
    deviation = emit("Div", emit("Sqrt", squares), _coefficients(emit, data, kernel, "deviation coefficients"))
    above = emit("Greater", deviation, scalar(emit, limit, "threshold"))
    return emit("Div", data, emit("Where", above, deviation, scalar(emit, value, "thresval")))


def _kernel(layer: Layer, emit: Emit, *, root: bool = False) -> np.ndarray:
    """The 2-D kernel, normalised once more (nn shares and rescales it; the sum decides)."""
    kernel = array(layer, emit, "kernel").astype(np.float64)
    planes = whole(layer, emit, "nInputPlane", 1)
    if kernel.ndim == 1:
        scaled = kernel / (kernel.sum() * (math.sqrt(planes) if root else planes))
        kernel = np.outer(scaled, scaled)
    else:
        kernel = kernel / (kernel.sum() * planes)
    if kernel.ndim != 2 or kernel.shape[0] % 2 == 0 or kernel.shape[1] % 2 == 0:
        emit.refuse(f"its kernel of size {kernel.shape} has no centre")
    demand_channels(emit, emit.inputs[0], planes, emit.rank(emit.inputs[0]) - 3)
    return np.broadcast_to(kernel, (1, planes, *kernel.shape)).astype(np.float32)


def _neighbourhood(emit: Emit, data: ir.Value, kernel: np.ndarray, role: str) -> ir.Value:
    pad = [size // 2 for size in kernel.shape[2:]] * 2
    return emit("Conv", data, emit.constant(kernel, f"{role} kernel"), kernel_shape=kernel.shape[2:], pads=pad)


def _coefficients(emit: Emit, data: ir.Value, kernel: np.ndarray, role: str) -> ir.Value:
    """What an input of ones would give at each place: less than 1 at the borders."""
    high, wide = emit.sizes(data, 2)
    total = kernel.astype(np.float64).sum(axis=(0, 1))
    padded = np.pad(np.ones((high, wide)), [(size // 2, size // 2) for size in total.shape])
    windows = np.lib.stride_tricks.sliding_window_view(padded, total.shape)
    return emit.constant((windows * total).sum(axis=(2, 3)).astype(np.float32)[None, None], role)


def const_diagonal(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ConstAffine and its names of other times: a * x + b per channel."""
    value = only(emit)
    data, added = batched(emit, value, 4)
    keys = ("a", "b") if "a" in layer.attrs else ("weight", "bias")
    scale, shift = (_per_channel(layer, emit, key, emit.size(data, 1)) for key in keys)
    return unbatched(emit, emit("Add", emit("Mul", data, scale), shift), added=added)


def _per_channel(layer: Layer, emit: Emit, key: str, channels: int) -> ir.Value:
    from converters.torch7.reading import tensor
    from converters.weights import reshaped

    found: Weight = numbers(layer, emit, key, (channels,)) if key in layer.weights else tensor(layer, emit, key)
    if math.prod(found.shape) != channels:
        emit.refuse(f"its field {key} has {math.prod(found.shape)} values for {channels} channels")
    return emit.derived(reshaped(found, (channels, 1, 1)), key)


READ = {
    **dict.fromkeys(("nn.BatchNormalization", "cudnn.BatchNormalization"), Read(batch_norm(2))),
    **dict.fromkeys(
        (
            "nn.SpatialBatchNormalization",
            "cudnn.SpatialBatchNormalization",
        ),
        Read(batch_norm(4)),
    ),
    **dict.fromkeys(("nn.VolumetricBatchNormalization", "cudnn.VolumetricBatchNormalization"), Read(batch_norm(5))),
    **dict.fromkeys(
        ("nn.SpatialCrossMapLRN", "cudnn.SpatialCrossMapLRN", "inn.SpatialCrossResponseNormalization"),
        Read(cross_map_lrn),
    ),
    "nn.InstanceNormalization": Read(instance_norm),
    "nn.Normalize": Read(normalize),
    "nn.SpatialSubtractiveNormalization": Read(subtractive),
    "nn.SpatialDivisiveNormalization": Read(divisive),
    "nn.SpatialContrastiveNormalization": Read(contrastive),
    **dict.fromkeys(
        ("inn.ConstAffine", "inn.SpatialConstAffine", "inn.SpatialConstDiagonal", "nn.SpatialConstDiagonal"),
        Read(const_diagonal),
    ),
}
