"""Deconvolution: the transpose of Convolution; weights [in, out / group, *kernel]."""

from __future__ import annotations

import onnx_ir as ir

from converters.caffe.fillers import fill
from converters.caffe.geometry import convolution_window, demand_size
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def deconvolution(layer: Layer, emit: Emit) -> ir.Value | list[ir.Value]:
    """Reads Deconvolution as ConvTranspose; the size is stride * (in - 1) + dilated kernel - 2 * pad."""
    return [_one(layer, emit, data) for data in emit.inputs]


def _one(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    attrs = layer.attrs
    if emit.axis(data, attrs.integer("axis")) != 1:
        emit.refuse(f"axis {attrs.integer('axis')}: channels are expected in axis 1")
    window = convolution_window(layer, emit, emit.rank(data) - 2)
    channels, out, group = emit.size(data, 1), attrs.integer("num_output"), attrs.integer("group")
    if group < 1 or channels % group or out % group or out < 1:
        emit.refuse(f"{channels} channels and {out} outputs cannot be split into {group} groups")
    shape = (channels, out // group, *window.kernel)
    weights = [emit.weight(0, shape, role="weight", fill=fill(attrs.record("weight_filler"), shape))]
    if attrs.flag("bias_term"):
        weights.append(emit.weight(1, (out,), role="bias", fill=fill(attrs.record("bias_filler"), (out,))))
    result = emit(
        "ConvTranspose",
        data,
        *weights,
        kernel_shape=window.kernel,
        strides=window.stride,
        pads=(*window.pad, *window.end),
        dilations=window.dilation,
        group=group,
    )
    demand_size(emit, data, result)
    return result


SAMPLES = (
    Sample(
        "asymmetric",
        "convolution_param { num_output: 3 kernel_h: 4 kernel_w: 3 stride_h: 2 stride_w: 3 pad_h: 1 pad_w: 0 }",
        ((2, 2, 5, 4),),
        ((2, 3, 4, 3), (3,)),
    ),
    Sample(
        "grouped bilinear upsampling",
        "convolution_param { num_output: 3 group: 3 bias_term: false kernel_size: 4 stride: 2 pad: 1 "
        'weight_filler { type: "bilinear" } }',
        ((1, 3, 5, 4),),
        ((3, 1, 4, 4),),
    ),
    Sample(
        "dilated",
        "convolution_param { num_output: 2 kernel_size: 2 kernel_size: 3 dilation: 2 dilation: 1 stride: 1 stride: 2 }",
        ((1, 2, 4, 3),),
        ((2, 2, 2, 3), (2,)),
    ),
)

READ = {"Deconvolution": Read(deconvolution, neutral=("engine", "force_nd_im2col", "bias_filler"), samples=SAMPLES)}
