"""Fourier transforms."""

from typing import Optional

import torch
from torch import Tensor


def dft(x: Tensor, length: Optional[int], axis: int, inverse: bool, onesided: bool) -> Tensor:
    """The transform along an axis; the last axis holds real and imaginary parts, or the real part alone."""
    axis = axis + x.dim() if axis < 0 else axis
    values = torch.complex(x[..., 0], x[..., 1]) if x.size(-1) == 2 else x[..., 0]
    if onesided and not inverse:
        return torch.view_as_real(torch.fft.rfft(values, length, axis))
    if onesided:
        count = 2 * (values.size(axis) - 1) if length is None else length
        return torch.fft.irfft(values, count, axis).unsqueeze(-1)
    return torch.view_as_real(torch.fft.ifft(values, length, axis) if inverse else torch.fft.fft(values, length, axis))


def stft(x: Tensor, step: int, window: Optional[Tensor], length: int, onesided: bool) -> Tensor:
    """Transforms of overlapping frames of N x samples x 1 (or 2: real and imaginary)."""
    frames = x.unfold(1, length, step).transpose(2, 3)
    if window is not None:
        frames = frames * window.reshape(1, 1, -1, 1)
    return dft(frames, None, 2, False, onesided)
