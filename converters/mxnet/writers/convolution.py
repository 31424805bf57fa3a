"""Conv and ConvTranspose as Convolution and Deconvolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import Assembly, present
from converters.mxnet.windows import padded, window


def conv(match: Match, view: View) -> Sequence[Layer]:
    """Writes Conv as Convolution; padding that differs at both ends as a Pad before it."""
    attrs, data = match.attrs[0], present(match.operand(0), "data")
    filters, _, *spatial = view.sizes(present(match.operand(1), "weight"))
    kernel = attrs.integers("kernel_shape") or tuple(spatial)
    if kernel != tuple(spatial) or len(kernel) > 3:
        raise Declined(f"kernel_shape {list(kernel)} does not go with a weight of {spatial}")
    where = window(view, data, attrs, kernel)
    fields: dict[str, Any] = {
        "kernel": kernel, "stride": where.stride, "dilate": where.dilation, "num_filter": filters,
        "num_group": attrs.integer("group"), "no_bias": match.operand(2) is None,
    }  # fmt: skip
    assembly, operands = Assembly(match, view), _operands(match)
    if where.before == where.after:
        assembly.add("Convolution", data, *operands, **fields, pad=where.before)
        return assembly.layers
    pad = padded(where.before, where.after, 0.0)
    assembly.add("Convolution", assembly.add(pad.kind, data, role=pad.role, **pad.attrs), *operands, **fields)
    return assembly.layers


def conv_transpose(match: Match, view: View) -> Sequence[Layer]:
    """Writes ConvTranspose as Deconvolution; what is cut off less at the end is adj."""
    attrs, data = match.attrs[0], present(match.operand(0), "data")
    _, filters, *kernel = view.sizes(present(match.operand(1), "weight"))
    count = len(kernel)
    stride, dilate = (attrs.integers(name) or (1,) * count for name in ("strides", "dilations"))
    more = attrs.integers("output_padding") or (0,) * count
    span = [gap * (size - 1) + 1 for gap, size in zip(dilate, kernel, strict=True)]
    pads = attrs.integers("pads") or (0,) * (2 * count)
    if attrs.integers("output_shape") or attrs.text("auto_pad") in ("SAME_UPPER", "SAME_LOWER"):
        pads = _pads(match, view, stride, [size + extra for size, extra in zip(span, more, strict=True)])
    adjust = tuple(begin - end + extra for begin, end, extra in zip(pads[:count], pads[count:], more, strict=True))
    if any(not 0 <= extra < step for extra, step in zip(adjust, stride, strict=True)) or count > 3 or min(pads) < 0:
        raise Declined(f"pads {list(pads)} with output_padding {list(more)} and strides {list(stride)}")
    if attrs.integers("kernel_shape") not in ((), tuple(kernel)):
        raise Declined("its kernel_shape is not that of its weight")
    group = attrs.integer("group")
    fields: dict[str, Any] = {
        "kernel": tuple(kernel), "stride": stride, "dilate": dilate, "pad": pads[:count], "adj": adjust,
        "num_filter": filters * group, "num_group": group, "no_bias": match.operand(2) is None,
    }  # fmt: skip
    assembly = Assembly(match, view)
    assembly.add("Deconvolution", data, *_operands(match), **fields)
    return assembly.layers


def _pads(match: Match, view: View, stride: Sequence[int], span: Sequence[int]) -> tuple[int, ...]:
    """What ONNX takes off so that the output has the size that is asked for: the odd one where auto_pad says."""
    attrs = match.attrs[0]
    sizes = view.sizes(present(match.operand(0), "data"), 2)
    wanted = attrs.integers("output_shape")[-len(sizes) :] or tuple(
        size * step for size, step in zip(sizes, stride, strict=True)
    )
    totals = [
        step * (size - 1) + width - goal for step, size, width, goal in zip(stride, sizes, span, wanted, strict=True)
    ]
    small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return (*small, *large) if attrs.text("auto_pad") == "SAME_UPPER" else (*large, *small)


def _operands(match: Match) -> tuple[ir.Value, ...]:
    return tuple(value for slot in (1, 2) if (value := match.operand(slot)) is not None)


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
            Sample("a computed weight", "out0 = Conv<pads = [0, 1, 0, 1]>(in0, in1, w0)", (*_IN, (4, 3, 3, 2)),
                   ((4,),)),
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
            Sample("output_shape", "out0 = ConvTranspose<output_shape = [9, 12], strides = [2, 3]>(in0, w0)",
                   ((2, 2, 5, 4),), ((2, 3, 3, 5),)),
            Sample("a computed weight", "out0 = ConvTranspose<strides = [2, 3]>(in0, in1)",
                   ((2, 4, 5, 4), (4, 3, 3, 5))),
            Sample("grouped", "out0 = ConvTranspose<group = 2, strides = [2, 2]>(in0, w0)", ((2, 4, 5, 4),),
                   ((4, 1, 2, 3),)),
        ),
    ),
)  # fmt: skip
