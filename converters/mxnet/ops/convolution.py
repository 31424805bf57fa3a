"""Convolution over one, two or three spatial axes, grouped and dilated."""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.geometry import demand_channels_first, window
from converters.mxnet.operands import has, parameter, value

TUNING = ("workspace", "cudnn_tune", "cudnn_off", "layout")


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


def convolution(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Convolution as Conv; weights lie as filters x channels/group x kernel in both."""
    data = value(layer, emit, "data")
    demand_channels_first(layer, emit)
    where = window(layer, emit, emit.rank(data) - 2)
    filters, group, channels = split(layer, emit, data)
    weight = parameter(layer, emit, "weight", (filters, channels // group, *where.kernel))
    operands = [weight, *biases(layer, emit, filters)]
    return emit(
        "Conv",
        data,
        *operands,
        kernel_shape=where.kernel,
        strides=where.stride,
        pads=where.pad * 2,
        dilations=where.dilate,
        group=group,
    )


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

READ = {"Convolution": Read(convolution, neutral=TUNING, samples=SAMPLES)}
