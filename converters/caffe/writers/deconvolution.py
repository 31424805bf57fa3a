"""ConvTranspose: Caffe cuts both ends alike; the rest is cut by a Slice, a missing end grows the kernel by zeros."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.caffe.cropping import crop
from converters.caffe.windows import convolution_fields, split
from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.weights import ComputedWeight, Weight


def conv_transpose(match: Match, view: View) -> Sequence[Layer]:
    """Writes ConvTranspose as Deconvolution, with a Slice behind it where the ends are cut differently."""
    attrs = match.attrs[0]
    data, weight, bias = match.inputs[0], view.weight(match.operand(1)), match.operand(2)
    if len(match.inputs) > 1:
        raise Declined("its bias is computed by the network, not stored in the model")
    dims = view.rank(data) - 2
    kernel = attrs.integers("kernel_shape") or weight.shape[2:]
    stride = attrs.integers("strides") or (1,) * dims
    dilation = attrs.integers("dilations") or (1,) * dims
    group = attrs.integer("group")
    full = tuple(
        step * (size - 1) + (taps - 1) * gap + 1
        for size, step, taps, gap in zip(view.sizes(data, 2), stride, kernel, dilation, strict=True)
    )
    before, after = _cuts(match, view, full)
    if any(cut < 0 for cut in before):
        raise Declined(f"it begins {[-cut for cut in before]} in front of its first value")
    taps = [-(min(cut, 0) // gap) for cut, gap in zip(after, dilation, strict=True)]
    grown = tuple(size + more * gap for size, more, gap in zip(full, taps, dilation, strict=True))
    after = tuple(cut + more * gap for cut, more, gap in zip(after, taps, dilation, strict=True))
    pad = tuple(map(min, before, after))
    weights = {0: _with_zeros(weight, taps)} | ({} if bias is None else {1: view.weight(bias, "bias")})
    fields = {
        "num_output": weight.shape[1] * group,
        **({"bias_term": False} if bias is None else {}),
        **convolution_fields(weights[0].shape[2:], stride, pad, dilation, group),
    }
    out = view.sizes(match.output, 2)
    sizes = tuple(size - 2 * cut for size, cut in zip(grown, pad, strict=True))
    if sizes == out:
        return [match.layer("Deconvolution", fields, weights, inputs=[data])]
    inner = f"{match.name}/uncut"
    stretches = {axis + 2: (before[axis] - pad[axis], out[axis]) for axis in range(dims)}
    leading = (0, weight.shape[1] * group)
    return [
        match.layer("Deconvolution", fields, weights, inputs=[data], outputs=[inner]),
        *crop(match, inner, (*leading, *sizes), stretches, match.output),
    ]


def _cuts(match: Match, view: View, full: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What ONNX cuts off the full result at both ends; below zero it adds (output_padding)."""
    attrs, dims = match.attrs[0], len(full)
    mode = attrs.text("auto_pad") or "NOTSET"
    extra = attrs.integers("output_padding") or (0,) * dims
    pads = attrs.integers("pads") or (0,) * 2 * dims
    out = view.sizes(match.output, 2)
    if attrs.integers("output_shape") or mode.startswith("SAME"):
        totals = [size + more - wanted for size, more, wanted in zip(full, extra, out, strict=True)]
        if min(totals) < 0:
            raise Declined(f"its output {list(out)} is larger than what it computes")
        before, after = split(totals, upper=mode == "SAME_UPPER")
    else:
        before, after = pads[:dims], pads[dims:]
    return before, tuple(cut - more for cut, more in zip(after, extra, strict=True))


def _with_zeros(weight: Weight, taps: Sequence[int]) -> Weight:
    if not any(taps):
        return weight
    pads = [(0, 0), (0, 0), *((0, more) for more in taps)]
    shape = tuple(size + more for size, (_, more) in zip(weight.shape, pads, strict=True))
    return ComputedWeight(shape, weight.dtype, lambda: np.pad(weight.array(), pads))


SAMPLES = (
    Sample(
        "one spatial dimension",
        "out0 = ConvTranspose<strides = [2], pads = [1, 0]>(in0, w0, w1)",
        ((2, 2, 5),),
        ((2, 3, 4), (3,)),
    ),
    Sample(
        "three spatial dimensions",
        "out0 = ConvTranspose<strides = [2, 1, 3], pads = [1, 0, 1, 1, 1, 0]>(in0, w0, w1)",
        ((2, 2, 3, 4, 2),),
        ((2, 3, 3, 2, 4), (3,)),
    ),
    Sample(
        "asymmetric",
        "out0 = ConvTranspose<strides = [2, 3], pads = [1, 0, 1, 0]>(in0, w0, w1)",
        ((2, 2, 5, 4),),
        ((2, 3, 4, 3), (3,)),
    ),
    Sample(
        "grouped",
        "out0 = ConvTranspose<group = 3, strides = [2, 2], pads = [1, 1, 1, 1]>(in0, w0)",
        ((1, 3, 5, 4),),
        ((3, 1, 4, 4),),
    ),
    Sample(
        "dilated",
        "out0 = ConvTranspose<dilations = [2, 1], strides = [1, 2]>(in0, w0, w1)",
        ((1, 2, 4, 3),),
        ((2, 2, 2, 3), (2,)),
    ),
    Sample(
        "cut differently",
        "out0 = ConvTranspose<strides = [2, 3], pads = [0, 2, 1, 1]>(in0, w0, w1)",
        ((2, 2, 5, 4),),
        ((2, 3, 4, 3), (3,)),
    ),
    Sample(
        "output_padding",
        "out0 = ConvTranspose<strides = [2, 3], pads = [1, 0, 1, 0], output_padding = [1, 2]>(in0, w0, w1)",
        ((2, 2, 5, 4),),
        ((2, 3, 3, 3), (3,)),
    ),
    Sample(
        "output_shape",
        "out0 = ConvTranspose<strides = [2, 3], output_shape = [9, 13]>(in0, w0)",
        ((2, 2, 5, 4),),
        ((2, 3, 3, 4),),
    ),
    Sample(
        "SAME_UPPER",
        'out0 = ConvTranspose<strides = [2, 3], auto_pad = "SAME_UPPER">(in0, w0)',
        ((1, 2, 5, 4),),
        ((2, 3, 3, 4),),
    ),
)

WRITE = (Write(conv_transpose, ("ConvTranspose",), samples=SAMPLES),)
