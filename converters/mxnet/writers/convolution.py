"""Conv and ConvTranspose as Convolution and Deconvolution."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.windows import padded, window
from converters.weights import Weight


def conv(match: Match, view: View) -> Sequence[Layer]:
    """Writes Conv as Convolution; padding that differs at both ends as a Pad before it."""
    attrs, weight = match.attrs[0], view.weight(match.operand(1))
    if len(match.inputs) > 1:
        raise Declined("its bias is computed by the network, not stored in the model")
    kernel = attrs.integers("kernel_shape") or weight.shape[2:]
    if kernel != weight.shape[2:] or len(kernel) > 3:
        raise Declined(f"kernel_shape {list(kernel)} does not go with its weight {list(weight.shape)}")
    where = window(view, match.inputs[0], attrs, kernel)
    fields = {
        "kernel": kernel, "stride": where.stride, "dilate": where.dilation, "num_filter": weight.shape[0],
        "num_group": attrs.integer("group"), "no_bias": match.operand(2) is None,
    }  # fmt: skip
    weights = _weights(view, weight, match.operand(2))
    if where.before == where.after:
        return [match.layer("Convolution", {**fields, "pad": where.before}, weights)]
    pad = padded(where.before, where.after, 0.0)
    return match.series(pad, Part("Convolution", fields, weights), inputs=match.inputs)


def conv_transpose(match: Match, view: View) -> Sequence[Layer]:
    """Writes ConvTranspose as Deconvolution; what is cut off less at the end is adj."""
    attrs, weight = match.attrs[0], view.weight(match.operand(1))
    if len(match.inputs) > 1 or attrs.integers("output_shape") or attrs.text("auto_pad") not in ("", "NOTSET"):
        raise Declined("its output_shape or auto_pad; zoo writes explicit pads")
    kernel = weight.shape[2:]
    count = len(kernel)
    stride, dilate = (attrs.integers(name) or (1,) * count for name in ("strides", "dilations"))
    pads = attrs.integers("pads") or (0,) * (2 * count)
    more = attrs.integers("output_padding") or (0,) * count
    adjust = tuple(begin - end + extra for begin, end, extra in zip(pads[:count], pads[count:], more, strict=True))
    if any(not 0 <= extra < step for extra, step in zip(adjust, stride, strict=True)) or count > 3:
        raise Declined(f"pads {list(pads)} with output_padding {list(more)} and strides {list(stride)}")
    if attrs.integers("kernel_shape") not in ((), kernel):
        raise Declined("its kernel_shape is not that of its weight")
    group = attrs.integer("group")
    fields = {
        "kernel": kernel, "stride": stride, "dilate": dilate, "pad": pads[:count], "adj": adjust,
        "num_filter": weight.shape[1] * group, "num_group": group, "no_bias": match.operand(2) is None,
    }  # fmt: skip
    return [match.layer("Deconvolution", fields, _weights(view, weight, match.operand(2)))]


def _weights(view: View, weight: Weight, bias: ir.Value | None) -> dict[int, Weight]:
    return {1: weight} if bias is None else {1: weight, 2: view.weight(bias, "bias")}


_IN = ((2, 3, 9, 7),)

WRITE = (
    Write(
        conv,
        ("Conv",),
        samples=(
            Sample("asymmetric", "out0 = Conv<strides = [2, 1], pads = [0, 1, 0, 1]>(in0, w0, w1)", _IN,
                   ((4, 3, 3, 2), (4,))),
            Sample("grouped", "out0 = Conv<group = 3, pads = [1, 0, 1, 0]>(in0, w0)", _IN, ((6, 1, 3, 1),)),
            Sample("dilated", "out0 = Conv<dilations = [3, 2], strides = [1, 2]>(in0, w0, w1)", _IN,
                   ((2, 3, 2, 3), (2,))),
            Sample("more padding behind", "out0 = Conv<strides = [2, 2], pads = [0, 1, 1, 3]>(in0, w0, w1)", _IN,
                   ((4, 3, 3, 2), (4,))),
            Sample("SAME_UPPER", 'out0 = Conv<auto_pad = "SAME_UPPER", strides = [2, 3]>(in0, w0)', _IN,
                   ((3, 3, 3, 4),)),
            Sample("one axis", "out0 = Conv<pads = [1, 1], strides = [2]>(in0, w0)", ((2, 3, 9),), ((4, 3, 3),)),
        ),
    ),
    Write(
        conv_transpose,
        ("ConvTranspose",),
        samples=(
            Sample("asymmetric", "out0 = ConvTranspose<strides = [2, 3], pads = [1, 0, 1, 0]>(in0, w0, w1)",
                   ((2, 2, 5, 4),), ((2, 3, 4, 3), (3,))),
            Sample("more at the end", "out0 = ConvTranspose<strides = [2, 3], pads = [1, 1, 0, 1], "
                   "output_padding = [0, 1]>(in0, w0)", ((2, 2, 5, 4),), ((2, 3, 4, 3),)),
            Sample("grouped", "out0 = ConvTranspose<group = 2, strides = [2, 2]>(in0, w0)", ((2, 4, 5, 4),),
                   ((4, 1, 2, 3),)),
        ),
    ),
)  # fmt: skip
