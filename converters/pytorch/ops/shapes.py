"""Layers that move numbers about or do nothing at inference."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def flatten(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Flatten from dimension 1 on as Flatten."""
    if layer.attrs.integer("start_dim") != 1:
        emit.refuse("it flattens from another dimension than 1")
    return emit("Flatten", *emit.inputs, axis=1)


def permute(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Permute as Transpose."""
    return emit("Transpose", *emit.inputs, perm=layer.attrs.integers("dims"))


def dropout(layer: Layer, emit: Emit) -> ir.Value:
    """Drops Dropout and StochasticDepth: at inference they pass their input on."""
    return emit.dropped("does nothing at inference")


def cat(layer: Layer, emit: Emit) -> ir.Value:
    """Reads cat as Concat."""
    return emit("Concat", *emit.inputs, axis=emit.axis(emit.inputs[0], layer.attrs.integer("dim")))


def chunk(layer: Layer, emit: Emit) -> tuple[ir.Value, ...]:
    """Reads chunk into equal parts as Split."""
    (data,) = emit.inputs
    count = layer.attrs.integer("chunks")
    axis = emit.axis(data, layer.attrs.integer("dim"))
    if emit.size(data, axis) % count:
        emit.refuse(f"{emit.size(data, axis)} cannot be divided into {count} equal parts")
    return emit.several(count, "Split", data, axis=axis, num_outputs=count)


def channel_shuffle(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ChannelShuffle: channel g * n + i moves to i * groups + g, a Transpose between two Reshapes."""
    (data,) = emit.inputs
    groups = layer.attrs.integer("groups")
    batch, _, *spatial = emit.shape(data)
    count = emit.size(data, 1)
    parts = emit.reshape(data, (batch, groups, count // groups, *emit.sizes(data, 2)))
    turned = emit("Transpose", parts, perm=[0, 2, 1, *range(3, 3 + len(spatial))])
    return emit("Reshape", turned, emit.constant([0, count, *emit.sizes(data, 2)], "shape"))


def rows(layer: Layer, emit: Emit) -> ir.Value:
    """Reads a view of all dimensions behind the batch as rows of `width` numbers as Reshape."""
    (data,) = emit.inputs
    batch, count, width = emit.shape(data)[0], math.prod(emit.sizes(data, 1)), layer.attrs.integer("width")
    if count % width:
        emit.refuse(f"{count} numbers cannot be divided into rows of {width}")
    return emit.reshape(data, (batch, count // width, width))


def zero_pad2d(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ZeroPad2d, whose numbers are for left, right, top and bottom, as Pad."""
    left, right, top, bottom = layer.attrs.integers("padding")
    return emit("Pad", *emit.inputs, emit.constant([0, 0, top, left, 0, 0, bottom, right], "pads"))


def add(layer: Layer, emit: Emit) -> ir.Value:
    """Reads add as Add."""
    return emit("Add", *emit.inputs)


def mul(layer: Layer, emit: Emit) -> ir.Value:
    """Reads mul as Mul, which broadcasts as PyTorch does."""
    return emit("Mul", *emit.inputs)


def layer_scale(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ConvNeXt's layer scale, a factor a channel of shape [channels, 1, 1], as Mul."""
    (data,) = emit.inputs
    return emit("Mul", data, emit.weight("layer_scale", (emit.size(data, 1), 1, 1)))


def transform_input(layer: Layer, emit: Emit) -> ir.Value:
    """Reads the change from ImageNet's mean and deviation to 0.5 and 0.5 (torchvision googlenet.py, inception.py)."""
    (data,) = emit.inputs
    factors, shifts = layer.attrs.numbers("factors"), layer.attrs.numbers("shifts")
    if emit.size(data, 1) != len(factors):
        emit.refuse(f"its input has {emit.size(data, 1)} channels, it wants {len(factors)}")
    scaled = emit("Mul", data, emit.constant(np.reshape(factors, (-1, 1, 1)), "factors"))
    return emit("Add", scaled, emit.constant(np.reshape(shifts, (-1, 1, 1)), "shifts"))


_IMAGE = ((2, 3, 4, 5),)

READ = {
    "Flatten": Read(flatten, samples=(Sample("image", "start_dim=1", _IMAGE),)),
    "Permute": Read(permute, samples=(Sample("channels last", "dims=(0, 2, 3, 1)", _IMAGE),)),
    "Dropout": Read(dropout, neutral=("p",), samples=(Sample("plain", "p=0.5", _IMAGE),)),
    "StochasticDepth": Read(dropout),
    "cat": Read(cat, samples=(Sample("channels", "dim=1", ((2, 3, 4, 5), (2, 2, 4, 5))),)),
    "chunk": Read(chunk, samples=(Sample("halves", "chunks=2, dim=1", ((2, 6, 4, 5),), outputs=2),)),
    "ChannelShuffle": Read(channel_shuffle, samples=(Sample("two", "groups=2", ((2, 6, 4, 5),)),)),
    "Rows": Read(rows, samples=(Sample("pairs", "width=2", _IMAGE),)),
    "ZeroPad2d": Read(zero_pad2d, samples=(Sample("four numbers", "padding=(1, 2, 0, 3)", _IMAGE),)),
    "add": Read(add, samples=(Sample("two", "", _IMAGE * 2),)),
    "mul": Read(mul, samples=(Sample("a factor a channel", "", ((2, 3, 1, 1), (2, 3, 4, 5))),)),
    "LayerScale": Read(layer_scale, samples=(Sample("image", "", _IMAGE, ((3, 1, 1),)),)),
    "TransformInput": Read(
        transform_input,
        samples=(Sample("three channels", "factors=(0.5, 2.0, 3.0), shifts=(0.1, -1.0, 2.0)", _IMAGE),),
    ),
}
