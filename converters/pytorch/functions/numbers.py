"""Arithmetic and reductions that PyTorch spells differently."""

from typing import List

import torch
from torch import Tensor


def reduced(axes: List[int], rank: int) -> List[int]:
    """The axes to reduce: all of them where none is named."""
    return axes if len(axes) > 0 else list(range(rank))


def reduce_sum(x: Tensor, axes: List[int], keepdim: bool) -> Tensor:
    """A sum in the element type of x; without axes x itself."""
    return torch.sum(x, axes, keepdim, dtype=x.dtype) if len(axes) > 0 else x


def reduce_mean(x: Tensor, axes: List[int], keepdim: bool) -> Tensor:
    """A mean; without axes x itself. Integers are rounded towards zero."""
    if len(axes) == 0:
        return x
    if x.is_floating_point():
        return torch.mean(x, axes, keepdim)
    count = 1
    for axis in axes:
        count *= x.size(axis)
    return torch.div(torch.sum(x, axes, keepdim), count, rounding_mode="trunc").to(x.dtype)


def reduce_prod(x: Tensor, axes: List[int], keepdim: bool) -> Tensor:
    """A product along several axes."""
    named = sorted([axis + x.dim() if axis < 0 else axis for axis in axes])
    for axis in named[::-1]:
        x = torch.prod(x, axis, keepdim, dtype=x.dtype)
    return x


def reduce_extreme(x: Tensor, axes: List[int], keepdim: bool, largest: bool) -> Tensor:
    """The largest or smallest along axes; of nothing, the least or greatest number of the type."""
    if len(axes) == 0:
        return x
    empty = False
    for axis in axes:
        empty = empty or x.size(axis) == 0
    if not empty:
        return torch.amax(x, axes, keepdim) if largest else torch.amin(x, axes, keepdim)
    named = [axis + x.dim() if axis < 0 else axis for axis in axes]
    shape = [1 if axis in named else size for axis, size in enumerate(x.shape)]
    if x.dtype == torch.bool:
        result = torch.full(shape, not largest, dtype=x.dtype, device=x.device)
    elif x.is_floating_point():
        result = torch.full(shape, float("-inf") if largest else float("inf"), dtype=x.dtype, device=x.device)
    else:
        bound = torch.iinfo(x.dtype).min if largest else torch.iinfo(x.dtype).max
        result = torch.full(shape, bound, dtype=x.dtype, device=x.device)
    return result if keepdim else result.reshape([size for axis, size in enumerate(x.shape) if axis not in named])


def arg_extreme(x: Tensor, axis: int, keepdim: bool, largest: bool, last: bool) -> Tensor:
    """The place of the first (or last) largest (or smallest) element."""
    y = x.flip([axis]) if last else x
    places = torch.argmax(y, axis, keepdim) if largest else torch.argmin(y, axis, keepdim)
    return x.size(axis) - 1 - places if last else places


def top_k(x: Tensor, k: int, axis: int, largest: bool) -> tuple[Tensor, Tensor]:
    """The k largest or smallest in order; of equal ones the first comes first."""
    wide = x.to(torch.int64) if x.dtype in (torch.uint16, torch.uint32, torch.uint64) else x
    values, places = torch.sort(wide, stable=True, dim=axis, descending=largest)
    return values.narrow(axis, 0, k).to(x.dtype), places.narrow(axis, 0, k)


def cumulative(x: Tensor, axis: int, exclusive: bool, reverse: bool, product: bool) -> Tensor:
    """Running sums or products along an axis."""
    y = x.flip([axis]) if reverse else x
    total = torch.cumprod(y, axis, dtype=x.dtype) if product else torch.cumsum(y, axis, dtype=x.dtype)
    if exclusive:
        first = torch.full_like(y.narrow(axis, 0, 1), 1 if product else 0)
        total = torch.cat([first, total.narrow(axis, 0, x.size(axis) - 1)], axis)
    return total.flip([axis]) if reverse else total


def shift_right(x: Tensor, count: Tensor) -> Tensor:
    """Shift unsigned numbers; zeros come in from the left."""
    wide, steps = x.to(torch.int64), count.to(torch.int64)
    kept = torch.where(steps == 0, -1, ~(torch.full_like(steps, -1) << (64 - steps)))
    return ((wide >> steps) & kept).to(x.dtype)


def shrink(x: Tensor, bias: float, lambd: float) -> Tensor:
    """Zero between -lambd and lambd, moved by bias outside."""
    low, high = x < -lambd, x > lambd
    return torch.where(low, x + bias, torch.where(high, x - bias, torch.zeros_like(x))).to(x.dtype)


def hardmax(x: Tensor, axis: int) -> Tensor:
    """One at the first largest element along an axis, zero elsewhere."""
    return torch.zeros_like(x).scatter(axis, torch.argmax(x, axis, True), 1.0)


def to_float8(x: Tensor, dtype: torch.dtype, saturate: bool) -> Tensor:
    """Round to an 8-bit float; beyond its range the largest number, or what the type has instead."""
    bound = torch.finfo(dtype).max
    wide = x.to(torch.float32)
    rounded = torch.where(torch.isnan(wide), wide, wide.clamp(-bound, bound)).to(dtype)
    if saturate:
        return rounded
    half = bound / 28.0 if dtype == torch.float8_e4m3fn else bound / 30.0 if bound == 240.0 else bound / 14.0
    beyond = torch.abs(wide) >= bound + half
    if dtype == torch.float8_e4m3fn:
        beyond = (
            torch.abs(wide) > bound + half
        )  # 464 is halfway to a number that the type lacks; it goes to the even one
    outside = (
        torch.where(wide > 0, float("inf"), float("-inf"))
        if dtype == torch.float8_e5m2
        else torch.full_like(wide, float("nan"))
    )
    return torch.where(beyond, outside.to(dtype).to(torch.float32), rounded.to(torch.float32)).to(dtype)


def to_narrow(x: Tensor, low: int, high: int) -> Tensor:
    """The low bits of an integer as a two's complement number of 4 or 2 bits."""
    whole = x.to(torch.int64)
    return torch.remainder(whole - low, high - low + 1) + low


def lp_normalize(x: Tensor, axis: int, p: int) -> Tensor:
    """Divide by the norm along an axis; where the norm is zero the result is zero."""
    norm = torch.sum(torch.abs(x) ** p, [axis], keepdim=True) ** (1.0 / p)
    return torch.where(norm == 0, torch.zeros_like(x), x / norm)
