"""Interp, Upsample and the Resize layers: images made larger or smaller."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Formula, Read, Sample

_INT64 = 7


def interp(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Interp (DeepLab, PSPNet) as a linear Resize whose corners stay in place; negative pads crop before."""
    data = emit.inputs[0]
    attrs = layer.attrs
    begin, end = attrs.integer("pad_beg"), attrs.integer("pad_end")
    if begin > 0 or end > 0:
        emit.refuse(f"pad_beg {begin}, pad_end {end}: only cropping exists; Caffe refuses it too")
    if begin or end:
        limits = ([-begin, -begin], [end or 2**31, end or 2**31], [2, 3])
        parts = zip(limits, ("starts", "ends", "axes"), strict=True)
        data = emit("Slice", data, *(emit.constant(numbers, name) for numbers, name in parts))
    if len(emit.inputs) == 2:
        sizes = emit.sizes(emit.inputs[1], 2)
    else:
        sizes = tuple(_interpolated(layer, emit, size, name) for size, name in zip(
            emit.sizes(data, 2), ("height", "width"), strict=True
        ))  # fmt: skip
    return _resized(emit, data, sizes, mode="linear", coordinate_transformation_mode="align_corners")


def _interpolated(layer: Layer, emit: Emit, size: int, name: str) -> int:
    """The output size by the rules of interp_layer.cpp, in their order."""
    attrs = layer.attrs
    shrink, zoom = attrs.integer("shrink_factor"), attrs.integer("zoom_factor")
    has = {part for part in ("shrink_factor", "zoom_factor", "height", "width") if part in attrs.explicit}
    wanted = attrs.integer(name)
    both = {"shrink_factor", "zoom_factor"}
    if {"height", "width"} <= has and len(has & both) != 1:
        return wanted
    if not has & both:
        emit.refuse("sets neither height and width nor a factor; Caffe refuses it too")
    if shrink < 1 or zoom < 1:
        emit.refuse("shrink_factor and zoom_factor must be positive; Caffe refuses it too")
    if "shrink_factor" in has:
        size = (size - 1) // shrink + 1
    return size + (size - 1) * (zoom - 1) if "zoom_factor" in has else size


def _resized(emit: Emit, data: ir.Value, sizes: Sequence[int], **attributes: str) -> ir.Value:
    """`data` with its last two dimensions resized; factors are given where a symbolic batch forbids sizes."""
    before = emit.sizes(data, emit.rank(data) - len(sizes))
    if min((*sizes, *before)) < 1:
        emit.refuse(f"cannot resize {list(before)} to {list(sizes)}")
    dims = emit.shape(data)[: emit.rank(data) - len(sizes)]
    head = emit("Slice", emit("Shape", data), emit.constant([0], "start"), emit.constant([len(dims)], "end"))
    wanted = emit("Concat", head, emit.constant(list(sizes), "sizes"), axis=0)
    result = emit("Resize", data, None, None, wanted, **attributes)
    return emit.unflatten(emit("Identity", result), (*dims, *sizes)) if None in emit.shape(result) else result


