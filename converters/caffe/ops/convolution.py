"""Convolution: cross-correlation over any number of spatial dimensions; weights [out, in / group, *kernel]."""

from __future__ import annotations

import onnx_ir as ir

from converters.caffe.fillers import fill
from converters.caffe.geometry import convolution_window
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def convolution(layer: Layer, emit: Emit) -> ir.Value | list[ir.Value]:
    """Reads Convolution as Conv; several bottoms share the weights, a top each."""
    return [_one(layer, emit, data) for data in emit.inputs]


def _one(layer: Layer, emit: Emit, data: ir.Value) -> ir.Value:
    attrs = layer.attrs
    if emit.axis(data, attrs.integer("axis")) != 1:
        emit.refuse(f"axis {attrs.integer('axis')}: channels are expected in axis 1")
    window = convolution_window(layer, emit, emit.rank(data) - 2)
    channels, out, group = emit.size(data, 1), attrs.integer("num_output"), attrs.integer("group")
    if group < 1 or channels % group or out % group or out < 1:
        emit.refuse(f"{channels} channels and {out} outputs cannot be split into {group} groups")
    shape = (out, channels // group, *window.kernel)
    weights = [emit.weight(0, shape, role="weight", fill=fill(attrs.record("weight_filler"), shape))]
    if attrs.flag("bias_term"):
        weights.append(emit.weight(1, (out,), role="bias", fill=fill(attrs.record("bias_filler"), (out,))))
    return emit(
        "Conv",
        data,
        *weights,
        kernel_shape=window.kernel,
        strides=window.stride,
        pads=window.pad * 2,
        dilations=window.dilation,
        group=group,
    )


SAMPLES = (
    Sample(
        "asymmetric",
        "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 pad_h: 0 pad_w: 1 }",
        ((2, 3, 9, 7),),
        ((4, 3, 3, 2), (4,)),
    ),
    Sample(
        "grouped without bias",
        "convolution_param { num_output: 6 group: 3 bias_term: false kernel_size: 3 kernel_size: 1 pad: 1 pad: 0 }",
        ((2, 3, 5, 8),),
        ((6, 1, 3, 1),),
    ),
    Sample(
        "dilated",
        "convolution_param { num_output: 2 kernel_size: 2 kernel_size: 3 dilation: 3 dilation: 2 stride: 1 stride: 2 }",
        ((1, 2, 11, 10),),
        ((2, 2, 2, 3), (2,)),
    ),
    Sample(
        "three spatial dimensions",
        "convolution_param { num_output: 2 kernel_size: 1 kernel_size: 2 kernel_size: 3 pad: 0 pad: 1 pad: 2 }",
        ((1, 2, 4, 5, 6),),
        ((2, 2, 1, 2, 3), (2,)),
    ),
    Sample(
        "one spatial dimension",
        "convolution_param { num_output: 2 kernel_size: 3 pad: 1 stride: 2 }",
        ((2, 2, 9),),
        ((2, 2, 3), (2,)),
    ),
)

READ = {"Convolution": Read(convolution, neutral=("engine", "force_nd_im2col", "bias_filler"), samples=SAMPLES)}
