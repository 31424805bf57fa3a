"""Boxes, regions and deformed windows."""

from typing import List

import torch
from torch import Tensor


def overlap(box: Tensor, others: Tensor, centred: bool) -> Tensor:
    """Intersection over union of one box with others; corners in any order, or centre and size."""
    if centred:
        box = torch.stack([box[1] - box[3] / 2, box[0] - box[2] / 2, box[1] + box[3] / 2, box[0] + box[2] / 2])
        x, y, w, h = others[:, 0], others[:, 1], others[:, 2], others[:, 3]
        others = torch.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], 1)
    low, high = torch.minimum(box[:2], box[2:]), torch.maximum(box[:2], box[2:])
    lows, highs = torch.minimum(others[:, :2], others[:, 2:]), torch.maximum(others[:, :2], others[:, 2:])
    sides = (torch.minimum(high, highs) - torch.maximum(low, lows)).clamp(min=0)
    shared = sides[:, 0] * sides[:, 1]
    area = (high - low).prod()
    areas = (highs - lows)[:, 0] * (highs - lows)[:, 1]
    total = area + areas - shared
    return torch.where(total > 0, shared / total, torch.zeros_like(total))


def non_max_suppression(
    boxes: Tensor,
    scores: Tensor,
    most: int,
    iou_threshold: float,
    score_threshold: float,
    has_threshold: bool,
    centred: bool,
) -> Tensor:
    """Batch, class and box of every kept box; best first, none overlapping a better one of its class too much."""
    kept: List[Tensor] = []
    for batch in range(scores.size(0)):
        for label in range(scores.size(1)):
            points = scores[batch, label]
            order = torch.argsort(points, descending=True, stable=True)
            if has_threshold:
                order = order[points[order] > score_threshold]
            taken = 0
            while order.numel() > 0 and taken < most:
                best = order[0]
                kept.append(torch.stack([torch.full_like(best, batch), torch.full_like(best, label), best]))
                taken += 1
                rest = order[1:]
                order = rest[overlap(boxes[batch, best], boxes[batch, rest], centred) <= iou_threshold]
    if len(kept) == 0:
        return torch.zeros([0, 3], dtype=torch.int64, device=boxes.device)
    return torch.stack(kept)


def sample(x: Tensor, y_at: Tensor, x_at: Tensor) -> Tensor:
    """Bilinear samples of C x H x W at points of any shape; zero beyond the border by more than one."""
    height, width = x.size(-2), x.size(-1)
    top, left = torch.floor(y_at), torch.floor(x_at)
    result = torch.zeros([], dtype=x.dtype, device=x.device)
    for down in range(2):
        for right in range(2):
            row, column = top + down, left + right
            weight = (1 - torch.abs(y_at - row)) * (1 - torch.abs(x_at - column))
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            rows, columns = row.clamp(0, height - 1).to(torch.int64), column.clamp(0, width - 1).to(torch.int64)
            result = result + torch.where(inside, x[:, rows, columns] * weight, torch.zeros_like(weight))
    return result


