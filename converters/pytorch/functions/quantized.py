"""Numbers as integers times a scale."""

from typing import List, Optional

import torch
import torch.nn.functional as F
from torch import Tensor


def spread(s: Tensor, x: Tensor, axis: int, block: int) -> Tensor:
    """A scale or zero point in a shape that broadcasts against x: for all of it, an axis, or blocks of an axis."""
    if s.numel() == 1:
        return s.reshape([])
    if block > 0:
        return s.repeat_interleave(block, axis).narrow(axis, 0, x.size(axis))
    shape = [1] * x.dim()
    shape[axis] = -1
    return s.reshape(shape) if s.dim() == 1 else s


def quantize(x: Tensor, scale: Tensor, zero: Optional[Tensor], axis: int, block: int, low: int, high: int) -> Tensor:
    """X / scale + zero, rounded to even and kept between low and high."""
    y = torch.round(x / spread(scale, x, axis, block).to(x.dtype))
    if zero is not None:
        y = y + spread(zero, x, axis, block).to(x.dtype)
    return y.clamp(low, high)


def dequantize(x: Tensor, scale: Tensor, zero: Optional[Tensor], axis: int, block: int) -> Tensor:
    """(x - zero) * scale in the type of the scale."""
    y = x.to(torch.float32) if scale.dtype != torch.float64 else x.to(torch.float64)
    if zero is not None:
        y = y - spread(zero, x, axis, block).to(y.dtype)
    return (y * spread(scale, x, axis, block).to(y.dtype)).to(scale.dtype)


def centred(x: Tensor, zero: Optional[Tensor], axis: int) -> Tensor:
    """X - zero as float64, in which products of 8-bit numbers are exact."""
    wide = x.to(torch.float64)
    if zero is None:
        return wide
    if zero.numel() == 1:
        return wide - zero.reshape([]).to(torch.float64)
    if zero.dim() > 1:
        return wide - zero.to(torch.float64)
    shape = [1] * x.dim()
    shape[axis] = -1
    return wide - zero.reshape(shape).to(torch.float64)


def requantize(y: Tensor, factor: Tensor, zero: Tensor, low: int, high: int) -> Tensor:
    """Y * factor + zero, rounded to even and kept between low and high."""
    return (torch.round(y * factor) + zero.to(torch.float64)).clamp(low, high).to(zero.dtype)


def integer_conv(x: Tensor, w: Tensor, stride: List[int], pads: List[int], dilation: List[int], groups: int) -> Tensor:
    """A convolution over one, two or three axes; pads in F.pad's order."""
    x = F.pad(x, pads)
    if len(stride) == 1:
        return F.conv1d(x, w, None, stride, 0, dilation, groups)
    if len(stride) == 2:
        return F.conv2d(x, w, None, stride, 0, dilation, groups)
    return F.conv3d(x, w, None, stride, 0, dilation, groups)
