"""Tensors made from numbers."""

import math

import torch
from torch import Tensor


def float_range(start: float, limit: float, delta: float) -> Tensor:
    """start, start + delta, ... below limit."""
    count = max(int(math.ceil((limit - start) / delta)), 0)
    return torch.arange(count, dtype=torch.float64) * delta + start


def eye(x: Tensor, k: int) -> Tensor:
    """Ones on the k-th diagonal of a matrix of the shape of x."""
    rows = torch.arange(x.size(0), device=x.device).unsqueeze(1)
    return torch.arange(x.size(1), device=x.device).unsqueeze(0) == rows + k


def phase(size: int, periodic: bool, like: Tensor) -> Tensor:
    """The angles 2 pi n / N of a window's elements."""
    steps = size if periodic else size - 1
    return torch.arange(size, dtype=torch.float64, device=like.device) * (2 * math.pi / steps)


def hann(size: int, periodic: bool, like: Tensor) -> Tensor:
    """Hann's window."""
    return 0.5 - 0.5 * torch.cos(phase(size, periodic, like))


def hamming(size: int, periodic: bool, like: Tensor) -> Tensor:
    """Hamming's window with ONNX's coefficients 25/46 and 21/46."""
    return 25 / 46 - 21 / 46 * torch.cos(phase(size, periodic, like))


def blackman(size: int, periodic: bool, like: Tensor) -> Tensor:
    """Blackman's window."""
    angle = phase(size, periodic, like)
    return 0.42 - 0.5 * torch.cos(angle) + 0.08 * torch.cos(2 * angle)


def mel_weights(bins: int, length: int, rate: int, low: float, high: float, like: Tensor) -> Tensor:
    """Triangles that are evenly spaced on the mel scale, as ONNX's MelWeightMatrix defines them."""
    count = length // 2 + 1
    first = 2595 * math.log10(1 + low / 700)
    last = 2595 * math.log10(1 + high / 700)
    mels = torch.arange(bins + 2, dtype=torch.float64) * ((last - first) / (bins + 2)) + first
    hertz = 700 * (torch.pow(10.0, mels / 2595) - 1)
    places = torch.floor((length + 1) * hertz / rate).to(torch.int64).tolist()
    result = torch.zeros([count, bins], dtype=torch.float64)
    for index in range(bins):
        lower, middle, upper = int(places[index]), int(places[index + 1]), int(places[index + 2])
        if middle == lower:
            result[middle, index] = 1.0
        else:
            for place in range(lower, middle + 1):
                result[place, index] = (place - lower) / (middle - lower)
        if upper > middle:
            for place in range(middle, upper):
                result[place, index] = (upper - place) / (upper - middle)
    return result.to(like.device)
