"""Convolutions: nn pads both ends alike and knows no groups; other padding and groups become modules around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.torch7.writers.padding import symmetric, zero_padding
from converters.weights import ArrayWeight, Weight, reshaped

_LETTERS = {2: "HW", 3: "THW"}


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
    if letters is None:
        raise Declined(f"nn convolves over two or three spatial dimensions, this one has {dims}")
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
    if kind != "nn.SpatialConvolution" or weight.shape[1] != 1 or group != weight.shape[1] * group:
        raise Declined(f"nn has no convolution in {group} groups of this kind; only depthwise ones can be written")
    return _depthwise(match, group, weight, bias, (kernel, stride, pad))


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
