"""Windows: padding, pooling and their rare forms."""

from typing import List

import torch
import torch.nn.functional as F
from torch import Tensor


def same(x: Tensor, kernel: List[int], stride: List[int], dilation: List[int], upper: bool, value: float) -> Tensor:
    """Pads so that a stride of s divides the size by s, rounded up; an odd element goes to the end if `upper`."""
    amounts: List[int] = []
    for back in range(1, len(kernel) + 1):
        size, step = x.size(-back), stride[-back]
        reach = (kernel[-back] - 1) * dilation[-back] + 1
        total = max(((size + step - 1) // step - 1) * step + reach - size, 0)
        first = total // 2 if upper else total - total // 2
        amounts += [first, total - first]
    return F.pad(x, amounts, value=value)


def windows(x: Tensor, kernel: List[int], stride: List[int], dilation: List[int]) -> Tensor:
    """Every window of the last axes, its elements in one new last axis."""
    rank = len(kernel)
    for index in range(rank):
        axis = 2 + index
        reach = (kernel[index] - 1) * dilation[index] + 1
        x = x.unfold(axis, reach, stride[index])[..., :: dilation[index]]
    return x.flatten(2 + rank)


def stretched(
    x: Tensor, kernel: List[int], stride: List[int], pads: List[int], dilation: List[int], ceil: bool
) -> List[int]:
    """What must be added at the ends so that the last windows, rounded up if `ceil`, lie inside."""
    rank = len(kernel)
    extra: List[int] = []
    for index in range(rank):
        size = x.size(2 + index) + pads[index] + pads[rank + index]
        reach = (kernel[index] - 1) * dilation[index] + 1
        left = size - reach
        count = (left + stride[index] - 1) // stride[index] + 1 if ceil else left // stride[index] + 1
        if ceil and (count - 1) * stride[index] >= x.size(2 + index) + pads[index]:
            count -= 1  # a window that would begin in the padding at the end is left out
        extra.append(max((count - 1) * stride[index] + reach - size, 0))
    return extra


def edges(begin: List[int], end: List[int]) -> List[int]:
    """Begins and ends in the order that F.pad wants."""
    amounts: List[int] = []
    for index in range(len(begin) - 1, -1, -1):
        amounts += [begin[index], end[index]]
    return amounts


def average_pool(
    x: Tensor, kernel: List[int], stride: List[int], pads: List[int], dilation: List[int], ceil: bool, count_pads: bool
) -> Tensor:
    """Means of windows; padding counts as zeros if `count_pads`, what rounding up adds never counts."""
    rank = len(kernel)
    begin, end = pads[:rank], pads[rank:]
    extra = stretched(x, kernel, stride, pads, dilation, ceil)
    ones = torch.ones_like(x[:1, :1])
    ones = F.pad(ones, edges(begin, end), value=1.0 if count_pads else 0.0)
    far = [a + b for a, b in zip(end, extra)]
    total = windows(F.pad(x, edges(begin, far)), kernel, stride, dilation).sum(-1)
    count = windows(F.pad(ones, edges([0] * rank, extra)), kernel, stride, dilation).sum(-1)
    return total / count


def power_pool(
    x: Tensor, kernel: List[int], stride: List[int], pads: List[int], dilation: List[int], ceil: bool, p: int
) -> Tensor:
    """The p-norm of windows."""
    rank = len(kernel)
    extra = stretched(x, kernel, stride, pads, dilation, ceil)
    far = [a + b for a, b in zip(pads[rank:], extra)]
    total = windows(F.pad(torch.abs(x) ** p, edges(pads[:rank], far)), kernel, stride, dilation).sum(-1)
    return total ** (1.0 / p)


def max_pool(
    x: Tensor, kernel: List[int], stride: List[int], pads: List[int], dilation: List[int], ceil: bool, by_column: bool
) -> tuple[Tensor, Tensor]:
    """Largest elements of windows, and their places in the whole flattened input."""
    rank = len(kernel)
    begin, end = pads[:rank], pads[rank:]
    extra = stretched(x, kernel, stride, pads, dilation, ceil)
    far = [a + b for a, b in zip(end, extra)]
    wide = x if x.is_floating_point() else x.to(torch.float64)
    shape = list(x.shape)
    places = torch.arange(x.numel(), device=x.device)
    if by_column:
        spatial = shape[2:]
        order = list(range(2)) + list(range(rank + 1, 1, -1))
        places = places.reshape(shape[:2] + spatial[::-1]).permute(order)
    places = places.reshape(shape).to(torch.float64)
    values = windows(F.pad(wide, edges(begin, far), value=float("-inf")), kernel, stride, dilation)
    indices = windows(F.pad(places, edges(begin, far)), kernel, stride, dilation)
    best = values.argmax(-1, True)
    return values.gather(-1, best).squeeze(-1).to(x.dtype), indices.gather(-1, best).squeeze(-1).to(torch.int64)


def unpool(x: Tensor, indices: Tensor, shape: List[int]) -> Tensor:
    """Elements at their places in a tensor of zeros."""
    flat = torch.zeros([x.size(0) * x.size(1) * product(shape[2:])], dtype=x.dtype, device=x.device)
    return flat.scatter(0, indices.reshape(-1), x.reshape(-1)).reshape(shape)


def product(sizes: List[int]) -> int:
    """All sizes multiplied."""
    total = 1
    for size in sizes:
        total *= size
    return total


def fitted(x: Tensor, shape: List[int]) -> Tensor:
    """Zeros added or elements cut off at the ends, up to a shape."""
    amounts: List[int] = []
    for axis in range(x.dim() - 1, -1, -1):
        amounts += [0, shape[axis] - x.size(axis)]
    return F.pad(x, amounts)
