"""Pad, Resize, DepthToSpace and SpaceToDepth: numbers moved about by convolutions whose weights are zeros and ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from converters.caffe.windows import convolution_fields
from converters.caffe.writers.convolution import all_axes
from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.weights import ComputedWeight, Weight

_FLOAT = np.dtype("<f4")


def pad(match: Match, view: View) -> Sequence[Layer]:
    """Writes a Pad of zeros over height and width as a Convolution that copies each channel."""
    data = match.inputs[0]
    value = match.operand(2)
    if match.attrs[0].text("mode") != "constant" or (value is not None and view.scalar(value) != 0):
        raise Declined("Caffe pads with zeros only")
    rank = view.rank(data)
    pads = all_axes(view.integers(match.operand(1), "pads"), view.integers(match.operand(3), "axes"), rank)
    if rank < 3 or pads[0] != (0, 0) or pads[1] != (0, 0) or min(min(pair) for pair in pads) < 0:
        raise Declined(f"it pads by {[list(pair) for pair in pads]}; Caffe pads behind the channels, and cuts nothing")
    before, after = (tuple(pair[end] for pair in pads[2:]) for end in (0, 1))
    most = tuple(map(max, before, after))
    kernel = tuple(abs(front - back) + 1 for front, back in zip(before, after, strict=True))
    copied = tuple(max(back - front, 0) for front, back in zip(before, after, strict=True))
    channels = view.size(data, 1)

    def weight() -> np.ndarray:
        taps = np.zeros((channels, 1, *kernel), np.float32)
        index: tuple[slice | int, ...] = (slice(None), slice(None), *copied)
        taps[index] = 1
        return taps

    return [_convolution(match, (channels, 1, *kernel), weight, channels, pad=most, group=channels)]


def resize(match: Match, view: View) -> Sequence[Layer]:
    """Writes Resize to the nearest value by whole factors as a Deconvolution of ones."""
    attrs, data = match.attrs[0], match.inputs[0]
    for slot in (1, 2, 3):
        if match.operand(slot) is not None:
            view.weight(match.operand(slot), "size")
    places = attrs.text("coordinate_transformation_mode"), attrs.text("nearest_mode")
    if attrs.text("mode") != "nearest" or places not in _REPEATING:
        raise Declined(f"it interpolates ({attrs.text('mode')}, {', '.join(places)}); Caffe repeats values at most")
    before, after = view.sizes(data), view.sizes(match.output)
    if len(before) < 3 or before[:2] != after[:2] or any(new % old for old, new in zip(before, after, strict=True)):
        raise Declined(f"it makes {list(after)} of {list(before)}, which is no whole multiple")
    factors = tuple(new // old for old, new in zip(before[2:], after[2:], strict=True))
    shape = (before[1], 1, *factors)
    weight = ComputedWeight(shape, _FLOAT, lambda: np.ones(shape, np.float32))
    fields = convolution_fields(factors, factors, (0,) * len(factors), (1,) * len(factors), before[1])
    return [match.layer("Deconvolution", {"num_output": before[1], "bias_term": False, **fields}, {0: weight},
                        inputs=[data])]  # fmt: skip


_REPEATING = {
    ("asymmetric", "floor"),
    ("half_pixel", "round_prefer_floor"),
    ("half_pixel", "round_prefer_ceil"),
    ("pytorch_half_pixel", "round_prefer_floor"),
    ("pytorch_half_pixel", "round_prefer_ceil"),
}
"""Places that, for whole factors, mean floor(i / factor)."""


def depth_to_space(match: Match, view: View) -> Sequence[Layer]:
    """Writes DepthToSpace as a Deconvolution that puts each channel in its place."""
    block, mode = match.attrs[0].integer("blocksize"), match.attrs[0].text("mode")
    channels = view.size(match.inputs[0], 1)
    shape = (channels, channels // block**2, block, block)

    def weight() -> np.ndarray:
        made = np.zeros(shape, np.float32)
        for out, row, column in np.ndindex(*shape[1:]):
            place = row * block + column
            made[place * shape[1] + out if mode == "DCR" else out * block**2 + place, out, row, column] = 1
        return made

    fields = {"num_output": shape[1], "bias_term": False, "kernel_size": block, "stride": block}
    return [match.layer("Deconvolution", fields, {0: ComputedWeight(shape, _FLOAT, weight)})]


def space_to_depth(match: Match, view: View) -> Sequence[Layer]:
    """Writes SpaceToDepth as a Convolution that takes each value to its channel."""
    block = match.attrs[0].integer("blocksize")
    channels = view.size(match.inputs[0], 1)
    shape = (channels * block**2, channels, block, block)

    def weight() -> np.ndarray:
        made = np.zeros(shape, np.float32)
        for channel, row, column in np.ndindex(channels, block, block):
            made[(row * block + column) * channels + channel, channel, row, column] = 1
        return made

    fields = {"num_output": shape[0], "bias_term": False, "kernel_size": block, "stride": block}
    return [match.layer("Convolution", fields, {0: ComputedWeight(shape, _FLOAT, weight)})]


def _convolution(
    match: Match,
    shape: tuple[int, ...],
    weight: Callable[[], np.ndarray],
    out: int,
    *,
    pad: tuple[int, ...],
    group: int,
) -> Layer:
    ones = (1,) * len(pad)
    fields = {"num_output": out, "bias_term": False, **convolution_fields(shape[2:], ones, pad, ones, group)}
    weights: dict[int, Weight] = {0: ComputedWeight(shape, _FLOAT, weight)}
    return match.layer("Convolution", fields, weights, inputs=match.inputs[:1])


_PADS = "p = Constant<value_ints = [0, 0, 1, 0, 0, 0, 2, 3]>()\n"
_SCALES = "s = Constant<value_floats = [1.0, 1.0, 2.0, 3.0]>()\n"
_IN = ((2, 3, 4, 5),)
_NEAREST = 'Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(in0, , s)'

WRITE = (
    Write(pad, ("Pad",), samples=(Sample("height and width", f"{_PADS}out0 = Pad(in0, p)", _IN),)),
    Write(resize, ("Resize",), neutral=("cubic_coeff_a", "exclude_outside", "extrapolation_value", "antialias",
                                        "keep_aspect_ratio_policy", "axes"), samples=(
        Sample("nearest, floor", f"{_SCALES}out0 = {_NEAREST}", _IN),
        Sample("nearest, half pixel", f'{_SCALES}out0 = Resize<mode = "nearest">(in0, , s)', _IN),
    )),
    Write(depth_to_space, ("DepthToSpace",), samples=(
        Sample("depth first", "out0 = DepthToSpace<blocksize = 2>(in0)", ((2, 12, 3, 4),)),
        Sample("column first", 'out0 = DepthToSpace<blocksize = 2, mode = "CRD">(in0)', ((2, 12, 3, 4),)),
    )),
    Write(space_to_depth, ("SpaceToDepth",), samples=(
        Sample("plain", "out0 = SpaceToDepth<blocksize = 2>(in0)", ((2, 3, 4, 6),)),
    )),
)  # fmt: skip
