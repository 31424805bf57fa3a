"""UpSampling, BilinearResize2D, AdaptiveAvgPooling2D: images of other sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import every, number, value
from converters.weights import ArrayWeight


def up_sampling(layer: Layer, emit: Emit) -> ir.Value:
    """Reads UpSampling: nearest as Resize of every input to one size, bilinear as the ConvTranspose that it is."""
    attrs = layer.attrs
    if attrs.text("sample_type") == "bilinear":
        return _bilinear(layer, emit)
    values, scale = every(layer, emit), attrs.integer("scale")
    whole = [size * scale for size in emit.sizes(values[0], 2)]
    grown = [_nearest(emit, item, whole) for item in values]
    if len(grown) == 1:
        return grown[0]
    return emit("Sum", *grown) if attrs.text("multi_input_mode") == "sum" else emit("Concat", *grown, axis=1)


def _nearest(emit: Emit, data: ir.Value, whole: list[int]) -> ir.Value:
    sizes = emit.sizes(data, 2)
    if any(full % size for full, size in zip(whole, sizes, strict=True)):
        emit.refuse(f"{list(sizes)} does not divide {whole}; MXNet refuses it too")
    scales = [1.0, 1.0, *(full / size for full, size in zip(whole, sizes, strict=True))]
    return emit(
        "Resize",
        data,
        None,
        emit.constant(scales, "scales"),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _bilinear(layer: Layer, emit: Emit) -> ir.Value:
    """A depthwise transposed convolution with the stored kernel (upsampling-inl.h, GetDeconvolutionParam)."""
    data, weight = every(layer, emit)
    scale, channels = layer.attrs.integer("scale"), emit.size(data, 1)
    kernel, pad = 2 * scale - scale % 2, -(-(scale - 1) // 2)
    return emit(
        "ConvTranspose",
        data,
        weight,
        kernel_shape=(kernel, kernel),
        strides=(scale, scale),
        pads=(pad,) * 4,
        group=channels,
    )


def bilinear_resize(layer: Layer, emit: Emit) -> ir.Value:
    """Reads BilinearResize2D as Resize to a size, by the mode's rule."""
    data, attrs = value(layer, emit, "data"), layer.attrs
    mode = attrs.text("mode")
    if mode not in _SIZES:
        emit.refuse(f"mode {mode!r} is none of MXNet's")
    before = emit.sizes(data, 2)
    after = _SIZES[mode](layer, emit, before)
    if min(after) < 1:
        emit.refuse(f"a size of {list(after)}; MXNet refuses it too")
    if after == before:
        return emit("Identity", data)
    aligned = attrs.flag("align_corners")
    return emit(
        "Resize",
        data,
        None,
        None,
        emit.constant(list(after), "sizes"),
        axes=(2, 3),
        mode="linear",
        coordinate_transformation_mode="align_corners" if aligned else "half_pixel",
    )


Size = tuple[int, ...]


def _simple(layer: Layer, emit: Emit, before: Size) -> Size:
    """Both factors where the first is given, else height and width (bilinear_resize-inl.h)."""
    if layer.attrs["scale_height"] is None:
        return layer.attrs.integer("height"), layer.attrs.integer("width")
    factors = (layer.attrs.number("scale_height"), layer.attrs.number("scale_width"))
    return tuple(int(np.float32(factor) * np.float32(size)) for factor, size in zip(factors, before, strict=True))


