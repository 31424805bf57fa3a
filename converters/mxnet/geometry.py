"""Kernel, stride, dilation and padding of spatial operators, one number an axis."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer

_CHANNELS_FIRST = (None, "NCW", "NCHW", "NCDHW")
_CHANNELS_LAST = {3: "NWC", 4: "NHWC", 5: "NDHWC"}


@dataclass(frozen=True, slots=True)
class Window:
    """The window of a convolution or pooling, one number for each spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilate: tuple[int, ...]

    def output(self, axis: int, size: int, *, up: bool = False) -> int:
        """How many windows fit an axis of `size` values; rounded up in the convention `full`."""
        room = size + 2 * self.pad[axis] - self.dilate[axis] * (self.kernel[axis] - 1) - 1
        return (-(-room // self.stride[axis]) if up else room // self.stride[axis]) + 1


def window(layer: Layer, emit: Emit, spatial: int) -> Window:
    """The layer's window over `spatial` axes; what is not set is 1 (pad: 0)."""
    kernel = layer.attrs.integers("kernel")
    if len(kernel) != spatial or not all(type(size) is int and 0 < size < 1 << 20 for size in kernel):
        emit.refuse(f"kernel {list(kernel)} for {spatial} spatial dimensions; MXNet refuses it too")
    stride, pad = (_numbers(layer, emit, name, spatial, fill) for name, fill in (("stride", 1), ("pad", 0)))
    dilate = _numbers(layer, emit, "dilate", spatial, 1) if "dilate" in layer.attrs else (1,) * spatial
    return Window(kernel, stride, pad, dilate)


def demand_channels_first(layer: Layer, emit: Emit) -> None:
    """Refuses the layouts with channels last, which MXNet's operator does not have either."""
    layout = layer.attrs["layout"]
    if layout not in _CHANNELS_FIRST:
        emit.refuse(f"layout {layout}: zoo reads channels first (NCHW)", "set layout to NCHW and transpose the weights")


def channels_last(layer: Layer, emit: Emit, rank: int) -> bool:
    """Whether the channels of images, and of weights, come last: a layout in which only GPUs compute convolutions."""
    layout = layer.attrs["layout"]
    if layout not in _CHANNELS_FIRST and layout != _CHANNELS_LAST.get(rank):
        emit.refuse(f"layout {layout} for an input of {rank} dimensions; MXNet refuses it too")
    return layout not in _CHANNELS_FIRST


def to_front(emit: Emit, data: ir.Value) -> ir.Value:
    """Channels from the last axis to the second."""
    rank = emit.rank(data)
    return emit("Transpose", data, perm=(0, rank - 1, *range(1, rank - 1)))


def to_back(emit: Emit, data: ir.Value) -> ir.Value:
    """Channels from the second axis to the last."""
    return emit("Transpose", data, perm=(0, *range(2, emit.rank(data)), 1))


def _numbers(layer: Layer, emit: Emit, name: str, spatial: int, fill: int) -> tuple[int, ...]:
    values = layer.attrs.integers(name) or (fill,) * spatial
    if len(values) > spatial and not any(values):
        values = values[:spatial]  # the convention same demands three zeros (pooling.cc, PoolingShape)
    if len(values) != spatial or not all(type(value) is int and fill <= value < 1 << 20 for value in values):
        emit.refuse(f"{name} {list(values)} for {spatial} spatial dimensions; MXNet refuses it too")
    return values
