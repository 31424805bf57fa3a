"""Normalisation as ONNX defines it, where torch's own layers do something else."""

from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor


def batch_norm_training(
    x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor, eps: float, momentum: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise by the batch's own statistics, and move the running ones towards them."""
    axes = [axis for axis in range(x.dim()) if axis != 1]
    now_mean = x.mean(axes)
    now_var = x.var(axes, unbiased=False)
    y = F.batch_norm(x, now_mean, now_var, scale, bias, eps=eps)
    return y, mean * momentum + now_mean * (1 - momentum), var * momentum + now_var * (1 - momentum)


def layer_norm(
    x: Tensor, scale: Tensor, bias: Optional[Tensor], axis: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The normalised tensor, the means and the inverse deviations."""
    axis = axis + x.dim() if axis < 0 else axis
    axes = list(range(axis, x.dim()))
    mean = x.mean(axes, True)
    inverse = torch.rsqrt((x - mean).square().mean(axes, True) + eps)
    y = (x - mean) * inverse * scale
    return y if bias is None else y + bias, mean, inverse


def rms_norm(x: Tensor, scale: Tensor, axis: int, eps: float) -> Tensor:
    """Divide by the root of the mean square of the last axes."""
    axis = axis + x.dim() if axis < 0 else axis
    axes = list(range(axis, x.dim()))
    return (x * torch.rsqrt(x.square().mean(axes, True) + eps) * scale).to(scale.dtype)


def even_response_norm(x: Tensor, size: int, alpha: float, beta: float, bias: float) -> Tensor:
    """Local response normalisation with a window of even size, which reaches one channel further up."""
    before, after = (size - 1) // 2, size - 1 - (size - 1) // 2
    squares = x.square().reshape(x.size(0), 1, x.size(1), -1)
    total = F.pad(squares, [0, 0, before, after]).unfold(2, size, 1).sum(-1).reshape(x.shape)
    return x / (bias + alpha / size * total) ** beta
