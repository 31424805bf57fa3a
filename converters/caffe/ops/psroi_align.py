"""PSROIAlign: R-FCN's regions, each bin the mean of a few places between the pixels of its own channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample


def psroi_align(layer: Layer, emit: Emit) -> ir.Value:
    """Reads PSROIAlign with `sample_num` as weights of rows and columns and an Einsum over them and the maps.

    Forks published three layers of this name that differ in where they look. The one that has `sample_num` (the R-FCN
    of Deng, psroi_align_layer.cu) counts a region's last pixel, keeps bins inside the map, and looks at sample_num by
    sample_num places of each bin, a sample_num + 1st of its size apart. Batch 1, as R-FCN runs.
    """
    data, regions = emit.inputs
    attrs = layer.attrs
    cut = f"--cut-at {','.join(layer.inputs)} converts all before it"
    if "sample_num" not in attrs.explicit:
        emit.refuse("sets no sample_num; forks differ in where they look for a value then", cut)
    group, out, samples = attrs.integer("group_size"), attrs.integer("output_dim"), attrs.integer("sample_num")
    batch, channels, height, width = emit.sizes(data)
    if batch != 1:
        emit.refuse("regions of several images at once; R-FCN runs one image at a time", "--batch 1")
    if channels != out * group * group or not channels or samples < 1:
        emit.refuse(
            f"{channels} channels are not output_dim {out} times group_size {group} squared, or sample_num {samples}; "
            "Caffe refuses it too"
        )
    rows = regions if emit.rank(regions) == 2 else emit("Reshape", regions, emit.constant([-1, 5], "regions"))
    columns = emit.several(5, "Split", rows, emit.constant([1] * 5, "fives"), axis=1)
    scale = attrs.number("spatial_scale")
    down = _weights(emit, columns[2], columns[4], scale, group, (height, samples))
    across = _weights(emit, columns[1], columns[3], scale, group, (width, samples))
    maps = emit.unflatten(data, (out, group, group, height, width))
    total = emit("Einsum", down, maps, equation="rgh,dgkhw->rdgkw")
    total = emit("Einsum", total, across, equation="rdgkw,rkw->rdgk")
    return emit("Div", total, emit.constant(np.float32(samples * samples), "samples"))


def _weights(emit: Emit, low: ir.Value, high: ir.Value, scale: float, bins: int, over: tuple[int, int]) -> ir.Value:
    """[R, bins, size]: how much of each place of the map the samples of a bin take, linearly between two places.

    low, high: [R, 1], the region's first and last pixel; `over`: the map's size and the samples of a bin.
    """
    size, samples = over
    one, factor = emit.constant(np.float32(1), "one"), emit.constant(np.float32(scale), "spatial_scale")
    start = emit("Mul", low, factor)
    end = emit("Mul", emit("Add", high, one), factor)
    length = emit("Max", emit("Sub", end, start), emit.constant(np.float32(0.1), "least"))
    step = emit("Div", length, emit.constant(np.float32(bins), "bins"))
    number = emit.constant(np.arange(bins, dtype=np.float32)[None], "bin")
    limits = emit.constant(np.float32(0), "first"), emit.constant(np.float32(size - 1), "last")
    first = emit("Clip", emit("Add", emit("Mul", number, step), start), *limits)
    last = emit("Clip", emit("Add", emit("Mul", emit("Add", number, one), step), start), *limits)
    apart = emit("Div", step, emit.constant(np.float32(samples + 1), "parts"))
    which = emit.constant(np.arange(1, samples + 1, dtype=np.float32)[None, None], "sample")
    axis = emit.constant([2], "axis")
    first, last, apart = (emit("Unsqueeze", part, axis) for part in (first, last, apart))
    place = emit("Add", first, emit("Mul", which, apart))
    inside = emit("Cast", emit("Less", place, last), to=1)
    pixel = emit.constant(np.arange(size, dtype=np.float32)[None, None, None], "pixel")
    behind = emit.constant([3], "behind")
    distance = emit("Abs", emit("Sub", emit("Unsqueeze", place, behind), pixel))
    share = emit("Max", emit("Sub", one, distance), emit.constant(np.float32(0), "none"))
    return emit("ReduceSum", emit("Mul", share, emit("Unsqueeze", inside, behind)), axis, keepdims=0)


def _aligned(inputs: Sequence[np.ndarray], out: int, group: int, scale: float, samples: int) -> np.ndarray:
    """Bin by bin and sample by sample, as the layer's own loop goes."""
    x, regions = inputs
    height, width = x.shape[2:]
    result = np.zeros((len(regions), out, group, group))
    for number, region in enumerate(regions.reshape(len(regions), 5)):
        left, top = region[1:3] * scale
        right, bottom = (region[3:] + 1) * scale
        tall, wide = max(bottom - top, 0.1) / group, max(right - left, 0.1) / group
        for d, row, column in np.ndindex(out, group, group):
            image = x[0, (d * group + row) * group + column]
            begin = np.clip([row * tall + top, column * wide + left], 0, [height - 1, width - 1])
            end = np.clip([(row + 1) * tall + top, (column + 1) * wide + left], 0, [height - 1, width - 1])
            for i, j in np.ndindex(samples, samples):
                h = begin[0] + (i + 1) * tall / (samples + 1)
                w = begin[1] + (j + 1) * wide / (samples + 1)
                if h < end[0] and w < end[1]:
                    result[number, d, row, column] += _between(image, h, w)
    return result / samples**2


def _between(image: np.ndarray, h: float, w: float) -> float:
    up, left = int(h), int(w)
    down, right = h - up, w - left
    above = image[up, left] * (1 - right) + image[up, left + 1] * right
    below = image[up + 1, left] * (1 - right) + image[up + 1, left + 1] * right
    return float(above * (1 - down) + below * down)


def _sample(name: str, samples: int, scale: float) -> Sample:
    return Sample(
        name,
        f"psroi_align_param {{ output_dim: 2 group_size: 3 spatial_scale: {scale} sample_num: {samples} }}",
        ((1, 18, 7, 9), (6, 5)),
        batched=False,
        values=(0, 3.2),
        formula=lambda x, _: _aligned(x, 2, 3, scale, samples),
        judge=FORMULA,
    )


READ = {
    "PSROIAlign": Read(psroi_align, samples=(_sample("two by two", 2, 1.3), _sample("three, out of the map", 3, 2.9)))
}
