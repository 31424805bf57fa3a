"""Operators of mxnet.image: crop, flip and resize pictures whose channels come last."""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import is_float, value
from converters.mxnet.ops.moves import flipped


def crop(layer: Layer, emit: Emit) -> ir.Value:
    """Reads image crop as Slice of rows and columns."""
    data, attrs = _picture(layer, emit), layer.attrs
    rank, start = emit.rank(data), (attrs.integer("y"), attrs.integer("x"))
    size = (attrs.integer("height"), attrs.integer("width"))
    for axis, begin, length in zip((rank - 3, rank - 2), start, size, strict=True):
        if begin < 0 or length < 1 or begin + length > emit.size(data, axis):
            emit.refuse(f"takes {length} from {begin} on of {emit.size(data, axis)}; MXNet refuses it too")
    ends = [begin + length for begin, length in zip(start, size, strict=True)]
    return emit("Slice", data, *(emit.constant(list(item), "crop") for item in (start, ends, (rank - 3, rank - 2))))


def flip_left_right(layer: Layer, emit: Emit) -> ir.Value:
    """Reads flip_left_right as Slice with steps of -1 over the columns."""
    return flipped(emit, _picture(layer, emit, single=True), [1])


def flip_top_bottom(layer: Layer, emit: Emit) -> ir.Value:
    """Reads flip_top_bottom as Slice with steps of -1 over the rows."""
    return flipped(emit, _picture(layer, emit, single=True), [0])


def resize(layer: Layer, emit: Emit) -> ir.Value:
    """Reads image resize as Resize between half pixels, bilinear or nearest, of floating point numbers."""
    data, attrs = _picture(layer, emit), layer.attrs
    size, interp = attrs.integers("size"), attrs.integer("interp")
    if interp != 1 or not is_float(data):
        emit.refuse(
            f"interp {interp}; zoo reads 1, bilinear, of floating point numbers: integers are rounded by OpenCV"
        )
    if len(size) not in (1, 2) or attrs.flag("keep_ratio"):
        emit.refuse(f"size {list(size)} that keeps the ratio; zoo reads width and height")
    rank, width, height = emit.rank(data), size[0], size[-1]
    order = (0, 3, 1, 2) if rank == 4 else (2, 0, 1)
    front = emit("Transpose", data, perm=order)
    if rank == 3:
        front = emit("Unsqueeze", front, emit.constant([0], "batch"))
    scales = [1.0, 1.0, *(new / old for new, old in zip((height, width), emit.sizes(front, 2), strict=True))]
    made = emit("Resize", front, None, emit.constant(scales, "scales"), mode="linear",
                coordinate_transformation_mode="half_pixel")  # fmt: skip
    if rank == 3:
        made = emit("Squeeze", made, emit.constant([0], "batch"))
    return emit("Transpose", made, perm=(0, 2, 3, 1) if rank == 4 else (1, 2, 0))


def _picture(layer: Layer, emit: Emit, *, single: bool = False) -> ir.Value:
    data = value(layer, emit, "data")
    if emit.rank(data) not in ((3,) if single else (3, 4)):
        emit.refuse(f"{emit.rank(data)} dimensions where it takes a picture or a batch of them; MXNet refuses it too")
    return data


_SOME = ((2, 6, 7, 3),)
_CROP = '{"x": "1", "y": "2", "width": "5", "height": "3"}'

_EVEN = Sample("even sides", "{}", (), draw=lambda rng, _: [rng.uniform(-2, 2, (6, 8, 3))])
"""Of an odd number of rows MXNet leaves the middle one as its memory was (image_random-inl.h, FlipImpl)."""

READ = {
    "_image_crop": Read(crop, samples=(Sample("batch", _CROP, _SOME),)),
    "_image_flip_left_right": Read(flip_left_right, samples=(_EVEN,)),
    "_image_flip_top_bottom": Read(flip_top_bottom, samples=(_EVEN,)),
    "_image_resize": Read(
        resize, samples=(Sample("larger", '{"size": "(9, 8)"}', _SOME), Sample("smaller", '{"size": "4"}', _SOME))
    ),
}
