"""Convolutions: Caffe pads both ends alike, so a kernel grows by zeros where ONNX pads one end more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.caffe.windows import Padded, convolution_fields, window
from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.weights import ComputedWeight, Weight


def conv(match: Match, view: View) -> Sequence[Layer]:
    """Writes Conv as Convolution; auto_pad is resolved, padding that differs at both ends goes into the kernel."""
    return [convolution(match, view, 0, ((0, 0),) * (view.rank(match.inputs[0]) - 2))]


def pad_conv(match: Match, view: View) -> Sequence[Layer]:
    """Writes a Pad of zeros over height and width, then Conv, as one Convolution."""
    attrs = match.attrs[0]
    if attrs.text("mode") != "constant" or view.scalar(match.operand(2)) not in (None, 0.0):
        raise Declined("Caffe pads with zeros only")
    if match.operand(2) is not None and not view.is_constant(match.operand(2)):
        raise Declined("its padding value is computed by the network")
    if match.attrs[1].text("auto_pad") not in ("", "NOTSET", "VALID"):
        raise Declined("auto_pad would pad a second time")
    rank = view.rank(match.inputs[0])
    pads = all_axes(view.integers(match.operand(1), "pads"), view.integers(match.operand(3), "axes"), rank)
    if pads[0] != (0, 0) or pads[1] != (0, 0):
        raise Declined("it pads the batch or the channels")
    return [convolution(match, view, 1, pads[2:])]


def all_axes(pads: Sequence[int], axes: Sequence[int], rank: int) -> tuple[tuple[int, int], ...]:
    """ONNX's list of pads as (before, after) for each axis."""
    chosen = [axis % rank for axis in axes] or list(range(rank))
    half = len(pads) // 2
    table = dict(zip(chosen, zip(pads[:half], pads[half:], strict=True), strict=True))
    return tuple(table.get(axis, (0, 0)) for axis in range(rank))


def convolution(match: Match, view: View, at: int, extra: Sequence[tuple[int, int]]) -> Layer:
    """The Convolution for node `at` of the match, with `extra` zeros around its input."""
    attrs = match.attrs[at]
    data, weight = match.inputs[0], view.weight(match.operand(1, at))
    if len(match.inputs) > 1:
        raise Declined("its bias is computed by the network, not stored in the model")
    kernel = attrs.integers("kernel_shape") or weight.shape[2:]
    if kernel != weight.shape[2:]:
        raise Declined(f"kernel_shape {list(kernel)} is not that of its weight {list(weight.shape)}")
    sizes = view.sizes(data, 2)
    padded = window(attrs, kernel, tuple(size + sum(pair) for size, pair in zip(sizes, extra, strict=True)))
    before = tuple(pad + pair[0] for pad, pair in zip(padded.before, extra, strict=True))
    after = tuple(pad + pair[1] for pad, pair in zip(padded.after, extra, strict=True))
    weight, kernel, pad = _even(weight, Padded(kernel, padded.stride, before, after, padded.dilation))
    group = attrs.integer("group")
    fields = convolution_fields(kernel, padded.stride, pad, padded.dilation, group)
    return match.layer(
        "Convolution", {"num_output": weight.shape[0], **_bias_term(match.operand(2, at)), **fields},
        _weights(view, weight, match.operand(2, at)), inputs=[data],
    )  # fmt: skip


def _bias_term(bias: ir.Value | None) -> dict[str, object]:
    return {"bias_term": False} if bias is None else {}


def _weights(view: View, weight: Weight, bias: ir.Value | None) -> dict[int, Weight]:
    return {0: weight} if bias is None else {0: weight, 1: view.weight(bias, "bias")}