def roi_align(
    x: Tensor,
    rois: Tensor,
    batches: Tensor,
    mode: str,
    height: int,
    width: int,
    ratio: int,
    scale: float,
    half_pixel: bool,
) -> Tensor:
    """Regions pooled to one size from bilinear samples, their mean or their largest weighted part."""
    found: List[Tensor] = []
    offset = 0.5 if half_pixel else 0.0
    for index in range(rois.size(0)):
        left, top, right, bottom = [float(v) * scale - offset for v in rois[index]]
        h, w = bottom - top, right - left
        if not half_pixel:
            h, w = max(h, 1.0), max(w, 1.0)
        rows = ratio if ratio > 0 else int(-(-h // height))
        columns = ratio if ratio > 0 else int(-(-w // width))
        ys = (torch.arange(height * rows, device=x.device, dtype=x.dtype) + 0.5) * (h / (height * rows)) + top
        xs = (torch.arange(width * columns, device=x.device, dtype=x.dtype) + 0.5) * (w / (width * columns)) + left
        image = x[int(batches[index])]
        if mode == "max":
            parts = corners(image, ys, xs)
        else:
            parts = near(image, ys, xs)
        parts = parts.reshape(x.size(1), height, rows, width, columns)
        found.append(parts.amax([2, 4]) if mode == "max" else parts.mean([2, 4]))
    if len(found) == 0:
        return torch.zeros([0, x.size(1), height, width], dtype=x.dtype, device=x.device)
    return torch.stack(found)


def corner(image: Tensor, ys: Tensor, xs: Tensor, down: int, right: int) -> Tensor:
    """One of the four weighted neighbours of a grid of points; zero outside by more than one."""
    height, width = image.size(-2), image.size(-1)
    inside = ((ys >= -1) & (ys <= height)).unsqueeze(1) & ((xs >= -1) & (xs <= width)).unsqueeze(0)
    ys, xs = ys.clamp(0, height - 1), xs.clamp(0, width - 1)
    top, left = torch.floor(ys), torch.floor(xs)
    y_part = ys - top if down == 1 else 1 - (ys - top)
    x_part = xs - left if right == 1 else 1 - (xs - left)
    rows = (top + down).clamp(0, height - 1).to(torch.int64)
    columns = (left + right).clamp(0, width - 1).to(torch.int64)
    taken = image[:, rows][:, :, columns] * (y_part.unsqueeze(1) * x_part.unsqueeze(0))
    return torch.where(inside, taken, torch.zeros_like(taken))


def near(image: Tensor, ys: Tensor, xs: Tensor) -> Tensor:
    """Bilinear samples on a grid."""
    return (
        corner(image, ys, xs, 0, 0)
        + corner(image, ys, xs, 0, 1)
        + corner(image, ys, xs, 1, 0)
        + corner(image, ys, xs, 1, 1)
    )


def corners(image: Tensor, ys: Tensor, xs: Tensor) -> Tensor:
    """The largest of the four weighted neighbours: what ONNX's max mode takes."""
    upper = torch.maximum(corner(image, ys, xs, 0, 0), corner(image, ys, xs, 0, 1))
    return torch.maximum(upper, torch.maximum(corner(image, ys, xs, 1, 0), corner(image, ys, xs, 1, 1)))


def deform_conv(
    x: Tensor,
    w: Tensor,
    offset: Tensor,
    bias: Tensor,
    mask: Tensor,
    stride: List[int],
    pads: List[int],
    dilation: List[int],
    groups: int,
    offset_groups: int,
) -> Tensor:
    """A 2-D convolution whose taps are moved by offsets and weighted by a mask."""
    n, channels, kh, kw = x.size(0), x.size(1), w.size(2), w.size(3)
    oh, ow = offset.size(2), offset.size(3)
    rows = torch.arange(oh, device=x.device, dtype=x.dtype).reshape(1, oh, 1) * stride[0] - pads[0]
    columns = torch.arange(ow, device=x.device, dtype=x.dtype).reshape(1, 1, ow) * stride[1] - pads[1]
    down = (
        (torch.arange(kh, device=x.device, dtype=x.dtype) * dilation[0]).reshape(kh, 1).expand(kh, kw).reshape(-1, 1, 1)
    )
    right = (
        (torch.arange(kw, device=x.device, dtype=x.dtype) * dilation[1]).reshape(1, kw).expand(kh, kw).reshape(-1, 1, 1)
    )
    moved = offset.reshape(n, offset_groups, kh * kw, 2, oh, ow)
    shares = mask.reshape(n, offset_groups, kh * kw, oh, ow)
    size = channels // offset_groups
    images: List[Tensor] = []
    for b in range(n):
        parts: List[Tensor] = []
        for g in range(offset_groups):
            y_at = rows + down + moved[b, g, :, 0]
            x_at = columns + right + moved[b, g, :, 1]
            parts.append(sample(x[b, g * size : (g + 1) * size], y_at, x_at) * shares[b, g])
        images.append(torch.cat(parts))
    taps = torch.stack(images).reshape(n, groups, channels // groups * kh * kw, oh * ow)
    kernel = w.reshape(groups, w.size(0) // groups, -1)
    return torch.einsum("gof,ngfp->ngop", kernel, taps).reshape(n, w.size(0), oh, ow) + bias.reshape(-1, 1, 1)


def col2im(
    x: Tensor, image: List[int], block: List[int], stride: List[int], pads: List[int], dilation: List[int]
) -> Tensor:
    """Blocks added up where they lie in the image."""
    rank = len(image)
    whole = [image[axis] + pads[axis] + pads[rank + axis] for axis in range(rank)]
    taps = 1
    for size in block:
        taps *= size
    places = torch.zeros([1, 1], dtype=torch.int64, device=x.device)
    for axis in range(rank):
        reach = (block[axis] - 1) * dilation[axis] + 1
        count = (whole[axis] - reach) // stride[axis] + 1
        inside = torch.arange(block[axis], device=x.device) * dilation[axis]
        starts = torch.arange(count, device=x.device) * stride[axis]
        at = inside.unsqueeze(1) + starts.unsqueeze(0)
        places = (places * whole[axis]).unsqueeze(1).unsqueeze(3) + at.unsqueeze(0).unsqueeze(2)
        places = places.reshape(places.size(0) * places.size(1), -1)
    total = 1
    for size in whole:
        total *= size
    channels = x.size(1) // taps
    flat = torch.zeros([x.size(0), channels, total], dtype=x.dtype, device=x.device)
    index = places.reshape(1, 1, -1).expand(x.size(0), channels, places.numel())
    flat = flat.scatter_add(2, index, x.reshape(x.size(0), channels, -1))
    result = flat.reshape([x.size(0), channels] + whole)
    for axis in range(rank):
        result = result.narrow(2 + axis, pads[axis], image[axis])
    return result


def tensor_scatter(past: Tensor, update: Tensor, places: Tensor, axis: int, circular: bool) -> Tensor:
    """A cache with new entries written from each sample's place on."""
    axis = axis + past.dim() if axis < 0 else axis
    shape = [1] * past.dim()
    shape[axis] = -1
    steps = torch.arange(update.size(axis), device=past.device).reshape(shape)
    first = places.reshape([-1] + [1] * (past.dim() - 1))
    index = first + steps
    index = torch.remainder(index, past.size(axis)) if circular else index
    return past.scatter(axis, index.expand(update.shape), update)
