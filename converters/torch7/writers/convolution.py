"""Convolutions: nn pads both ends alike and knows no groups; other padding and groups become modules around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.torch7.writers.lines import as_images, is_line
from converters.torch7.writers.padding import symmetric, zero_padding
from converters.weights import ArrayWeight, ComputedWeight, Weight, reshaped

_LETTERS = {2: "HW", 3: "THW"}
MAX_GROUPS = 64


def fields(letters: str, kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int]) -> dict[str, object]:
    """The fields kH kW dH dW padH padW."""
    named = zip(letters, kernel, stride, pad, strict=True)
    return {
        f"{prefix}{letter}": value
        for letter, *rest in named
        for prefix, value in zip(("k", "d", "pad"), rest, strict=True)
    }


def conv(match: Match, view: View) -> Sequence[Layer]:
    """Writes Conv as SpatialConvolution, SpatialDilatedConvolution, VolumetricConvolution, or one a group."""
    attrs, data = match.attrs[0], match.inputs[0]
    weight = view.weight(match.operand(1))
    dims = view.rank(data) - 2
    letters = _LETTERS.get(dims)
    if is_line(view, match):
        return _line(match, view, weight)
    if letters is None:
        raise Declined(f"nn convolves over one to three spatial dimensions, this one has {dims}")
    group, out = attrs.integer("group"), weight.shape[0]
    kernel = attrs.integers("kernel_shape") or weight.shape[2:]
    stride, dilation = attrs.integers("strides") or (1,) * dims, attrs.integers("dilations") or (1,) * dims
    pad, parts = symmetric(attrs.integers("pads") or (0,) * 2 * dims, dims)
    window = fields(letters, kernel, stride, pad)
    prefix = "Spatial" if dims == 2 else "Volumetric"
    kind = f"nn.{prefix}Convolution"
    if set(dilation) != {1}:
        kind = f"nn.{prefix}DilatedConvolution"
        window |= {f"dilation{letter}": value for letter, value in zip(letters, dilation, strict=True)}
    bias = None if match.operand(2) is None else view.weight(match.operand(2), "bias")
    planes = {"nInputPlane": weight.shape[1] * group, "nOutputPlane": out}
    if group == 1:
        if dims == 3 and bias is None:
            bias = ArrayWeight(np.zeros(out, np.float32))
        weights = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
        return match.series(*parts, Part(kind, {**planes, **window}, weights))
    if kind == "nn.SpatialConvolution" and weight.shape[1] == 1:
        return _depthwise(match, group, weight, bias, (kernel, stride, pad))
    if group > MAX_GROUPS or parts:
        raise Declined(f"nn has no grouped convolution; up to {MAX_GROUPS} groups are written as one convolution each")
    return _grouped(match, kind, window, weight, bias, group)


def _line(match: Match, view: View, weight: Weight) -> Sequence[Layer]:
    """One spatial dimension: a SpatialConvolution over images of height 1."""
    attrs = match.attrs[0]
    pads, out = attrs.integers("pads") or (0, 0), weight.shape[0]
    if attrs.integer("group") != 1 or pads[0] != pads[1] or set(attrs.integers("dilations") or (1,)) != {1}:
        raise Declined("convolutions over one dimension are written without groups, dilation or one-sided padding")
    kernel = attrs.integers("kernel_shape") or weight.shape[2:]
    window = fields("HW", (1, *kernel), (1, *(attrs.integers("strides") or (1,))), (0, pads[0]))
    weights = {"weight": reshaped(weight, (out, weight.shape[1], 1, weight.shape[2]))}
    if match.operand(2) is not None:
        weights["bias"] = view.weight(match.operand(2), "bias")
    planes = {"nInputPlane": weight.shape[1], "nOutputPlane": out}
    return as_images(match, view, "nn.SpatialConvolution", {**planes, **window}, weights)


def _grouped(
    match: Match, kind: str, window: dict[str, object], weight: Weight, bias: Weight | None, group: int
) -> Sequence[Layer]:
    """Each group's planes cut out by a Narrow, convolved, and joined again."""
    layers, made = [], []
    inner, outer = weight.shape[1], weight.shape[0] // group
    for number in range(group):
        part, name = f"{match.name}/narrow{number + 1}", f"{match.name}/group{number + 1}"
        cut = {"dimension": 2, "index": number * inner + 1, "length": inner}
        layers.append(match.layer("nn.Narrow", cut, outputs=[part], role=f"narrow{number + 1}"))
        weights = {"weight": _rows(weight, number * outer, outer)}
        if bias is not None:
            weights["bias"] = _rows(bias, number * outer, outer)
        planes = {"nInputPlane": inner, "nOutputPlane": outer, **window}
        layers.append(match.layer(kind, planes, weights, inputs=[part], outputs=[name], role=f"group{number + 1}"))
        made.append(name)
    return [*layers, match.layer("nn.JoinTable", {"dimension": 2}, inputs=made)]


