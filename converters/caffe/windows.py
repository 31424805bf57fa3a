"""Sliding windows of ONNX nodes in Caffe's spelling: paddings resolved, one number where all are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from converters.hub.attributes import Attributes
from converters.hub.matching import Declined

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Padded:
    """One number a spatial dimension; the padding before and after may differ."""

    kernel: Sizes
    stride: Sizes
    before: Sizes
    after: Sizes
    dilation: Sizes

    @property
    def extent(self) -> Sizes:
        """What a window covers."""
        return tuple((kernel - 1) * step + 1 for kernel, step in zip(self.kernel, self.dilation, strict=True))


def window(attrs: Attributes, kernel: Sizes, sizes: Sizes) -> Padded:
    """The window of a Conv or pooling node over an input of spatial `sizes`, auto_pad resolved (ONNX's formula)."""
    dims = len(sizes)
    stride = attrs.integers("strides") or (1,) * dims
    dilation = ("dilations" in attrs and attrs.integers("dilations")) or (1,) * dims  # AveragePool has none
    pads = attrs.integers("pads") or (0,) * 2 * dims
    plain = Padded(kernel, stride, pads[:dims], pads[dims:], dilation)
    mode = attrs.text("auto_pad") or "NOTSET"
    if mode in ("NOTSET", "VALID"):
        return _fitting(
            plain if mode == "NOTSET" else Padded(kernel, stride, (0,) * dims, (0,) * dims, dilation), sizes
        )
    totals = [
        max((-(-size // step) - 1) * step + extent - size, 0)
        for size, step, extent in zip(sizes, stride, plain.extent, strict=True)
    ]
    return Padded(kernel, stride, *split(totals, upper=mode == "SAME_UPPER"), dilation)


def _fitting(padded: Padded, sizes: Sizes) -> Padded:
    room = [sum(parts) for parts in zip(sizes, padded.before, padded.after, strict=True)]
    if any(extent > size for extent, size in zip(padded.extent, room, strict=True)):
        raise Declined(f"its window {list(padded.extent)} is larger than its padded input {room}")
    return padded


def split(totals: Sequence[int], *, upper: bool) -> tuple[Sizes, Sizes]:
    """A total padding in two halves; the larger one lies behind with SAME_UPPER, in front with SAME_LOWER."""
    small = tuple(total // 2 for total in totals)
    large = tuple(total - half for total, half in zip(totals, small, strict=True))
    return (small, large) if upper else (large, small)


def spelled(name: str, values: Sizes, default: int | None, pair: Sequence[str] = ()) -> Mapping[str, object]:
    """A parameter of a window as people write it: left out, one number, `_h` and `_w`, or a number a dimension."""
    if set(values) == {default}:
        return {}
    if len(set(values)) == 1:
        return {name: values[0]}
    return dict(zip(pair, values, strict=True)) if len(pair) == len(values) else {name: values}


def convolution_fields(kernel: Sizes, stride: Sizes, pad: Sizes, dilation: Sizes, group: int) -> dict[str, object]:
    """The window's fields of a ConvolutionParameter."""
    if any(number < 0 for number in (*pad, *stride)):
        raise Declined(f"its padding {list(pad)} is negative")
    return {
        **spelled("pad", pad, 0, ("pad_h", "pad_w")),
        **spelled("kernel_size", kernel, None, ("kernel_h", "kernel_w")),
        **({"group": group} if group != 1 else {}),
        **spelled("stride", stride, 1, ("stride_h", "stride_w")),
        **spelled("dilation", dilation, 1),
    }
