"""Shapes, indices and data movement with operands that are known only when the network runs."""

# Read as text and copied into model.py; never imported by zoo. TorchScript compiles all of it.

from typing import List, Optional

import torch
import torch.nn.functional as F
from torch import Tensor


def integers(t: Tensor) -> List[int]:
    """The numbers of a tensor as Python integers."""
    result: List[int] = t.reshape(-1).to(torch.int64).tolist()
    return result


def reshape(x: Tensor, shape: List[int]) -> Tensor:
    """Zero keeps a dimension, -1 takes what is left."""
    return x.reshape([x.size(axis) if size == 0 else size for axis, size in enumerate(shape)])


def flatten(x: Tensor, axis: int) -> Tensor:
    """Two dimensions: those before the axis, and those from it on."""
    if axis < 0:
        axis += x.dim()
    rows = 1
    for size in x.shape[:axis]:
        rows *= size
    columns = 1
    for size in x.shape[axis:]:
        columns *= size
    return x.reshape(rows, columns)


def expand(x: Tensor, shape: List[int]) -> Tensor:
    """Broadcast in both directions."""
    rank = max(x.dim(), len(shape))
    target = [1] * (rank - len(shape)) + shape
    own = [1] * (rank - x.dim()) + list(x.shape)
    return x.reshape(own).expand([b if a == 1 else a for a, b in zip(own, target)])


def squeeze(x: Tensor, axes: List[int]) -> Tensor:
    """Without the named dimensions, which have size 1."""
    named = [axis + x.dim() if axis < 0 else axis for axis in axes]
    return x.reshape([size for axis, size in enumerate(x.shape) if axis not in named])


def unsqueeze(x: Tensor, axes: List[int]) -> Tensor:
    """With new dimensions of size 1 at these places of the result."""
    rank = x.dim() + len(axes)
    for axis in sorted([axis + rank if axis < 0 else axis for axis in axes]):
        x = x.unsqueeze(axis)
    return x


def slices(x: Tensor, starts: List[int], ends: List[int], axes: List[int], steps: List[int]) -> Tensor:
    """Python's slices along some axes; steps may be negative."""
    for index, axis in enumerate(axes):
        size, start, end, step = x.size(axis), starts[index], ends[index], steps[index]
        start = start + size if start < 0 else start
        end = end + size if end < 0 else end
        if step > 0:
            start, end = min(max(start, 0), size), min(max(end, 0), size)
        else:
            start, end = min(max(start, 0), size - 1), min(max(end, -1), size - 1)
        x = x.index_select(
            axis, torch.arange(start, max(start, end) if step > 0 else min(start, end), step, device=x.device)
        )
    return x


def wrapped(indices: Tensor, size: int) -> Tensor:
    """Negative indices count from the end."""
    indices = indices.to(torch.int64)
    return torch.where(indices < 0, indices + size, indices)


def gather_nd(x: Tensor, indices: Tensor, batch_dims: int) -> Tensor:
    """Rows of x that tuples of indices name; the first `batch_dims` dimensions go together."""
    batch = list(x.shape[:batch_dims])
    count = 1
    for size in batch:
        count *= size
    depth = indices.size(-1)
    inner = list(x.shape[batch_dims + depth :])
    data = x.reshape([count, -1] + inner)
    tuples = indices.reshape([count, -1, depth])
    flat = torch.zeros(tuples.shape[:2], dtype=torch.int64, device=x.device)
    for position in range(depth):
        size = x.size(batch_dims + position)
        flat = flat * size + wrapped(tuples[:, :, position], size)
    rows = torch.arange(count, device=x.device).unsqueeze(1)
    return data[rows, flat].reshape(batch + list(indices.shape[batch_dims:-1]) + inner)


def scatter_elements(x: Tensor, indices: Tensor, updates: Tensor, axis: int, reduction: str) -> Tensor:
    """A copy of x with single elements replaced or combined."""
    places = wrapped(indices, x.size(axis))
    if reduction == "none":
        return x.scatter(axis, places, updates)
    return x.scatter_reduce(axis, places, updates, reduction)


def scatter_nd(x: Tensor, indices: Tensor, updates: Tensor, reduction: str) -> Tensor:
    """A copy of x with the rows that tuples of indices name replaced or combined."""
    depth = indices.size(-1)
    inner = list(x.shape[depth:])
    flat = torch.zeros(indices.shape[:-1], dtype=torch.int64, device=x.device)
    for position in range(depth):
        flat = flat * x.size(position) + wrapped(indices[..., position], x.size(position))
    flat = flat.reshape(-1)
    data = x.reshape([-1] + inner)
    new = updates.reshape([flat.numel()] + inner)
    if reduction == "none":
        result = data.index_copy(0, flat, new)
    else:
        places = flat.reshape([-1] + [1] * len(inner)).expand(new.shape)
        result = data.scatter_reduce(0, places, new, reduction)
    return result.reshape(x.shape)