def _rows(weight: Weight, first: int, count: int) -> Weight:
    shape = (count, *weight.shape[1:])
    return ComputedWeight(shape, weight.dtype, lambda: weight.array()[first : first + count])


def _depthwise(
    match: Match, group: int, weight: Weight, bias: Weight | None, window: tuple[Sequence[int], ...]
) -> Sequence[Layer]:
    """One input plane an output plane: SpatialConvolutionMap with a table of connections."""
    kernel, stride, pad = window
    out = weight.shape[0]
    multiplier = out // group
    links = np.array([(plane // multiplier + 1, plane + 1) for plane in range(out)], np.float32)
    attrs: dict[str, object] = {
        "nInputPlane": group, "nOutputPlane": out, "kH": kernel[0], "kW": kernel[1], "dH": stride[0], "dW": stride[1],
    }  # fmt: skip
    weights = {
        "weight": reshaped(weight, (out, *kernel)),
        "bias": bias or ArrayWeight(np.zeros(out, np.float32)),
        "connTable": ArrayWeight(links),
    }
    padding = [zero_padding((*pad, *pad))] if any(pad) else []
    return match.series(*padding, Part("nn.SpatialConvolutionMap", attrs, weights))


def conv_transpose(match: Match, view: View) -> Sequence[Layer]:
    """Writes ConvTranspose as SpatialFullConvolution or VolumetricFullConvolution."""
    attrs, data = match.attrs[0], match.inputs[0]
    weight = view.weight(match.operand(1))
    dims = view.rank(data) - 2
    letters = _LETTERS.get(dims)
    if letters is None or attrs.integer("group") != 1 or attrs.integers("output_shape"):
        raise Declined("nn has transposed convolutions over two or three dimensions, without groups or output_shape")
    if set(attrs.integers("dilations") or (1,)) != {1}:
        raise Declined("nn has no dilated transposed convolution")
    pads = attrs.integers("pads") or (0,) * 2 * dims
    if pads[:dims] != pads[dims:]:
        raise Declined(f"its padding {list(pads)} differs at both ends")
    kernel = attrs.integers("kernel_shape") or weight.shape[2:]
    window = fields(letters, kernel, attrs.integers("strides") or (1,) * dims, pads[:dims])
    adjust = attrs.integers("output_padding") or (0,) * dims
    window |= {f"adj{letter}": value for letter, value in zip(letters, adjust, strict=True)}
    planes = {"nInputPlane": weight.shape[0], "nOutputPlane": weight.shape[1]}
    bias = match.operand(2)
    weights = {"weight": weight} if bias is None else {"weight": weight, "bias": view.weight(bias, "bias")}
    kind = f"nn.{'Spatial' if dims == 2 else 'Volumetric'}FullConvolution"
    return [match.layer(kind, {**planes, **window}, weights)]


_CONV = (
    Sample(
        "asymmetric",
        "out0 = Conv<strides = [2, 1], pads = [0, 1, 0, 1]>(in0, w0, w1)",
        ((2, 3, 9, 7),),
        ((4, 3, 3, 2), (4,)),
    ),
    Sample(
        "padding differs at both ends", "out0 = Conv<pads = [0, 1, 2, 0]>(in0, w0)", ((2, 3, 9, 7),), ((4, 3, 3, 2),)
    ),
    Sample("dilated", "out0 = Conv<dilations = [3, 2]>(in0, w0, w1)", ((1, 2, 11, 10),), ((2, 2, 2, 3), (2,))),
    Sample(
        "depthwise",
        "out0 = Conv<group = 3, strides = [1, 2], pads = [1, 0, 1, 0]>(in0, w0, w1)",
        ((2, 3, 6, 9),),
        ((6, 1, 3, 2), (6,)),
    ),
    Sample(
        "grouped", "out0 = Conv<group = 2, pads = [1, 0, 1, 0]>(in0, w0, w1)", ((2, 4, 6, 9),), ((6, 2, 3, 2), (6,))
    ),
    Sample("line", "out0 = Conv<strides = [2], pads = [1, 1]>(in0, w0, w1)", ((2, 3, 9),), ((4, 3, 4), (4,))),
    Sample("volumes", "out0 = Conv<pads = [0, 1, 2, 0, 1, 2]>(in0, w0)", ((1, 2, 4, 5, 6),), ((2, 2, 1, 2, 3),)),
)

WRITE = (
    Write(conv, ("Conv",), neutral=("auto_pad",), samples=_CONV),
    Write(
        conv_transpose,
        ("ConvTranspose",),
        neutral=("auto_pad",),
        samples=(
            Sample(
                "asymmetric",
                "out0 = ConvTranspose<strides = [2, 3], pads = [1, 0, 1, 0], output_padding = [1, 2]>(in0, w0, w1)",
                ((2, 3, 5, 4),),
                ((3, 4, 3, 4), (4,)),
            ),
        ),
    ),
)
