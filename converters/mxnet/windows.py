"""Windows of ONNX's convolutions and poolings as MXNet has to be told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from converters.hub.attributes import Attributes
from converters.hub.matching import Declined, Part
from converters.hub.view import View


@dataclass(frozen=True, slots=True)
class Window:
    """One number an axis: stride, dilation, and the padding before and after."""

    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]


def window(view: View, data: ir.Value, attrs: Attributes, kernel: Sequence[int]) -> Window:
    """The window of a node with auto_pad resolved; negative padding is declined."""
    count = len(kernel)
    stride = attrs.integers("strides") or (1,) * count
    dilation = (attrs.integers("dilations") if "dilations" in attrs else ()) or (1,) * count
    pads = attrs.integers("pads") or (0,) * (2 * count)
    auto = attrs.text("auto_pad")
    before, after = pads[:count], pads[count:]
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        totals = []
        for size, length, step, gap in zip(view.sizes(data, 2), kernel, stride, dilation, strict=True):
            totals.append(max((-(-size // step) - 1) * step + gap * (length - 1) + 1 - size, 0))
        small, large = tuple(total // 2 for total in totals), tuple(total - total // 2 for total in totals)
        before, after = (small, large) if auto == "SAME_UPPER" else (large, small)
    if min((*before, *after), default=0) < 0:
        raise Declined(f"pads {list(pads)}; MXNet pads no less than 0")
    return Window(tuple(stride), tuple(dilation), tuple(before), tuple(after))


def padded(before: Sequence[int], after: Sequence[int], fill: float) -> Part:
    """A Pad of the spatial axes; MXNet pads images and volumes only."""
    if len(before) not in (2, 3):
        raise Declined("its padding differs at both ends, and MXNet pads two or three spatial axes only")
    widths = [0, 0, 0, 0]
    for pair in zip(before, after, strict=True):
        widths += pair
    return Part("Pad", {"mode": "constant", "pad_width": tuple(widths), "constant_value": fill}, role="pad")
