"""Deconvolution: the transpose of a convolution, with adj or target_shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample
from converters.mxnet.geometry import Window, channels_last, to_back, to_front, window
from converters.mxnet.operands import value
from converters.mxnet.ops.convolution import TUNING, biases, kernels, split


def deconvolution(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Deconvolution as ConvTranspose; weights lie as channels x filters/group x kernel in both."""
    data = value(layer, emit, "data")
    last = channels_last(layer, emit, emit.rank(data))
    data = to_front(emit, data) if last else data
    where = window(layer, emit, emit.rank(data) - 2)
    filters, group, channels = split(layer, emit, data)
    weight = kernels(layer, emit, (channels, filters // group, *where.kernel), last=last)
    operands = [weight, *biases(layer, emit, filters)]
    begins, adjusts = _borders(layer, emit, data, where)
    short = [adjust if begin < adjust else 0 for begin, adjust in zip(begins, adjusts, strict=True)]
    ends = [begin - adjust + more for begin, adjust, more in zip(begins, adjusts, short, strict=True)]
    made = emit(
        "ConvTranspose",
        data,
        *operands,
        kernel_shape=where.kernel,
        strides=where.stride,
        pads=(*begins, *ends),
        dilations=where.dilate,
        output_padding=short,
        group=group,
    )
    return to_back(emit, made) if last else made


def _borders(layer: Layer, emit: Emit, data: ir.Value, where: Window) -> tuple[Sequence[int], Sequence[int]]:
    """What is cut off in front of each axis, and by how much less at its end (deconvolution-inl.h, InferPad)."""
    target = layer.attrs.integers("target_shape")
    adjusts = layer.attrs.integers("adj") or (0,) * len(where.kernel)
    if not any(target):
        if len(adjusts) != len(where.kernel):
            emit.refuse(f"adj {list(adjusts)} for {len(where.kernel)} spatial dimensions; MXNet refuses it too")
        return where.pad, adjusts
    excess = []
    for axis, size in enumerate(emit.sizes(data, 2)):
        kernel = where.dilate[axis] * (where.kernel[axis] - 1) + 1
        over = where.stride[axis] * (size - 1) + kernel - (target[axis] if axis < len(target) else -1)
        if over < 0 or len(target) != len(where.kernel):
            emit.refuse(f"target_shape {list(target)} cannot be reached; MXNet refuses it too")
        excess.append(over)
    return [(over + 1) // 2 for over in excess], [over % 2 for over in excess]


def _to_target(x: Sequence[np.ndarray], w: Sequence[np.ndarray]) -> np.ndarray:
    """Every value times the kernel, added up at twice its place; the ten rows and seven columns after the first."""
    batch, _, height, width = x[0].shape
    whole = np.zeros((batch, 2, 2 * height + 2, 2 * width + 1))
    for row in range(height):
        for column in range(width):
            patch = np.einsum("nc,cokl->nokl", x[0][:, :, row, column], w[0])
            whole[:, :, 2 * row : 2 * row + 4, 2 * column : 2 * column + 3] += patch
    return whole[:, :, 1:11, 1:8]


SAMPLES = (
    Sample(
        "asymmetric",
        '{"kernel": "(4, 3)", "num_filter": "3", "stride": "(2, 3)", "pad": "(1, 0)"}',
        ((2, 2, 5, 4),),
        ((2, 3, 4, 3),),
    ),
    Sample(
        "adjusted, with bias",
        '{"kernel": "(3, 3)", "num_filter": "3", "stride": "(2, 3)", "pad": "(1, 0)", "adj": "(1, 2)", "no_bias": "0"}',
        ((2, 2, 5, 4),),
        ((2, 3, 3, 3), (3,)),
    ),
    Sample(
        "target shape",
        '{"kernel": "(4, 3)", "num_filter": "2", "stride": "(2, 2)", "target_shape": "(10, 7)"}',
        ((2, 2, 5, 4),),
        ((2, 2, 4, 3),),
        formula=_to_target,
        judge=FORMULA,  # oneDNN makes no descriptor for it
    ),
    Sample(
        "target shape, channels last",
        '{"kernel": "(4, 3)", "num_filter": "2", "stride": "(2, 2)", "target_shape": "(10, 7)", "layout": "NHWC"}',
        ((2, 5, 4, 2),),
        ((2, 4, 3, 2),),
        formula=lambda x, w: _to_target([x[0].transpose(0, 3, 1, 2)], [w[0].transpose(0, 3, 1, 2)]).transpose(
            0, 2, 3, 1
        ),
        judge=FORMULA,  # oneDNN makes no descriptor for it
    ),
    Sample(
        "grouped",
        '{"kernel": "(4, 4)", "num_filter": "4", "stride": "(2, 2)", "pad": "(1, 1)", "num_group": "2"}',
        ((2, 4, 5, 4),),
        ((4, 2, 4, 4),),
    ),
    Sample(
        "one axis", '{"kernel": "(4,)", "num_filter": "3", "stride": "(2,)", "pad": "(1,)"}', ((2, 2, 5),), ((2, 3, 4),)
    ),
)

READ = {"Deconvolution": Read(deconvolution, neutral=(*TUNING, "pad", "adj"), samples=SAMPLES)}
