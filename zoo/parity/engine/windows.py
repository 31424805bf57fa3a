"""Sliding windows of convolution and pooling: sizes, pads and the slices of the input that each tap sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from zoo.parity.engine.arrays import Array

Attrs = Mapping[str, object]
Index = tuple[int | slice, ...]


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows over the spatial axes: `begin` and `end` are pads, `size` is how many windows there are an axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]
    size: tuple[int, ...]

    def padded(self, x: Array, value: float) -> Array:
        """`x` with `value` around it, as far as the last window reaches."""
        reach = [
            (count - 1) * stride + (kernel - 1) * dilation + 1
            for count, stride, kernel, dilation in zip(self.size, self.stride, self.kernel, self.dilation, strict=True)
        ]
        after = [max(0, far - before - here) for far, before, here in zip(reach, self.begin, x.shape[2:], strict=True)]
        if not any(self.begin) and not any(after):
            return x
        pads = [(0, 0), (0, 0), *zip(self.begin, after, strict=True)]
        return np.pad(x, pads, constant_values=value)

    def taps(self, padded: Array) -> Iterator[tuple[tuple[int, ...], Array]]:
        """For each position in the kernel the view of `padded` that all windows see there."""
        for at in product(*map(range, self.kernel)):
            where = tuple(
                slice(tap * dilation, tap * dilation + (count - 1) * stride + 1, stride)
                for tap, dilation, count, stride in zip(at, self.dilation, self.size, self.stride, strict=True)
            )
            index: Index = (slice(None), slice(None), *where)
            yield at, padded[index]


def windows(attrs: Attrs, kernel: Sequence[int], spatial: Sequence[int]) -> Windows:
    """The windows that Conv, MaxPool and AveragePool put over an input of the size `spatial` (ONNX's formulas).

    With ceil_mode a window that would begin behind the input and its leading pad is left out, as opset 19 says.
    """
    rank = len(kernel)
    stride, dilation = _ints(attrs, "strides", rank, 1), _ints(attrs, "dilations", rank, 1)
    pads = _ints(attrs, "pads", 2 * rank, 0)
    begin, end = list(pads[:rank]), list(pads[rank:])
    auto = attrs.get("auto_pad", "NOTSET")
    ceil = bool(attrs.get("ceil_mode", 0))
    size = []
    for axis, (k, s, d, here) in enumerate(zip(kernel, stride, dilation, spatial, strict=True)):
        span = (k - 1) * d + 1
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            count = -(-here // s)
            whole = max(0, (count - 1) * s + span - here)
            begin[axis] = whole // 2 if auto == "SAME_UPPER" else whole - whole // 2
            end[axis] = whole - begin[axis]
        else:
            if auto == "VALID":
                begin[axis] = end[axis] = 0
            room = here + begin[axis] + end[axis] - span
            count = (-(-room // s) if ceil else room // s) + 1
            if ceil and (count - 1) * s >= here + begin[axis]:
                count -= 1
        size.append(count)
    return Windows(tuple(kernel), stride, dilation, tuple(begin), tuple(end), tuple(size))


def _ints(attrs: Attrs, name: str, count: int, default: int) -> tuple[int, ...]:
    value = attrs.get(name)
    return tuple(value) if isinstance(value, Sequence) and value else (default,) * count
