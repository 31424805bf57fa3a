"""Im2col and SPP: windows laid out as channels, and a pyramid of poolings."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from converters.caffe.geometry import Window, convolution_window
from converters.caffe.ops.pooling import pool
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def im2col(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Im2col as a Conv whose kernels pick one place of the window each: [N, C * places, *out]."""
    (data,) = emit.inputs
    if emit.axis(data, layer.attrs.integer("axis")) != 1:
        emit.refuse(f"axis {layer.attrs.integer('axis')}: channels are expected in axis 1")
    window = convolution_window(layer, emit, emit.rank(data) - 2)
    channels, places = emit.size(data, 1), math.prod(window.kernel)
    kernels = np.tile(np.eye(places, dtype=np.float32), (channels, 1)).reshape(channels * places, 1, *window.kernel)
    return emit(
        "Conv",
        data,
        emit.constant(kernels, "places"),
        kernel_shape=window.kernel,
        strides=window.stride,
        pads=(*window.pad, *window.end),
        dilations=window.dilation,
        group=channels,
    )


def spp(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SPP as poolings into 1, 4, 16 ... places, flattened and concatenated (spp_layer.cpp)."""
    (data,) = emit.inputs
    method, height = layer.attrs.text("pool"), layer.attrs.integer("pyramid_height")
    sizes = emit.sizes(data, 2)
    if not 1 <= height <= 16 or len(sizes) != 2:
        emit.refuse(f"pyramid_height {height} over {len(sizes)} spatial dimensions")
    levels = [pool(emit, data, method, _level(sizes, 2**level), ceil=True) for level in range(height)]
    if height == 1:
        return levels[0]
    return emit("Concat", *(emit("Flatten", level, axis=1) for level in levels), axis=1)


def _level(sizes: tuple[int, ...], bins: int) -> Window:
    kernel = tuple(-(-size // bins) for size in sizes)
    pad = tuple((side * bins - size + 1) // 2 for side, size in zip(kernel, sizes, strict=True))
    return Window(kernel, kernel, pad, pad, (1, 1))


READ = {
    "Im2col": Read(
        im2col,
        neutral=("num_output", "engine", "weight_filler", "bias_filler", "bias_term", "group", "force_nd_im2col"),
        samples=(
            Sample(
                "asymmetric",
                "convolution_param { kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 pad_h: 0 pad_w: 1 }",
                ((2, 3, 7, 6),),
            ),
            Sample("dilated", "convolution_param { kernel_size: 2 dilation: 2 }", ((1, 2, 7, 6),)),
        ),
    ),
    "SPP": Read(
        spp,
        neutral=("engine",),
        samples=(
            Sample("three levels", "spp_param { pyramid_height: 3 pool: MAX }", ((2, 3, 9, 11),)),
            Sample("average", "spp_param { pyramid_height: 2 pool: AVE }", ((2, 3, 6, 7),)),
            Sample("one level", "spp_param { pyramid_height: 1 pool: MAX }", ((2, 3, 6, 7),)),
        ),
    ),
}
