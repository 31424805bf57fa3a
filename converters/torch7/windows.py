"""Windows that slide: Torch's names for kernel, stride and padding, and the sizes that Torch pools to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.torch7.reading import flag, whole


@dataclass(frozen=True, slots=True)
class Window:
    """One number a spatial dimension for each; `pad` is added at both ends."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilation: tuple[int, ...]


def window(layer: Layer, emit: Emit, letters: str) -> Window:
    """KH kW, dH dW, padH padW (absent: 0, or the one field `padding` of old files), dilationH dilationW (absent: 1)."""
    old = whole(layer, emit, "padding", 0) if "padW" not in layer.attrs else 0
    kernel = tuple(whole(layer, emit, f"k{letter}") for letter in letters)
    stride = tuple(whole(layer, emit, f"d{letter}", 1) for letter in letters)
    pad = tuple(whole(layer, emit, f"pad{letter}", old) for letter in letters)
    dilation = tuple(whole(layer, emit, f"dilation{letter}", 1) for letter in letters)
    if min(*kernel, *stride, *dilation) < 1 or min(pad) < 0:
        emit.refuse(f"kernel {kernel}, stride {stride}, padding {pad}, dilation {dilation} make no window")
    return Window(kernel, stride, pad, dilation)


@dataclass(frozen=True, slots=True)
class Pooled:
    """What pooling yields: sizes, the padding that it needs at the end, and how far beyond that windows lie."""

    sizes: tuple[int, ...]
    end: tuple[int, ...]
    outside: bool


def overhang(size: int, kernel: int, stride: int, pad: int, count: int) -> np.ndarray:
    """Kernel size over the size of each window clipped at the end of the padding: what mends an ONNX average."""
    start = np.arange(count) * stride - pad
    factors: np.ndarray = kernel / (np.minimum(start + kernel, size + pad) - start)
    return factors


def pooled(layer: Layer, emit: Emit, shape: Window, sizes: tuple[int, ...], *, ceil: bool | None = None) -> Pooled:
    """Torch's output sizes (THNN SpatialMaxPooling, SpatialAveragePooling).

    With any padding a last window that would begin beyond it is dropped; without padding it is kept, and then lies
    wholly outside the input (`outside`).
    """
    up = flag(layer, "ceil_mode") if ceil is None else ceil
    reach = tuple(dilation * (kernel - 1) + 1 for kernel, dilation in zip(shape.kernel, shape.dilation, strict=True))
    out, end, outside = [], [], False
    for size, kernel, stride, pad in zip(sizes, reach, shape.stride, shape.pad, strict=True):
        span = size + 2 * pad - kernel
        count = (-(-span // stride) if up else span // stride) + 1
        if any(shape.pad) and (count - 1) * stride >= size + pad:
            count -= 1
        if count < 1:
            emit.refuse(f"a window of {kernel} does not fit into {size} values")
        start = (count - 1) * stride - pad
        outside = outside or start >= size
        out.append(count)
        end.append(max(0, start + kernel - size))
    return Pooled(tuple(out), tuple(end), outside)
