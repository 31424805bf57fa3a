"""What Convolution and Deconvolution share: a window of weights that slides over the spatial dimensions."""

from __future__ import annotations

import onnx_ir as ir

from converters.caffe.fillers import fill
from converters.caffe.geometry import convolution_window, demand_size
from converters.hub.emit import Emit
from converters.hub.layer import Layer


def slide(op: str, layer: Layer, emit: Emit, data: ir.Value, groups: int | None = None) -> ir.Value:
    """One bottom through ONNX's `op`, Conv or ConvTranspose.

    The weights are [out, in / group, *kernel] for Conv, [in, out / group, *kernel] for ConvTranspose; `groups` wins
    over the layer's own number.
    """
    attrs = layer.attrs
    if emit.axis(data, attrs.integer("axis")) != 1:
        emit.refuse(f"axis {attrs.integer('axis')}: channels are expected in axis 1")
    window = convolution_window(layer, emit, emit.rank(data) - 2)
    channels, out, group = emit.size(data, 1), attrs.integer("num_output"), groups or attrs.integer("group")
    if group < 1 or channels % group or out % group or out < 1:
        emit.refuse(f"{channels} channels and {out} outputs cannot be split into {group} groups")
    leading = (out, channels // group) if op == "Conv" else (channels, out // group)
    shape = (*leading, *window.kernel)
    weights = [emit.weight(0, shape, role="weight", fill=fill(attrs.record("weight_filler"), shape))]
    if attrs.flag("bias_term"):
        weights.append(emit.weight(1, (out,), role="bias", fill=fill(attrs.record("bias_filler"), (out,))))
    result = emit(
        op,
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
