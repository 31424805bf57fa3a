"""Convolution over one, two or three spatial axes, grouped and dilated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample
from converters.mxnet.geometry import channels_last, to_back, to_front, window
from converters.mxnet.operands import computed, has, parameter, stored, value
from converters.weights import ComputedWeight

TUNING = ("workspace", "cudnn_tune", "cudnn_off")


def split(layer: Layer, emit: Emit, data: ir.Value) -> tuple[int, int, int]:
    """Filters, groups and channels; refuses groups that do not divide the two others."""
    filters, group = layer.attrs.integer("num_filter"), layer.attrs.integer("num_group")
    channels = emit.size(data, 1)
    if group < 1 or filters < 1 or channels % group or filters % group:
        emit.refuse(f"{channels} channels and {filters} filters cannot be split into {group} groups")
    return filters, group, channels


def biases(layer: Layer, emit: Emit, filters: int) -> list[ir.Value]:
    """The bias, one number a filter, where the layer has one."""
    if layer.attrs.flag("no_bias") and not has(layer, "bias"):
        return []
    return [parameter(layer, emit, "bias", (filters,))]


def kernels(layer: Layer, emit: Emit, shape: tuple[int, ...], *, last: bool) -> ir.Value:
    """The weight of this shape; with channels last a file holds the second axis behind all others."""
    if not last:
        return parameter(layer, emit, "weight", shape)
    held = (shape[0], *shape[2:], shape[1])
    if computed(layer, emit, "weight"):
        return to_front(emit, parameter(layer, emit, "weight", held))
    weight = stored(layer, emit, "weight", held)
    order = (0, len(shape) - 1, *range(1, len(shape) - 1))
    turned = ComputedWeight(shape, weight.dtype, lambda: np.ascontiguousarray(weight.array().transpose(order)))
    return emit.derived(turned, "weight")


def convolution(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Convolution as Conv; weights lie as filters x channels/group x kernel in both.

    With channels last (NHWC), which MXNet computes on GPUs only, data and weights are turned.
    """
    data = value(layer, emit, "data")
    last = channels_last(layer, emit, emit.rank(data))
    data = to_front(emit, data) if last else data
    where = window(layer, emit, emit.rank(data) - 2)
    filters, group, channels = split(layer, emit, data)
    weight = kernels(layer, emit, (filters, channels // group, *where.kernel), last=last)
    operands = [weight, *biases(layer, emit, filters)]
    made = emit(
        "Conv",
        data,
        *operands,
        kernel_shape=where.kernel,
        strides=where.stride,
        pads=where.pad * 2,
        dilations=where.dilate,
        group=group,
    )
    return to_back(emit, made) if last else made


def _correlated(x: Sequence[np.ndarray], w: Sequence[np.ndarray]) -> np.ndarray:
    """Kernels of 3 x 2 over steps of 2 and 1, images padded by 1 above and below, channels last."""
    data = np.pad(x[0], ((0, 0), (1, 1), (0, 0), (0, 0)))
    weight, bias = w
    rows, columns = (data.shape[1] - 3) // 2 + 1, data.shape[2] - 1
    out = np.zeros((len(data), rows, columns, len(weight)))
    for row in range(rows):
        for column in range(columns):
            patch = data[:, 2 * row : 2 * row + 3, column : column + 2]
            out[:, row, column] = np.einsum("nhwc,fhwc->nf", patch, weight) + bias
    return out


SAMPLES = (
    Sample(
        "asymmetric",
        '{"kernel": "(3, 2)", "num_filter": "4", "stride": "(2, 1)", "pad": "(1, 0)"}',
        ((2, 3, 7, 6),),
        ((4, 3, 3, 2), (4,)),
    ),
    Sample(
        "grouped, dilated, without bias",
        '{"kernel": "(3, 2)", "num_filter": "6", "num_group": "2", "dilate": "(1, 2)", "no_bias": "True"}',
        ((2, 4, 7, 6),),
        ((6, 2, 3, 2),),
    ),
    Sample(
        "channels last",
        '{"kernel": "(3, 2)", "num_filter": "4", "stride": "(2, 1)", "pad": "(1, 0)", "layout": "NHWC"}',
        ((2, 7, 6, 3),),
        ((4, 3, 2, 3), (4,)),
        formula=_correlated,
        judge=FORMULA,  # oneDNN makes no descriptor for it
    ),
    Sample("depthwise", '{"kernel": "(3, 3)", "num_filter": "4", "num_group": "4", "no_bias": "1"}', ((2, 4, 7, 6),),
           ((4, 1, 3, 3),)),
    Sample("one axis", '{"kernel": "(3,)", "num_filter": "4", "stride": "(2,)", "pad": "(1,)"}', ((2, 3, 7),),
           ((4, 3, 3), (4,))),
    Sample(
        "three axes",
        '{"kernel": "(2, 3, 1)", "num_filter": "2", "stride": "(1, 2, 1)", "pad": "(0, 1, 0)"}',
        ((2, 3, 4, 6, 5),),
        ((2, 3, 2, 3, 1), (2,)),
    ),
)  # fmt: skip

READ = {
    "Convolution": Read(convolution, neutral=TUNING, samples=SAMPLES),
    "Convolution_v1": Read(convolution, neutral=TUNING, samples=(SAMPLES[0], SAMPLES[3])),
}