def upsample(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Upsample as a nearest Resize (YOLO), or with a mask as ScatterElements into zeros (SegNet)."""
    attrs = layer.attrs
    if len(emit.inputs) == 2:
        return _unpooled(layer, emit)
    factor = attrs.integer("scale") or attrs.integer("stride")
    if factor < 1 or {"scale", "stride"} <= attrs.explicit:
        emit.refuse("must set scale (or stride), a positive number")
    if attrs.explicit & {"scale_h", "scale_w", "upsample_h", "upsample_w", "pad_out_h", "pad_out_w"}:
        emit.refuse("sizes for height and width go with a mask (SegNet)")
    return nearest(emit, factor, 2 if attrs.integer("dims_num") == 4 else 1)


def nearest(emit: Emit, factor: int, spatial: int) -> ir.Value:
    """The layer's input with each value repeated along its last dimensions."""
    (data,) = emit.inputs
    factors = [1.0] * (emit.rank(data) - spatial) + [float(factor)] * spatial
    return emit(
        "Resize",
        data,
        None,
        emit.constant(factors, "scales"),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _unpooled(layer: Layer, emit: Emit) -> ir.Value:
    data, mask = emit.inputs
    height, width = (_unpooled_size(layer, side, size) for side, size in zip("hw", emit.sizes(data, 2), strict=True))
    batch, channels = emit.shape(data)[:2]
    places = int(np.prod(emit.sizes(data, 2)))
    flat = emit("Reshape", data, emit.constant([0, 0, places], "flat"))
    spots = emit("Cast", emit("Reshape", mask, emit.constant([0, 0, places], "flat_mask")), to=_INT64)
    zeros = emit("Expand", emit.constant(np.float32(0), "zero"), _canvas(emit, data, height * width))
    filled = emit("ScatterElements", zeros, spots, flat, axis=2)
    return emit.unflatten(filled, (batch, channels, height, width))


def _unpooled_size(layer: Layer, side: str, size: int) -> int:
    """The exact size where it is given (then the factors count for nothing), else by the factor, 2 by default."""
    attrs = layer.attrs
    exact, factor = attrs.integer(f"upsample_{side}"), attrs.integer(f"scale_{side}") or attrs.integer("scale") or 2
    less = int(attrs.flag(f"pad_out_{side}"))
    return exact or size * factor - less


def _canvas(emit: Emit, data: ir.Value, places: int) -> ir.Value:
    head = emit("Slice", emit("Shape", data), emit.constant([0], "start"), emit.constant([2], "end"))
    return emit("Concat", head, emit.constant([places], "places"), axis=0)


def upsample_darknet(layer: Layer, emit: Emit) -> ir.Value:
    """Reads UpsampleDarknet as a nearest Resize by `stride`."""
    return nearest(emit, layer.attrs.integer("stride"), 2)


def resize_bilinear(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ResizeBilinear as a linear Resize in the coordinates of TensorFlow."""
    return _tensorflow(layer, emit, "linear", {})


def resize_nearest_neighbor(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ResizeNearestNeighbor as a nearest Resize; places are rounded down, with align_corners to the nearest."""
    if layer.attrs.flag("half_pixel_centers"):
        emit.refuse("half_pixel_centers: ONNX has no such rule for the nearest value")
    rounding = "round_prefer_ceil" if layer.attrs.flag("align_corners") else "floor"
    return _tensorflow(layer, emit, "nearest", {"nearest_mode": rounding})


def _tensorflow(layer: Layer, emit: Emit, mode: str, rounding: dict[str, str]) -> ir.Value:
    (data,) = emit.inputs
    attrs = layer.attrs
    if attrs.text("data_format") not in ("NHWC", "NCHW") or emit.rank(data) != 4:
        emit.refuse(f"data_format {attrs.text('data_format')} over {emit.rank(data)} dimensions")
    coordinates = "align_corners" if attrs.flag("align_corners") else "asymmetric"
    coordinates = "half_pixel" if attrs.flag("half_pixel_centers") else coordinates
    last = attrs.text("data_format") == "NHWC"
    if last:
        data = emit("Transpose", data, perm=[0, 3, 1, 2])
    sizes = [
        attrs.integer(f"output_{name}") or int(np.floor(np.float32(attrs.number(f"scale_{name}")) * size))
        for name, size in zip(("height", "width"), emit.sizes(data, 2), strict=True)
    ]
    result = _resized(emit, data, sizes, mode=mode, coordinate_transformation_mode=coordinates, **rounding)
    return emit("Transpose", result, perm=[0, 2, 3, 1]) if last else result


def _linear(height: int, width: int, crop: tuple[int, int] = (0, 0)) -> Formula:
    """Bilinear interpolation with the corners in place, from the definition."""

    def formula(inputs: Sequence[np.ndarray], _weights: Sequence[np.ndarray]) -> np.ndarray:
        x = inputs[0]
        x = x[:, :, -crop[0] : x.shape[2] + crop[1], -crop[0] : x.shape[3] + crop[1]]
        for axis, size in ((2, height), (3, width)):
            before = x.shape[axis]
            place = np.arange(size) * (before - 1) / max(size - 1, 1)
            low = np.minimum(place.astype(int), before - 1)
            high = np.minimum(low + 1, before - 1)
            part = (place - low).reshape([-1 if dim == axis else 1 for dim in range(4)])
            x = np.take(x, low, axis) * (1 - part) + np.take(x, high, axis) * part
        return x

    return formula


def _unpool(x: Sequence[np.ndarray], height: int, width: int) -> np.ndarray:
    result = np.zeros((*x[0].shape[:2], height * width))
    for n, c, h, w in np.ndindex(*x[0].shape):
        result[n, c, int(x[1][n, c, h, w])] = x[0][n, c, h, w]
    return result.reshape(*x[0].shape[:2], height, width)


_IMAGE = ((2, 3, 4, 5),)
_INTERP = (
    Sample("zoom", "interp_param { zoom_factor: 3 }", _IMAGE, formula=_linear(10, 13), judge=FORMULA),
    Sample("shrink", "interp_param { shrink_factor: 2 }", _IMAGE, formula=_linear(2, 3), judge=FORMULA),
    Sample(
        "size of its own, cropped",
        "interp_param { height: 7 width: 3 pad_beg: -1 pad_end: -1 }",
        ((2, 3, 6, 7),),
        formula=_linear(7, 3, (-1, -1)),
        judge=FORMULA,
    ),
    Sample(
        "shrink and zoom",
        "interp_param { shrink_factor: 2 zoom_factor: 3 }",
        ((1, 2, 5, 8),),
        formula=_linear(7, 10),
        judge=FORMULA,
    ),
)
_UPSAMPLE = (
    Sample(
        "nearest",
        "upsample_param { scale: 3 }",
        _IMAGE,
        formula=lambda x, _: x[0].repeat(3, 2).repeat(3, 3),
        judge="caffe-ssd",
    ),
    Sample(
        "with a mask",
        "upsample_param { upsample_h: 7 upsample_w: 5 }",
        ((2, 3, 4, 2), (2, 3, 4, 2)),
        values=(0, 34),
        formula=lambda x, _: _unpool(x, 7, 5),
        judge=FORMULA,
    ),
)


def _places(inputs: Sequence[np.ndarray], *, aligned: bool) -> np.ndarray:
    """Rows and columns of an output of 7 by 3, each from the place that TensorFlow's rule names."""
    x = inputs[0]
    for axis, size in ((2, 7), (3, 3)):
        scale = (x.shape[axis] - 1) / (size - 1) if aligned else x.shape[axis] / size
        place = np.arange(size) * scale
        x = np.take(x, np.floor(place + 0.5 if aligned else place).astype(int), axis)
    return x


READ = {
    "Interp": Read(interp, neutral=("use_blob_size",), samples=_INTERP),
    "Upsample": Read(upsample, neutral=("dims_num",), samples=_UPSAMPLE),
    "UpsampleDarknet": Read(
        upsample_darknet,
        samples=(
            Sample(
                "plain",
                "upsample_darknet_param { stride: 2 }",
                _IMAGE,
                formula=lambda x, _: x[0].repeat(2, 2).repeat(2, 3),
                judge=FORMULA,
            ),
        ),
    ),
    "ResizeBilinear": Read(
        resize_bilinear,
        samples=(
            Sample(
                "corners in place",
                'resize_bilinear_param { output_height: 7 output_width: 3 align_corners: true data_format: "NCHW" }',
                _IMAGE,
                formula=_linear(7, 3),
                judge=FORMULA,
            ),
        ),
    ),
    "ResizeNearestNeighbor": Read(
        resize_nearest_neighbor,
        samples=(
            Sample(
                "rounded down",
                'resize_nearest_neighbor_param { output_height: 7 output_width: 3 data_format: "NCHW" }',
                _IMAGE,
                formula=lambda x, _: _places(x, aligned=False),
                judge=FORMULA,
            ),
            Sample(
                "corners in place",
                "resize_nearest_neighbor_param { output_height: 7 output_width: 3 align_corners: true "
                'data_format: "NCHW" }',
                _IMAGE,
                formula=lambda x, _: _places(x, aligned=True),
                judge=FORMULA,
            ),
        ),
    ),
}
