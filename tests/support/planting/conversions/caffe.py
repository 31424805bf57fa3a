"""Caffe: rules of the reader that are wrong, and two networks of layers that show them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from caffe_files import write_caffemodel

from converters.caffe import sliding
from converters.caffe.ops import (
    activations,
    batch_norm,
    convolution,
    deconvolution,
    eltwise,
    inner_product,
    lrn,
    pooling,
    prelu,
    scale,
    shapes,
    softmax,
)
from planting.conversions.mistake import Mistake, behind, instead, misread, weighed

WIDE = """name: "wide" input: "data" input_shape { dim: 1 dim: 3 dim: 24 dim: 20 }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 8 kernel_size: 3 pad: 1 bias_term: false } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "lrn1" type: "LRN" bottom: "conv1" top: "lrn1" lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 } }
layer { name: "pool1" type: "Pooling" bottom: "lrn1" top: "pool1" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
  convolution_param { num_output: 8 kernel_size: 3 pad: 1 group: 2 } }
layer { name: "prelu2" type: "PReLU" bottom: "conv2" top: "conv2" }
layer { name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2"
  pooling_param { pool: AVE kernel_size: 3 stride: 1 pad: 1 } }
layer { name: "sum" type: "Eltwise" bottom: "pool2" bottom: "pool1" top: "sum"
  eltwise_param { coeff: 1 coeff: -0.5 } }
layer { name: "up" type: "Deconvolution" bottom: "sum" top: "up"
  convolution_param { num_output: 6 kernel_size: 4 stride: 2 pad: 1 bias_term: false } }
layer { name: "leaky" type: "ReLU" bottom: "up" top: "up" relu_param { negative_slope: 0.1 } }
layer { name: "fc1" type: "InnerProduct" bottom: "up" top: "fc1" inner_product_param { num_output: 7 } }
layer { name: "drop" type: "Dropout" bottom: "fc1" top: "drop" dropout_param { dropout_ratio: 0.5 } }
layer { name: "fc2" type: "InnerProduct" bottom: "drop" top: "fc2"
  inner_product_param { num_output: 7 transpose: true } }
layer { name: "prob" type: "Softmax" bottom: "fc2" top: "prob" }
"""
FREE = """name: "free" input: "data" input_shape { dim: 1 dim: 3 dim: 24 dim: 20 }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 8 kernel_h: 3 kernel_w: 1 pad_h: 1 pad_w: 0 } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { kernel_size: 3 stride: 2 } }
layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
  convolution_param { num_output: 6 kernel_size: 3 dilation: 2 pad: 2 } }