def one_hot(indices: Tensor, depth: int, values: Tensor, axis: int) -> Tensor:
    """values[1] where the new axis meets the index, values[0] elsewhere."""
    rank = indices.dim() + 1
    axis = axis + rank if axis < 0 else axis
    places = torch.remainder(indices.to(torch.int64), depth)
    valid = (indices >= -depth) & (indices < depth)
    hot = (torch.arange(depth, device=indices.device) == places.unsqueeze(-1)) & valid.unsqueeze(-1)
    return torch.where(hot, values[1], values[0]).movedim(-1, axis)


def compress(x: Tensor, condition: Tensor, axis: int) -> Tensor:
    """The slices of an axis for which the condition holds; a shorter condition drops the rest."""
    return x.index_select(axis, torch.nonzero(condition).reshape(-1))


def reverse_sequence(x: Tensor, lengths: Tensor, batch_axis: int, time_axis: int) -> Tensor:
    """The first `lengths[i]` steps of sample i in reverse order, the rest as they are."""
    y = x.movedim([batch_axis, time_axis], [0, 1])
    steps = torch.arange(y.size(1), device=x.device).unsqueeze(0)
    ends = lengths.to(torch.int64).unsqueeze(1)
    order = torch.where(steps < ends, ends - 1 - steps, steps)
    rows = torch.arange(y.size(0), device=x.device).unsqueeze(1)
    return y[rows, order].movedim([0, 1], [batch_axis, time_axis])


def depth_to_space(x: Tensor, block: int) -> Tensor:
    """Blocks of channels become blocks of pixels; the block index runs slowest in the channels."""
    n, c, h, w = x.shape
    y = x.reshape(n, block, block, c // (block * block), h, w).permute(0, 3, 4, 1, 5, 2)
    return y.reshape(n, c // (block * block), h * block, w * block)


def space_to_depth(x: Tensor, block: int) -> Tensor:
    """Blocks of pixels become channels."""
    n, c, h, w = x.shape
    y = x.reshape(n, c, h // block, block, w // block, block).permute(0, 3, 5, 1, 2, 4)
    return y.reshape(n, c * block * block, h // block, w // block)


def pad(x: Tensor, pads: List[int], axes: List[int], mode: str, value: Optional[Tensor]) -> Tensor:
    """Pads (begins, then ends) along some axes; negative ones cut off."""
    count = len(axes)
    for index, axis in enumerate(axes):
        before, after = pads[index], pads[count + index]
        size = x.size(axis)
        places = torch.arange(-before, size + after, device=x.device)
        if mode == "wrap":
            x = x.index_select(axis, torch.remainder(places, size))
        elif mode == "edge":
            x = x.index_select(axis, places.clamp(0, size - 1))
        elif mode == "reflect":
            period = max(2 * (size - 1), 1)
            folded = torch.remainder(places, period)
            x = x.index_select(axis, torch.where(folded < size, folded, period - folded))
        else:
            inside = (places >= 0) & (places < size)
            shape = [1] * x.dim()
            shape[axis] = -1
            fill = torch.zeros([], dtype=x.dtype, device=x.device) if value is None else value.reshape([])
            if size == 0:
                sizes = list(x.shape)
                sizes[axis] = places.numel()
                x = fill.expand(sizes)
            else:
                x = torch.where(inside.reshape(shape), x.index_select(axis, places.clamp(0, size - 1)), fill)
    return x


def unique(x: Tensor, axis: Optional[int], in_order: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Values, first places, where each went, and counts; sorted, or in the order of their first places."""
    flat = x.reshape(-1) if axis is None else x
    dim = 0 if axis is None else axis
    values, inverse, counts = torch.unique(flat, sorted=True, return_inverse=True, return_counts=True, dim=dim)
    inverse = inverse.reshape(-1)
    steps = torch.arange(inverse.numel(), device=x.device)
    first = torch.full([counts.numel()], inverse.numel(), dtype=torch.int64, device=x.device)
    first = first.scatter_reduce(0, inverse, steps, "amin")
    if in_order:
        order = torch.argsort(first)
        rank = torch.argsort(order)
        return values.index_select(dim, order), first[order], rank[inverse], counts[order]
    return values, first, inverse, counts


def crop(x: Tensor, begin: List[int], end: List[int]) -> Tensor:
    """Negative counts cut off, positive ones add zeros, on the last axes."""
    amounts: List[int] = []
    for first, last in zip(begin[::-1], end[::-1]):
        amounts += [first, last]
    return F.pad(x, amounts)
