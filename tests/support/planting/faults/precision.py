"""Weights rounded to fewer bits than the source holds."""

from __future__ import annotations

import numpy as np

from planting.fault import Fault, edit, swap, weighted
from planting.faults.kernels import LAYERS


def bfloat(array, rng):
    """Rounded to bfloat16, ties to even."""
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def half(array, rng):
    return array.astype(np.float16).astype(np.float32)


def tf32(array, rng):
    bits = array.astype(np.float32).view(np.uint32)
    return ((bits + 0xFFF + ((bits >> 13) & 1)) & 0xFFFFE000).astype(np.uint32).view(np.float32)


def eight_bits(array, rng):
    step = np.abs(array).max() / 127
    return np.round(array / step) * step


def everywhere(graph, node, rng):
    for other in weighted(*LAYERS)(graph):
        swap(graph, other, 1, lambda array: half(array, rng))


def only_first(graph):
    return weighted(*LAYERS)(graph)[:1]


FAULTS = (
    Fault("layer in fp16", "reduced-precision weights", weighted(*LAYERS), edit(1, half), "A36"),
    Fault("layer in bf16", "reduced-precision weights", weighted(*LAYERS), edit(1, bfloat)),
    Fault("layer in tf32", "reduced-precision weights", weighted(*LAYERS), edit(1, tf32), "A33"),
    Fault("layer in 8 bits", "reduced-precision weights", weighted(*LAYERS), edit(1, eight_bits)),
    Fault("all weights in fp16", "reduced-precision weights", only_first, everywhere),
)