layer { name: "soft" type: "Softmax" bottom: "conv2" top: "soft" }
layer { name: "mean" type: "Pooling" bottom: "soft" top: "mean" pooling_param { pool: AVE global_pooling: true } }
"""


def wide(folder: Path) -> str:
    """A classifier with a layer of every kind, sizes that no rounding changes."""
    rng = np.random.default_rng(11)
    draw, stay = drawer(rng), 0.5 + rng.random((2, 8)).astype(np.float32)
    weights = {
        "conv1": [draw(8, 3, 3, 3)],
        "bn1": [draw(8), stay[0] * 3, np.array([3], np.float32)],
        "scale1": [stay[1], draw(8)],
        "conv2": [draw(8, 4, 3, 3), draw(8)],
        "prelu2": [rng.uniform(0.1, 0.6, 8).astype(np.float32)],
        "up": [draw(8, 6, 4, 4) * np.float32(0.3)],
        "fc1": [draw(7, 6 * 24 * 20), draw(7)],
        "fc2": [draw(7, 7), draw(7)],
    }
    return files(folder, WIDE, weights)


def free(folder: Path) -> str:
    """A network of convolutions and poolings that takes any size, so that a wrong one goes through."""
    draw = drawer(np.random.default_rng(12))
    weights = {"conv1": [draw(8, 3, 3, 1), draw(8)], "conv2": [draw(6, 8, 3, 3), draw(6)]}
    return files(folder, FREE, weights)


def drawer(rng: np.random.Generator):
    """Weights that keep the variance."""

    def draw(*shape: int) -> np.ndarray:
        inner = max(1, int(np.prod(shape[1:])))
        return (rng.standard_normal(shape) * np.sqrt((2 if len(shape) > 1 else 0.1) / inner)).astype(np.float32)

    return draw


def files(folder: Path, text: str, weights: dict[str, list[np.ndarray]]) -> str:
    """The two files as one subject of a check."""
    graph = folder / "net.prototxt"
    graph.write_text(text)
    return f"{graph},{write_caffemodel(folder / 'net.caffemodel', weights)}"


def _down(old):
    return lambda *sizes, **rules: old(*sizes, **{**rules, "ceil": False})


def _other_divisor(old):
    return lambda *all_, padding: old(*all_, padding=1 - padding)


def _turned(old):
    def window(layer, emit, dims):
        right = old(layer, emit, dims)
        return replace(right, pad=right.pad[::-1], end=right.end[::-1])

    return window


def _near(old):
    def window(layer, emit, dims):
        right = old(layer, emit, dims)
        return replace(right, dilation=(1,) * dims)

    return window


def halved(emit, result, _layer):
    return emit("Mul", result, emit.constant(np.array([0.5], np.float32), "kept"))


def flipped(array):
    return np.ascontiguousarray(array[:, :, ::-1, ::-1])


def _times_size(layer):
    return layer.attrs.number("alpha") * layer.attrs.integer("local_size")


MISTAKES = (
    Mistake("BatchNorm's scale factor is not divided by", "caffe", wide,
            instead(batch_norm, "_scaled", lambda _old: lambda total, _factor: total), "conv1/scale1",
            "BatchNorm scale factor"),
    Mistake("BatchNorm's eps is 1e-3 by default", "caffe", wide,
            misread(batch_norm, "BatchNorm", eps=1e-3), "conv1/scale1", "BatchNorm eps"),
    Mistake("Scale's shift is dropped", "caffe", wide,
            weighed(scale, "Scale", w1=np.zeros_like), "conv1/scale1", "dropped bias"),
    Mistake("LRN's alpha is not divided by n", "caffe", wide,
            misread(lrn, "LRN", alpha=_times_size), "lrn1", "LRN alpha"),
    Mistake("LRN's k is 2 by default", "caffe", wide,
            misread(lrn, "LRN", k=2.0), "lrn1", "LRN k"),
    Mistake("Convolution's bias is dropped", "caffe", wide,
            weighed(convolution, "Convolution", w1=np.zeros_like), "conv2/conv2", "dropped bias"),
    Mistake("Convolution's kernels are flipped", "caffe", wide,
            weighed(convolution, "Convolution", w0=flipped), "conv1/conv1", "flipped kernels"),
    Mistake("PReLU has one slope", "caffe", wide,
            weighed(prelu, "PReLU", w0=lambda a: np.full_like(a, a.flat[0])), "conv2", "PReLU sharing"),
    Mistake("an average leaves the padding out", "caffe", wide,
            instead(pooling, "_plain_average", _other_divisor), "pool2", "count_include_pad"),
    Mistake("Eltwise's coefficients are ignored", "caffe", wide,
            instead(eltwise, "_sum", lambda old: lambda emit, _coefficients: old(emit, ())),
            "sum", "coefficient of a sum"),
    Mistake("Deconvolution's kernels are flipped", "caffe", wide,
            weighed(deconvolution, "Deconvolution", w0=flipped), "up/up", "flipped kernels"),
    Mistake("ReLU's negative slope is ignored", "caffe", wide,
            misread(activations, "ReLU", negative_slope=0.0), "up", "activation slope"),
    Mistake("dropout is left on: it halves", "caffe", wide,
            behind(shapes, "Dropout", halved), "drop", "dropout left on"),
    Mistake("InnerProduct's transpose is ignored", "caffe", wide,
            misread(inner_product, "InnerProduct", transpose=False), "fc2", "transposed fully-connected weights"),
    Mistake("pooling rounds down", "caffe", free,
            instead(pooling, "pooled_size", _down), "pool1", "ceil or floor pooling"),
    Mistake("pad_h and pad_w are exchanged", "caffe", free,
            instead(sliding, "convolution_window", _turned), "conv1", "pad axes"),
    Mistake("dilation is ignored", "caffe", free,
            instead(sliding, "convolution_window", _near), "conv2", "dilation"),
    Mistake("Softmax goes along axis 2", "caffe", free,
            misread(softmax, "Softmax", axis=2), "soft", "softmax axis"),
    Mistake("global_pooling is ignored", "caffe", free,
            instead(pooling, "_global", lambda _old: lambda _layer, emit, data, _method:
                    emit("AveragePool", data, kernel_shape=(2, 2))), "mean", "global pooling"),
)  # fmt: skip
