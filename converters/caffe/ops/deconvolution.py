"""Deconvolution: the transpose of Convolution; weights [in, out / group, *kernel]."""

from __future__ import annotations

import onnx_ir as ir

from converters.caffe.sliding import slide
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def deconvolution(layer: Layer, emit: Emit) -> ir.Value | list[ir.Value]:
    """Reads Deconvolution as ConvTranspose; the size is stride * (in - 1) + dilated kernel - 2 * pad."""
    return [slide("ConvTranspose", layer, emit, data) for data in emit.inputs]


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
