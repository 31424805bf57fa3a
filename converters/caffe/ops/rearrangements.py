"""Layers that move values between channels, places and batch: Reorg, ShuffleChannel, PixelShuffle, Pad and the like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample


def reorg(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Reorg (YOLOv2) as Reshape, Transpose and Reshape, in darknet's own order.

    Not SpaceToDepth: darknet reads the input as [C / s^2, H * s, W * s] first (blas.c, reorg_cpu).
    """
    if layer.attrs.flag("reverse"):
        emit.refuse("reverse: true; no published network uses it and its readers differ")
    return reorganised(emit, layer.attrs.integer("stride"))


def reorganised(emit: Emit, stride: int) -> ir.Value:
    """The only input in darknet's order."""
    (data,) = emit.inputs
    batch = emit.shape(data)[0]
    channels, height, width = emit.sizes(data, 1)
    area = stride * stride
    if stride < 1 or channels % area or height % stride or width % stride:
        emit.refuse(f"{channels}x{height}x{width} cannot be reorganised by {stride}")
    out = channels // area
    split = emit.unflatten(data, (batch, out, height, stride, width, stride))
    moved = emit("Transpose", split, perm=[0, 3, 5, 1, 2, 4])
    return emit.unflatten(moved, (batch, channels * area, height // stride, width // stride))


def shuffle_channel(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ShuffleChannel as Reshape, Transpose and Reshape: [group, C / group] becomes [C / group, group]."""
    (data,) = emit.inputs
    group, dims = layer.attrs.integer("group"), emit.shape(data)
    channels = emit.size(data, 1)
    if group < 1 or channels % group:
        emit.refuse(f"{channels} channels cannot be shuffled in {group} groups")
    split = emit.unflatten(data, (dims[0], group, channels // group, *emit.sizes(data, 2)))
    order = [0, 2, 1, *range(3, emit.rank(data) + 1)]
    return emit.unflatten(emit("Transpose", split, perm=order), (dims[0], channels, *emit.sizes(data, 2)))


def pixel_shuffle(layer: Layer, emit: Emit) -> ir.Value:
    """Reads PixelShuffle as DepthToSpace in the order channel, row, column."""
    return emit("DepthToSpace", *emit.inputs, blocksize=layer.attrs.integer("upscale_factor"), mode="CRD")


def depth_to_space(layer: Layer, emit: Emit) -> ir.Value:
    """Reads DepthToSpace as DepthToSpace in the order row, column, channel; NHWC goes between two Transposes."""
    return _channels_first(layer, emit, "DepthToSpace")


def space_to_depth(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SpaceToDepth as SpaceToDepth; NHWC goes between two Transposes."""
    return _channels_first(layer, emit, "SpaceToDepth")


def _channels_first(layer: Layer, emit: Emit, op: str) -> ir.Value:
    (data,) = emit.inputs
    block, layout = layer.attrs.integer("block_size"), layer.attrs.text("data_format")
    if layout not in ("NHWC", "NCHW"):
        emit.refuse(f"data_format {layout}; NHWC and NCHW are known")
    if layout == "NCHW":
        return emit(op, data, blocksize=block)
    return emit("Transpose", emit(op, emit("Transpose", data, perm=[0, 3, 1, 2]), blocksize=block), perm=[0, 2, 3, 1])


def squeeze(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Squeeze as Squeeze of `axis`, or of every dimension that is 1."""
    (data,) = emit.inputs
    axes = [emit.axis(data, axis) for axis in layer.attrs.integers("axis")]
    axes = axes or [axis for axis, size in enumerate(emit.sizes(data)) if size == 1]
    return emit("Squeeze", data, emit.constant(axes, "axes")) if axes else emit("Identity", data)


def pad(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Pad as Pad: `paddings` in pairs for every axis, or pad_u, pad_d, pad_l, pad_r of an image."""
    (data,) = emit.inputs
    attrs = layer.attrs
    pairs = attrs.integers("paddings")
    sides = tuple(attrs.integer(f"pad_{side}") for side in "uldr")
    if bool(pairs) == any(sides) or (pairs and len(pairs) != 2 * emit.rank(data)):
        emit.refuse("must set paddings, two for each axis, or pad_u, pad_d, pad_l and pad_r")
    ends = (*pairs[::2], *pairs[1::2]) if pairs else (0, 0, *sides[:2], 0, 0, *sides[2:])
    value = attrs.number("constant_values") if pairs else attrs.number("pad_value")
    mode = {"CONSTANT": "constant", "REPLICATE": "edge", "REFLECT": "reflect"}[attrs.text("pad_type")]
    return emit("Pad", data, emit.constant(list(ends), "pads"), emit.constant(np.float32(value), "value"), mode=mode)


def space_to_batch(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SpaceToBatchND as Pad, Reshape and Transpose: blocks of the axes from 1 on go in front of the batch."""
    (data,) = emit.inputs
    blocks, pads = layer.attrs.integers("block_shape"), layer.attrs.integers("paddings")
    count, rank = len(blocks), emit.rank(data)
    if len(pads) != 2 * count or count >= rank or not count:
        emit.refuse(f"{len(pads)} paddings for {count} blocks")
    behind = (0,) * (rank - count - 1)
    if any(pads):
        ends = (0, *pads[::2], *behind, 0, *pads[1::2], *behind)
        data = emit("Pad", data, emit.constant(list(ends), "pads"))
    batch, *sizes = emit.sizes(data)
    if any(size % block for size, block in zip(sizes, blocks, strict=False)):
        emit.refuse(f"{sizes} cannot be cut into blocks of {list(blocks)}; Caffe refuses it too")
    inner = [part for size, block in zip(sizes, blocks, strict=False) for part in (size // block, block)]
    split = emit.unflatten(data, (batch, *inner, *sizes[count:]))
    order = [*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count, 2), *range(2 * count + 1, rank + count)]
    small = [size // block for size, block in zip(sizes, blocks, strict=False)]
    total = batch * int(np.prod(blocks))
    return emit.unflatten(emit("Transpose", split, perm=order), (total, *small, *sizes[count:]))


def batch_to_space(layer: Layer, emit: Emit) -> ir.Value:
    """Reads BatchToSpaceND as Reshape, Transpose and Slice: the inverse of SpaceToBatchND."""
    (data,) = emit.inputs
    blocks, crops = layer.attrs.integers("block_shape"), layer.attrs.integers("crops")
    count, rank = len(blocks), emit.rank(data)
    if len(crops) != 2 * count or count >= rank or not count:
        emit.refuse(f"{len(crops)} crops for {count} blocks")
    batch, *sizes = emit.sizes(data)
    total = int(np.prod(blocks))
    if batch % total:
        emit.refuse(f"a batch of {batch} cannot be cut into blocks of {list(blocks)}; Caffe refuses it too")
    split = emit.unflatten(data, (*blocks, batch // total, *sizes))
    order = [count, *(axis for block in range(count) for axis in (count + 1 + block, block))]
    order += list(range(2 * count + 1, rank + count))
    large = [size * block for size, block in zip(sizes, blocks, strict=False)]
    whole = emit.unflatten(emit("Transpose", split, perm=order), (batch // total, *large, *sizes[count:]))
    if not any(crops):
        return whole
    ends = [size - crop for size, crop in zip(large, crops[1::2], strict=True)]
    parts = (("starts", list(crops[::2])), ("ends", ends), ("axes", list(range(1, count + 1))))
    return emit("Slice", whole, *(emit.constant(numbers, name) for name, numbers in parts))


def darknet_order(x: np.ndarray, stride: int) -> np.ndarray:
    """Darknet's loop over the places of its output, index by index."""
    batch, channels, height, width = x.shape
    out = channels // stride**2
    flat, result = x.reshape(-1), np.zeros(x.size)
    for b, k, j, i in np.ndindex(batch, channels, height, width):
        part, shift = k % out, k // out
        column, row = i * stride + shift % stride, j * stride + shift // stride
        source = column + width * stride * (row + height * stride * (part + out * b))
        result[i + width * (j + height * (k + channels * b))] = flat[source]
    return result.reshape(batch, channels * stride**2, height // stride, width // stride)


def _to_batch(x: np.ndarray) -> np.ndarray:
    """Blocks of 2 by 3 after one column of padding in front and two behind."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 2), (0, 0)))
    return np.concatenate([padded[:, row::2, column::3] for row in range(2) for column in range(3)])


def _from_batch(x: Sequence[np.ndarray]) -> np.ndarray:
    """Blocks of 2 by 1 of a batch of 4, one row cropped in front."""
    result = np.zeros((2, x[0].shape[1] * 2, *x[0].shape[2:]))
    result[:, 0::2], result[:, 1::2] = x[0][:2], x[0][2:]
    return result[:, 1:]


_IMAGE = ((2, 3, 4, 5),)

READ = {
    "Reorg": Read(
        reorg,
        samples=(
            Sample(
                "stride 2",
                "reorg_param { stride: 2 }",
                ((2, 8, 4, 6),),
                formula=lambda x, _: darknet_order(x[0], 2),
                judge=FORMULA,
            ),
        ),
    ),
    "ShuffleChannel": Read(
        shuffle_channel,
        samples=(
            Sample(
                "three groups",
                "shuffle_channel_param { group: 3 }",
                ((2, 6, 4, 5),),
                formula=lambda x, _: x[0][:, [0, 2, 4, 1, 3, 5]],
                judge=FORMULA,
            ),
        ),
    ),
    "PixelShuffle": Read(
        pixel_shuffle,
        samples=(Sample("by 2", "pixelshuffle_param { upscale_factor: 2 }", ((2, 8, 3, 5),), judge="caffe-ssd"),),
    ),
    "DepthToSpace": Read(
        depth_to_space,
        samples=(
            Sample(
                "NHWC",
                "depth_to_space_param { block_size: 2 }",
                ((2, 3, 5, 4),),
                formula=lambda x, _: x[0].reshape(-1, 3, 5, 2, 2).transpose(0, 1, 3, 2, 4).reshape(-1, 6, 10, 1),
                judge=FORMULA,
            ),
        ),
    ),
    "SpaceToDepth": Read(
        space_to_depth,
        samples=(
            Sample(
                "NCHW",
                'space_to_depth_param { block_size: 2 data_format: "NCHW" }',
                ((2, 3, 4, 6),),
                formula=lambda x, _: np.concatenate([x[0][:, :, r::2, c::2] for r in (0, 1) for c in (0, 1)], 1),
                judge=FORMULA,
            ),
        ),
    ),
    "Squeeze": Read(
        squeeze,
        samples=(
            Sample(
                "two axes",
                "squeeze_param { axis: 2 axis: -1 }",
                ((2, 3, 1, 1),),
                formula=lambda x, _: x[0].reshape(-1, 3),
                judge=FORMULA,
            ),
        ),
    ),
    "Pad": Read(
        pad,
        samples=(
            Sample(
                "constant",
                "pad_param { pad_u: 1 pad_d: 0 pad_l: 2 pad_r: 3 pad_value: 0.5 }",
                _IMAGE,
                judge="caffe-ssd",
            ),
            Sample(
                "edge",
                "pad_param { pad_type: REPLICATE pad_u: 1 pad_d: 2 pad_l: 0 pad_r: 3 }",
                _IMAGE,
                judge="caffe-ssd",
            ),
            Sample(
                "pairs",
                "pad_param { paddings: 0 paddings: 0 paddings: 1 paddings: 0 paddings: 0 paddings: 2 "
                "paddings: 0 paddings: 0 }",
                _IMAGE,
                formula=lambda x, _: np.pad(x[0], ((0, 0), (1, 0), (0, 2), (0, 0))),
                judge=FORMULA,
            ),
        ),
    ),
    "SpaceToBatchND": Read(
        space_to_batch,
        samples=(
            Sample(
                "blocks of 2 by 3",
                "space_to_batch_nd_param { block_shape: 2 block_shape: 3 paddings: 0 paddings: 0 "
                "paddings: 1 paddings: 2 }",
                ((2, 4, 6, 5),),
                formula=lambda x, _: _to_batch(x[0]),
                judge=FORMULA,
            ),
        ),
    ),
    "BatchToSpaceND": Read(
        batch_to_space,
        samples=(
            Sample(
                "blocks of 2",
                "batch_to_space_nd_param { block_shape: 2 crops: 1 crops: 0 }",
                ((4, 3, 6, 5),),
                batched=False,
                formula=lambda x, _: _from_batch(x),
                judge=FORMULA,
            ),
        ),
    ),
}
