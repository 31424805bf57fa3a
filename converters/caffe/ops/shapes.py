"""Flatten, Reshape, Permute, Crop, CropCenter and Dropout: the numbers stay, their places change (or nothing does)."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Dim, Layer
from converters.hub.optable import FORMULA, Read, Sample


def flatten(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Flatten as Reshape: the dimensions from `axis` to `end_axis` become one."""
    (data,) = emit.inputs
    start = emit.axis(data, layer.attrs.integer("axis"))
    end = emit.axis(data, layer.attrs.integer("end_axis"))
    if end < start:
        emit.refuse(f"end_axis {end} lies before axis {start}; Caffe refuses it too")
    dims = emit.shape(data)
    return emit.reshape(data, (*dims[:start], -1, *dims[end + 1 :]))


def reshape(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Reshape as Reshape: 0 keeps a dimension, -1 infers one, over `num_axes` axes from `axis` on.

    With a fork's pixelshuffler, a factor, it is DepthToSpace in the order channel, row, column, whatever `shape` says.
    """
    (data,) = emit.inputs
    before = emit.shape(data)
    factor = layer.attrs.integer("pixelshuffler")
    if factor != 1:
        if factor < 1 or emit.size(data, 1) % factor**2:
            emit.refuse(f"{emit.size(data, 1)} channels cannot be spread over blocks of {factor}")
        return emit("DepthToSpace", data, blocksize=factor, mode="CRD")
    shape = layer.attrs.record("shape")
    wanted = [int(str(dim)) for dim in shape["dim"]] if shape else []  # type: ignore[attr-defined] # a message of the schema, decoded
    axis, count = layer.attrs.integer("axis"), layer.attrs.integer("num_axes")
    start = axis if axis >= 0 else len(before) + axis + 1
    end = len(before) if count == -1 else start + count
    if not 0 <= start <= end <= len(before):
        emit.refuse(f"axis {axis} with num_axes {count} lies outside its input's {len(before)} dimensions")
    dims: list[Dim] = []
    for position, dim in enumerate(wanted):
        if dim == 0 and start + position >= len(before):
            emit.refuse(f"dim {position} is 0, but its input has no such dimension to keep")
        dims.append(before[start + position] if dim == 0 else dim)
    return emit.reshape(data, (*before[:start], *dims, *before[end:]))


def permute(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Permute as Transpose; axes that `order` does not name follow in their own order."""
    (data,) = emit.inputs
    order = layer.attrs.integers("order")
    rank = emit.rank(data)
    if len(set(order)) != len(order) or any(axis >= rank for axis in order):
        emit.refuse(f"order {list(order)} does not name axes of an input of {rank} dimensions once each")
    return emit("Transpose", data, perm=(*order, *(axis for axis in range(rank) if axis not in order)))


def crop(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Crop as Slice: from `axis` on the first bottom is cut to the sizes of the second, at `offset`."""
    data, like = emit.inputs
    axis = emit.axis(data, layer.attrs.integer("axis"))
    offsets = layer.attrs.integers("offset") or (0,)
    sizes = emit.sizes(like, axis)
    if len(offsets) not in (1, len(sizes)) or emit.rank(like) != emit.rank(data):
        emit.refuse(f"{len(offsets)} offsets for {len(sizes)} cropped dimensions; Caffe refuses it too")
    starts = list(offsets) * len(sizes) if len(offsets) == 1 else list(offsets)
    ends = [start + size for start, size in zip(starts, sizes, strict=True)]
    if any(end > whole for end, whole in zip(ends, emit.sizes(data, axis), strict=True)):
        emit.refuse(f"the crop {starts} to {ends} reaches outside its input; Caffe refuses it too")
    axes = list(range(axis, emit.rank(data)))
    return emit(
        "Slice", data, emit.constant(starts, "starts"), emit.constant(ends, "ends"), emit.constant(axes, "axes")
    )


def crop_center(layer: Layer, emit: Emit) -> ir.Value:
    """Reads CropCenter (waifu2x) as Slice: crop_size values go at both ends of each axis."""
    (data,) = emit.inputs
    sizes = layer.attrs.integers("crop_size")
    if len(sizes) != emit.rank(data):
        emit.refuse(f"{len(sizes)} values of crop_size for {emit.rank(data)} dimensions; Caffe refuses it too")
    axes = [axis for axis, size in enumerate(sizes) if size]
    if any(2 * sizes[axis] >= emit.size(data, axis) for axis in axes):
        emit.refuse(f"crop_size {list(sizes)} leaves nothing of {list(emit.shape(data))}; Caffe refuses it too")
    starts, ends = [sizes[axis] for axis in axes], [-sizes[axis] for axis in axes]
    if not axes:
        return emit.dropped("crops nothing")
    return emit(
        "Slice", data, emit.constant(starts, "starts"), emit.constant(ends, "ends"), emit.constant(axes, "axes")
    )


def dropout(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Dropout as nothing: Caffe scales while it trains (dropout_layer.cpp).

    A fork's scale_train: false scales by 1 - dropout_ratio at inference; its sample_weights_test drops at random then.
    """
    attrs = layer.attrs
    if attrs.flag("sample_weights_test"):
        emit.refuse("sample_weights_test: true draws random numbers at inference")
    if attrs.flag("scale_train"):
        return emit.dropped("does nothing at inference")
    return emit("Mul", *emit.inputs, emit.constant(np.float32(1 - attrs.number("dropout_ratio")), "kept"))


def _shuffled(data: np.ndarray, factor: int) -> np.ndarray:
    """Channel c goes to channel c / r^2, row r h + c / r mod r, column r w + c mod r (the fork's reshape_layer.cpp)."""
    batch, channels, height, width = data.shape
    out = np.zeros((batch, channels // factor**2, height * factor, width * factor))
    for c, h, w in np.ndindex(channels, height, width):
        out[:, c // factor**2, h * factor + c // factor % factor, w * factor + c % factor] = data[:, c, h, w]
    return out


_FLATTEN = (
    Sample("image", "", ((2, 3, 4, 5),), formula=lambda x, _: x[0].reshape(-1, 60)),
    Sample(
        "middle", "flatten_param { axis: 1 end_axis: 2 }", ((2, 3, 4, 5),), formula=lambda x, _: x[0].reshape(-1, 12, 5)
    ),
    Sample("from the end", "flatten_param { axis: -2 }", ((2, 3, 4, 5),)),
)

_RESHAPE = (
    Sample("keep and infer", "reshape_param { shape { dim: 0 dim: -1 dim: 5 } }", ((2, 3, 4, 5),)),
    Sample("infer in front", "reshape_param { shape { dim: -1 dim: 12 } }", ((2, 3, 4),)),
    Sample("inner axes", "reshape_param { shape { dim: 3 dim: 2 } axis: 1 num_axes: 1 }", ((2, 6, 4, 5),)),
    Sample("insert an axis", "reshape_param { shape { dim: 1 } axis: 1 num_axes: 0 }", ((2, 3, 4),)),
    Sample("from the end", "reshape_param { shape { dim: 2 dim: 2 } axis: -2 }", ((2, 3, 4),)),
    Sample(
        "pixelshuffler",
        "reshape_param { pixelshuffler: 2 }",
        ((2, 12, 3, 5),),
        formula=lambda x, _: _shuffled(x[0], 2),
        judge=FORMULA,
    ),
)

_CROP = (
    Sample("one offset", "crop_param { axis: 2 offset: 1 }", ((2, 3, 7, 8), (2, 3, 4, 5))),
    Sample("two offsets", "crop_param { axis: 2 offset: 2 offset: 1 }", ((2, 3, 7, 8), (2, 1, 4, 5))),
    Sample("channels too", "crop_param { axis: 1 offset: 1 offset: 0 offset: 3 }", ((2, 4, 7, 8), (2, 2, 4, 5))),
)

READ = {
    "Flatten": Read(flatten, samples=_FLATTEN),
    "Reshape": Read(reshape, samples=_RESHAPE),
    "Permute": Read(
        permute,
        samples=(
            Sample("NHWC", "permute_param { order: 0 order: 2 order: 3 order: 1 }", ((2, 3, 4, 5),)),
            Sample(
                "the rest follows",
                "permute_param { order: 2 order: 0 }",
                ((2, 3, 4, 5),),
                formula=lambda x, _: np.transpose(x[0], (2, 0, 1, 3)),
            ),
        ),
    ),
    "Crop": Read(crop, samples=_CROP),
    "CropCenter": Read(
        crop_center,
        samples=(
            Sample(
                "height and width",
                "crop_center_param { crop_size: 0 crop_size: 0 crop_size: 1 crop_size: 2 }",
                ((2, 3, 4, 7),),
                formula=lambda x, _: x[0][:, :, 1:-1, 2:-2],
                judge=FORMULA,
            ),
        ),
    ),
    "Dropout": Read(
        dropout,
        neutral=("dropout_ratio",),
        samples=(
            Sample("plain", "", ((2, 3, 4, 5),)),
            Sample(
                "scaled at inference",
                "dropout_param { dropout_ratio: 0.25 scale_train: false }",
                ((2, 3, 4, 5),),
                formula=lambda x, _: 0.75 * x[0],
                judge=FORMULA,
            ),
        ),
    ),
}