def _even(weight: Weight, padded: Padded) -> tuple[Weight, tuple[int, ...], tuple[int, ...]]:
    """Weight, kernel and padding with both ends alike: taps of zero on the side with less padding.

    The windows begin and end as before: floor((in + 2 max - (k + max - min)) / s) = floor((in + max + min - k) / s).
    """
    if padded.before == padded.after:
        return weight, padded.kernel, padded.before
    taps: list[tuple[int, int]] = []
    for before, after, step in zip(padded.before, padded.after, padded.dilation, strict=True):
        if (before - after) % step:
            raise Declined(f"its padding {before} and {after} differs by no multiple of its dilation {step}")
        taps.append((max(after - before, 0) // step, max(before - after, 0) // step))
    kernel = tuple(size + sum(pair) for size, pair in zip(padded.kernel, taps, strict=True))
    grown = ComputedWeight(
        (*weight.shape[:2], *kernel), weight.dtype, lambda: np.pad(weight.array(), [(0, 0), (0, 0), *taps])
    )
    return grown, kernel, tuple(map(max, padded.before, padded.after))


_W = ((2, 3, 9, 7),)

CONV = (
    Sample("asymmetric", "out0 = Conv<strides = [2, 1], pads = [0, 1, 0, 1]>(in0, w0, w1)", _W, ((4, 3, 3, 2), (4,))),
    Sample(
        "grouped without bias", "out0 = Conv<group = 3, pads = [1, 0, 1, 0]>(in0, w0)", ((2, 3, 5, 8),), ((6, 1, 3, 1),)
    ),
    Sample(
        "dilated",
        "out0 = Conv<dilations = [3, 2], strides = [1, 2]>(in0, w0, w1)",
        ((1, 2, 11, 10),),
        ((2, 2, 2, 3), (2,)),
    ),
    Sample(
        "more padding behind",
        "out0 = Conv<strides = [2, 2], pads = [0, 1, 1, 3]>(in0, w0, w1)",
        ((2, 3, 8, 10),),
        ((4, 3, 3, 2), (4,)),
    ),
    Sample(
        "more padding in front",
        "out0 = Conv<strides = [2, 3], pads = [2, 1, 1, 0]>(in0, w0)",
        ((2, 3, 8, 11),),
        ((4, 3, 3, 2),),
    ),
    Sample(
        "more padding behind, dilated",
        "out0 = Conv<dilations = [2, 1], pads = [0, 0, 2, 1]>(in0, w0)",
        ((1, 2, 9, 8),),
        ((4, 2, 3, 2),),
    ),
    Sample(
        "SAME_UPPER",
        'out0 = Conv<auto_pad = "SAME_UPPER", strides = [2, 3]>(in0, w0)',
        ((1, 2, 8, 10),),
        ((3, 2, 3, 4),),
    ),
    Sample(
        "SAME_LOWER",
        'out0 = Conv<auto_pad = "SAME_LOWER", strides = [2, 1]>(in0, w0)',
        ((1, 2, 8, 9),),
        ((3, 2, 3, 2),),
    ),
    Sample("VALID", 'out0 = Conv<auto_pad = "VALID">(in0, w0)', ((1, 2, 8, 9),), ((3, 2, 3, 2),)),
    Sample(
        "three spatial dimensions",
        "out0 = Conv<pads = [0, 1, 2, 0, 1, 2]>(in0, w0, w1)",
        ((1, 2, 4, 5, 6),),
        ((2, 2, 1, 2, 3), (2,)),
    ),
    Sample(
        "one spatial dimension",
        "out0 = Conv<pads = [1, 1], strides = [2]>(in0, w0, w1)",
        ((2, 2, 9),),
        ((2, 2, 3), (2,)),
    ),
)

PAD_CONV = (
    Sample(
        "padding added up",
        "p = Constant<value_ints = [0, 0, 1, 0, 0, 0, 2, 3]>()\na = Pad(in0, p)\n"
        "out0 = Conv<pads = [0, 1, 0, 1], strides = [2, 1]>(a, w0, w1)",
        ((2, 3, 6, 7),),
        ((4, 3, 3, 2), (4,)),
    ),
)

WRITE = (Write(conv, ("Conv",), samples=CONV), Write(pad_conv, ("Pad", "Conv"), samples=PAD_CONV))
