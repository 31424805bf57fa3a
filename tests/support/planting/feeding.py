"""Inputs of a network: half of them smooth, half white noise, as the parity check draws them."""

from __future__ import annotations

import numpy as np

from zoo.parity.graphs.graph import Graph


def feeds(graph: Graph, seed: int, batch: int = 4) -> dict[str, np.ndarray]:
    """Seeded, near the unit variance; an image's smooth half has the 1/f spectrum of photographs."""
    rng = np.random.default_rng(seed)
    made = {}
    for port in graph.model.graph.input:
        shape = [batch, *(dim.dim_value for dim in port.type.tensor_type.shape.dim[1:])]
        values = rng.standard_normal(shape)
        if len(shape) == 4:
            values[: batch // 2] = smooth(values[: batch // 2])
        made[port.name] = values.astype(np.float32)
    return made


def smooth(noise: np.ndarray) -> np.ndarray:
    """White noise with its amplitudes divided by the frequency."""
    if not noise.size:
        return noise
    high, wide = noise.shape[2:]
    frequency = np.hypot(np.fft.fftfreq(high)[:, None], np.fft.fftfreq(wide)[None])
    filtered = np.real(np.fft.ifft2(np.fft.fft2(noise) / np.maximum(frequency, 1 / max(high, wide))))
    return filtered / filtered.std()
