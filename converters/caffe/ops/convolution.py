"""Convolution: cross-correlation over any number of spatial dimensions; weights [out, in / group, *kernel]."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.caffe.sliding import slide
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample


def convolution(layer: Layer, emit: Emit) -> ir.Value | list[ir.Value]:
    """Reads Convolution as Conv; several bottoms share the weights, a top each."""
    return [slide("Conv", layer, emit, data) for data in emit.inputs]


def depthwise_convolution(layer: Layer, emit: Emit) -> ir.Value | list[ir.Value]:
    """Reads DepthwiseConvolution (and ConvolutionDepthwise) as Conv with a group a channel, `group` set or not."""
    group = layer.attrs.integer("group")
    for data in emit.inputs:
        if "group" in layer.attrs.explicit and group != emit.size(data, 1):
            emit.refuse(f"group {group} is not the number of channels, {emit.size(data, 1)}")
    return [slide("Conv", layer, emit, data, emit.size(data, 1)) for data in emit.inputs]


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

_DEPTHWISE = (
    Sample(
        "plain",
        "convolution_param { num_output: 3 group: 3 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 pad_w: 1 }",
        ((2, 3, 9, 7),),
        ((3, 1, 3, 2), (3,)),
        formula=lambda x, w: _each_channel(x[0], w[0], w[1]),
        judge=FORMULA,
    ),
    Sample(
        "group left out",
        "convolution_param { num_output: 3 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 pad_w: 1 }",
        ((2, 3, 9, 7),),
        ((3, 1, 3, 2), (3,)),
        formula=lambda x, w: _each_channel(x[0], w[0], w[1]),
        judge=FORMULA,
    ),
)


def _each_channel(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Each channel by its own kernel: strides 2 and 1, one column of zeros on either side, written out."""
    padded = np.pad(x, ((0, 0), (0, 0), (0, 0), (1, 1)))
    result = np.zeros((*x.shape[:2], 4, 8))
    for row, column in np.ndindex(4, 8):
        patch = padded[:, :, 2 * row : 2 * row + 3, column : column + 2]
        result[:, :, row, column] = (patch * kernel[:, 0]).sum((2, 3)) + bias
    return result


def _with_holes(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Kernel 3 by 2, whose rows lie 2 and columns 3 apart, over two rows of zeros above and below."""
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (0, 0)))
    result = np.zeros((len(x), len(kernel), x.shape[2], x.shape[3] - 3))
    for row, column in np.ndindex(*result.shape[2:]):
        patch = padded[:, :, row : row + 5 : 2, column : column + 4 : 3]
        result[:, :, row, column] = np.einsum("ncij,ocij->no", patch, kernel) + bias
    return result


def _four_pads(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """One input channel, kernel 3 by 3: a row of zeros above, two below, a column on the right."""
    padded = np.pad(x[:, 0], ((0, 0), (1, 2), (0, 1)))
    result = np.zeros((len(x), 2, 5, 4))
    for row, column in np.ndindex(5, 4):
        patch = padded[:, row : row + 3, column : column + 3]
        result[:, :, row, column] = np.einsum("nij,oij->no", patch, kernel[:, 0]) + bias
    return result


_NEUTRAL = ("engine", "force_nd_im2col", "bias_filler")

READ = {
    "Convolution": Read(
        convolution,
        neutral=_NEUTRAL,
        samples=(
            *SAMPLES,
            Sample(
                "four pads",
                "convolution_param { num_output: 2 kernel_size: 3 pad_t: 1 pad_b: 2 pad_l: 0 pad_r: 1 }",
                ((1, 1, 4, 5),),
                ((2, 1, 3, 3), (2,)),
                formula=lambda x, w: _four_pads(x[0], w[0], w[1]),
                judge=FORMULA,
            ),
            Sample(
                "holes of DeepLab",
                "convolution_param { num_output: 2 kernel_h: 3 kernel_w: 2 pad_h: 2 pad_w: 0 hole_h: 2 hole_w: 3 }",
                ((2, 3, 5, 7),),
                ((2, 3, 3, 2), (2,)),
                formula=lambda x, w: _with_holes(x[0], w[0], w[1]),
                judge=FORMULA,
            ),
        ),
    ),
    "DepthwiseConvolution": Read(depthwise_convolution, neutral=_NEUTRAL, samples=_DEPTHWISE),
    "ConvolutionDepthwise": Read(depthwise_convolution, neutral=_NEUTRAL, samples=_DEPTHWISE),
}
