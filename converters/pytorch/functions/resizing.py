"""Resize in all of its forms, one axis after the other."""

import math
from typing import List, Optional

import torch
from torch import Tensor


def floats(t: Tensor) -> List[float]:
    """The numbers of a tensor as Python floats."""
    result: List[float] = t.reshape(-1).to(torch.float64).tolist()
    return result


def origin(places: Tensor, size: int, length: int, scale: float, coordinates: str, first: float, last: float) -> Tensor:
    """Where the elements of the result lie in the source."""
    width = scale * size
    if coordinates == "align_corners":
        return places * 0.0 if width == 1 else places * ((size - 1) / (width - 1))
    if coordinates == "asymmetric":
        return places / scale
    if coordinates == "tf_crop_and_resize":
        if width == 1:
            return places * 0.0 + ((last - first) * (size - 1) / 2 + first * (size - 1))
        return places * ((last - first) * (size - 1) / (width - 1)) + first * (size - 1)
    if coordinates == "pytorch_half_pixel" and width == 1:
        return places * 0.0 - 0.5
    moved = (places + 0.5) / scale - 0.5
    if coordinates == "half_pixel_symmetric":
        return moved + size / 2 * (1 - length / width)
    return moved


def cubic(distance: Tensor, a: float) -> Tensor:
    """The cubic convolution kernel."""
    d = torch.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))


def nearest_side(ratio: Tensor, rounding: str) -> Tensor:
    """1 where the right neighbour is taken, 0 where the left one; `ratio` is in (0, 1]."""
    if rounding == "floor":
        return (ratio == 1).to(torch.int64)
    if rounding == "ceil":
        return torch.ones_like(ratio).to(torch.int64)
    if rounding == "round_prefer_ceil":
        return (ratio >= 0.5).to(torch.int64)
    return (ratio > 0.5).to(torch.int64)


def resize_axis(
    x: Tensor,
    axis: int,
    length: int,
    scale: float,
    first: float,
    last: float,
    mode: str,
    coordinates: str,
    rounding: str,
    a: float,
    exclude: bool,
    antialias: bool,
    outside: float,
) -> Tensor:
    """The tensor with another size along one axis."""
    size = x.size(axis)
    source = origin(
        torch.arange(length, dtype=torch.float64, device=x.device), size, length, scale, coordinates, first, last
    )
    base = torch.ceil(source) - 1
    ratio = source - base
    start = base.to(torch.int64)
    shape = [1] * x.dim()
    shape[axis] = -1
    if mode == "nearest":
        result = x.index_select(axis, (start + nearest_side(ratio, rounding)).clamp(0, size - 1))
    else:
        shrink = min(scale, 1.0) if antialias else 1.0
        reach = 2 if mode == "cubic" else 1
        begin = int(math.floor(-reach / shrink)) + 1
        places = torch.arange(begin, 2 - begin if mode == "cubic" else begin + 2 - 2 * begin, device=x.device)
        distance = (places.to(torch.float64).unsqueeze(0) - ratio.unsqueeze(1)) * shrink
        weights = cubic(distance, a) if mode == "cubic" else (1 - torch.abs(distance)).clamp(0, 1)
        taps = start.unsqueeze(1) + places.unsqueeze(0)
        if exclude:
            weights = torch.where((taps >= 0) & (taps < size), weights, torch.zeros_like(weights))
        if exclude or antialias:
            weights = weights / weights.sum(1, True)
        wide = x if x.is_floating_point() else x.to(torch.float64)
        taps = taps.clamp(0, size - 1)
        result = torch.zeros([], dtype=wide.dtype, device=x.device)
        for index in range(taps.size(1)):
            result = result + wide.index_select(axis, taps[:, index]) * weights[:, index].reshape(shape).to(wide.dtype)
        result = result.to(x.dtype)
    if coordinates == "tf_crop_and_resize":
        inside = ((source >= 0) & (source <= size - 1)).reshape(shape)
        result = torch.where(inside, result, torch.full([], outside, dtype=x.dtype, device=x.device))
    return result


def resize(
    x: Tensor,
    axes: List[int],
    scales: Optional[List[float]],
    sizes: Optional[List[int]],
    roi: Optional[List[float]],
    mode: str,
    coordinates: str,
    rounding: str,
    a: float,
    exclude: bool,
    antialias: bool,
    outside: float,
    policy: str,
) -> Tensor:
    """The tensor with other sizes along some axes, by factors or to sizes."""
    count = len(axes)
    factors: List[float] = []
    lengths: List[int] = []
    for index in range(count):
        size = x.size(axes[index])
        if sizes is not None:
            factors.append(sizes[index] / size)
            lengths.append(sizes[index])
        else:
            assert scales is not None
            factors.append(scales[index])
            lengths.append(int(math.floor(size * scales[index])))
    if sizes is not None and policy != "stretch":
        factor = min(factors) if policy == "not_larger" else max(factors)
        for index in range(count):
            factors[index] = factor
            lengths[index] = int(math.floor(factor * x.size(axes[index]) + 0.5))
    for index in range(count):
        first = 0.0 if roi is None else roi[index]
        last = 1.0 if roi is None else roi[count + index]
        if lengths[index] != x.size(axes[index]) or factors[index] != 1.0 or coordinates == "tf_crop_and_resize":
            x = resize_axis(
                x, axes[index], lengths[index], factors[index], first, last,
                mode, coordinates, rounding, a, exclude, antialias, outside,
            )  # fmt: skip
    return x