def _odd_scale(layer: Layer, emit: Emit, before: Size) -> Size:
    factors = (layer.attrs.number("scale_height"), layer.attrs.number("scale_width"))
    return tuple(int(size // 2 * 2 * factor) + size % 2 for factor, size in zip(factors, before, strict=True))


def _like(layer: Layer, emit: Emit, before: Size) -> Size:
    return emit.sizes(value(layer, emit, "like"), 2)


def _to(parity: int, step: int) -> Callable[[Layer, Emit, Size], Size]:
    def sizes(layer: Layer, emit: Emit, before: Size) -> Size:
        return tuple(size if size % 2 == parity else size + step for size in before)

    return sizes


_SIZES: Mapping[str, Callable[[Layer, Emit, Size], Size]] = {
    "size": _simple, "odd_scale": _odd_scale, "like": _like, "to_even_down": _to(0, -1), "to_even_up": _to(0, 1),
    "to_odd_down": _to(1, -1), "to_odd_up": _to(1, 1),
}  # fmt: skip


def adaptive_avg_pooling(layer: Layer, emit: Emit) -> ir.Value:
    """Reads AdaptiveAvgPooling2D as a mean over each cell, made of two products with constant matrices."""
    data = value(layer, emit, "data")
    wanted = layer.attrs.integers("output_size") or (1,)
    height, width = wanted if len(wanted) == 2 else (wanted[0], wanted[0])
    if (height, width) == (1, 1):
        return emit("GlobalAveragePool", data)
    rows, columns = emit.sizes(data, 2)
    left = emit.derived(ArrayWeight(_cells(rows, height)), "rows")
    right = emit.derived(ArrayWeight(np.ascontiguousarray(_cells(columns, width).T)), "columns")
    return emit("MatMul", emit("MatMul", left, data), right)


def _cells(size: int, count: int) -> np.ndarray:
    """One row for each cell: 1 / its length from floor(i size / count) to ceil((i + 1) size / count)."""
    matrix = np.zeros((count, size), np.float32)
    for cell in range(count):
        start, end = cell * size // count, -(-(cell + 1) * size // count)
        matrix[cell, start:end] = 1 / (end - start)
    return matrix


def image_normalize(layer: Layer, emit: Emit) -> ir.Value:
    """Reads normalize: (x - mean) / std for each channel, the third axis from the end."""
    data, attrs = value(layer, emit, "data"), layer.attrs
    channels = emit.size(data, emit.rank(data) - 3)
    mean, std = (np.resize(attrs.numbers(name)[:channels], (channels, 1, 1)) for name in ("mean", "std"))
    return emit("Div", emit("Sub", data, number(emit, data, mean, "mean")), number(emit, data, std, "std"))


def image_to_tensor(layer: Layer, emit: Emit) -> ir.Value:
    """Reads to_tensor: channels to the front, divided by 255."""
    data = value(layer, emit, "data")
    rank = emit.rank(data)
    floats = emit("Cast", data, to=ir.DataType.FLOAT.value)
    order = [*range(rank - 3), rank - 1, rank - 3, rank - 2]
    return emit("Div", emit("Transpose", floats, perm=order), number(emit, floats, 255, "full"))


_IMAGE = ((2, 3, 4, 5),)

READ = {
    "UpSampling": Read(
        up_sampling,
        neutral=("workspace", "num_filter", "multi_input_mode"),
        samples=(
            Sample("nearest", '{"scale": "2", "sample_type": "nearest", "num_args": "1"}', _IMAGE),
            Sample("concat", '{"scale": "2", "sample_type": "nearest", "num_args": "2"}', ((2, 3, 4, 6), (2, 2, 2, 3))),
            Sample("sum", '{"scale": "2", "sample_type": "nearest", "num_args": "2", "multi_input_mode": "sum"}',
                   ((2, 3, 4, 6), (2, 3, 2, 3))),
            Sample("bilinear", '{"scale": "2", "sample_type": "bilinear", "num_args": "2", "num_filter": "3"}', _IMAGE,
                   ((3, 1, 4, 4),)),
            Sample("bilinear by three", '{"scale": "3", "sample_type": "bilinear", "num_args": "2", "num_filter": "3"}',
                   _IMAGE, ((3, 1, 5, 5),)),
        ),
    ),
    "_contrib_BilinearResize2D": Read(
        bilinear_resize,
        neutral=("height", "width", "scale_height", "scale_width"),
        samples=(
            Sample("size", '{"height": "7", "width": "9"}', _IMAGE),
            Sample("corners not aligned", '{"height": "7", "width": "9", "align_corners": "False"}', _IMAGE),
            Sample("smaller", '{"height": "3", "width": "2", "align_corners": "False"}', _IMAGE),
            Sample("scale", '{"scale_height": "2.5", "scale_width": "1.5"}', _IMAGE),
            Sample("odd scale", '{"mode": "odd_scale", "scale_height": "2", "scale_width": "2"}', _IMAGE),
            Sample("like another", '{"mode": "like"}', ((2, 3, 4, 5), (2, 3, 7, 8))),
            Sample("to odd", '{"mode": "to_odd_up"}', _IMAGE),
        ),
    ),
    "_contrib_AdaptiveAvgPooling2D": Read(
        adaptive_avg_pooling,
        samples=(
            Sample("global", "{}", _IMAGE),
            Sample("cells that overlap", '{"output_size": "(3, 2)"}', ((2, 3, 7, 5),)),
            Sample("larger", '{"output_size": "(5,)"}', ((2, 3, 3, 4),)),
        ),
    ),
    "_image_normalize": Read(
        image_normalize,
        samples=(
            Sample("batch", '{"mean": "(0.4, 0.5, 0.6)", "std": "(0.1, 0.2, 0.3)"}', _IMAGE),
            Sample("one for all", '{"mean": "(0.4,)", "std": "(0.2,)"}', _IMAGE),
        ),
    ),
    "_image_to_tensor": Read(image_to_tensor, samples=(Sample("batch", "{}", ((2, 4, 5, 3),), values=(0, 255)),)),
}  # fmt: skip
