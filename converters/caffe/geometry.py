"""Windows that slide: kernel, stride, pad and dilation in Caffe's three spellings, and Caffe's own output sizes."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer


@dataclass(frozen=True, slots=True)
class Window:
    """One number a spatial dimension for each of them; `pad` is added in front, `end` behind."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    end: tuple[int, ...]
    dilation: tuple[int, ...]


def convolution_window(layer: Layer, emit: Emit, dims: int) -> Window:
    """The window of a Convolution or Deconvolution over `dims` spatial dimensions (base_conv_layer.cpp)."""
    if dims < 1:
        emit.refuse("its input has no spatial dimension")
    pad = _per_dim(layer, emit, "pad", ("pad_h", "pad_w"), dims, 0)
    kernel = _per_dim(layer, emit, "kernel_size", ("kernel_h", "kernel_w"), dims, None)
    stride = _per_dim(layer, emit, "stride", ("stride_h", "stride_w"), dims, 1)
    dilation = _dilation(layer, emit, dims)
    start, end = four_pads(layer, emit, pad, kernel, stride)
    if layer.attrs.integer("pad_type") and (max(dilation) > 1 or layer.kind == "Deconvolution"):
        emit.refuse("pad_type does not go with dilation, nor with Deconvolution", "give pad_t, pad_b, pad_l and pad_r")
    window = Window(kernel, stride, start, end, dilation)
    numbers = (*window.kernel, *window.stride, *window.dilation)
    if min(numbers) < 1 or max(*numbers, *start, *end) >= 1 << 31 or min(*start, *end) < 0:
        emit.refuse(
            f"kernel {window.kernel}, stride {window.stride}, dilation {window.dilation}, pad {start} are no window"
        )
    return window


def _dilation(layer: Layer, emit: Emit, dims: int) -> tuple[int, ...]:
    """BVLC's `dilation`, or `hole`, as the first DeepLab called it."""
    if not layer.attrs.explicit & {"hole", "hole_h", "hole_w"}:
        return _per_dim(layer, emit, "dilation", (), dims, 1)
    if layer.attrs.integers("dilation"):
        emit.refuse("sets both hole and dilation, which are of different forks")
    return _per_dim(layer, emit, "hole", ("hole_h", "hole_w"), dims, 1)


def four_pads(
    layer: Layer, emit: Emit, pad: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The padding in front and behind: a fork's pad_t, pad_l, pad_b, pad_r where one of them is not 0, else `pad`.

    pad_type 1 of the same fork pads as TensorFlow's "same" does: the size becomes size / stride, rounded up, and an
    odd number is one larger behind.
    """
    attrs = layer.attrs
    if attrs.integer("pad_type") == 1 and not any(pad) and min(stride) > 0:
        sizes = emit.sizes(emit.inputs[0], 2)
        return _same(sizes, kernel, stride)
    if attrs.integer("pad_type"):
        emit.refuse(f"pad_type: {attrs.integer('pad_type')} with pad {pad}: only 1 without pad is known")
    top, left, bottom, right = (attrs.integer(name) for name in ("pad_t", "pad_l", "pad_b", "pad_r"))
    if not (top or left or bottom or right):
        return pad, pad
    if any(pad) or len(pad) != 2:
        emit.refuse("pad_t, pad_b, pad_l, pad_r go with two spatial dimensions and without pad")
    return (top, left), (bottom, right)


def _same(
    sizes: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    totals = [
        max((-(-size // step) - 1) * step + extent - size, 0)
        for size, extent, step in zip(sizes, kernel, stride, strict=True)
    ]
    start = tuple(total // 2 for total in totals)
    return start, tuple(total - half for total, half in zip(totals, start, strict=True))


def _per_dim(
    layer: Layer, emit: Emit, name: str, pair: tuple[str, ...], dims: int, default: int | None
) -> tuple[int, ...]:
    values = layer.attrs.integers(name)
    explicit = layer.attrs.explicit
    if any(part in explicit for part in pair):
        if dims != 2 or values:
            emit.refuse(f"{' and '.join(pair)} go with two spatial dimensions and without {name}")
        return tuple(layer.attrs.integer(part) for part in pair)
    if not values and default is not None:
        values = (default,)
    if len(values) not in (1, dims):
        emit.refuse(f"{name} has {len(values)} values, expected 1 or {dims}")
    return values * dims if len(values) == 1 else values


def demand_size(emit: Emit, data: ir.Value, result: ir.Value) -> None:
    """Refuse a window that does not fit into its input even once."""
    if any(isinstance(dim, int) and dim < 1 for dim in emit.shape(result)):
        emit.refuse(f"its window does not fit into the input {list(emit.shape(data))}; Caffe refuses it too")


def pooling_window(layer: Layer, emit: Emit) -> Window:
    """The window of a Pooling over height and width (pooling_layer.cpp)."""
    kernel = _pair(layer, "kernel_size", "kernel_h", "kernel_w")
    stride = _pair(layer, "stride", "stride_h", "stride_w")
    pad = _pair(layer, "pad", "pad_h", "pad_w")
    if 0 in kernel or 0 in stride:
        emit.refuse(f"the pooling window {kernel} with stride {stride} has no size")
    start, end = four_pads(layer, emit, pad, kernel, stride)
    if any(before >= size for before, size in zip(start, kernel, strict=True)):
        emit.refuse(f"pad {start} is not smaller than the kernel {kernel}; Caffe refuses it too")
    return Window(kernel, stride, start, end, (1, 1))


def _pair(layer: Layer, both: str, height: str, width: str) -> tuple[int, int]:
    attrs = layer.attrs
    if height in attrs.explicit or width in attrs.explicit:
        return attrs.integer(height), attrs.integer(width)
    return attrs.integer(both), attrs.integer(both)


def pooled_size(size: int, kernel: int, stride: int, pad: int, end: int, *, ceil: bool, padded: bool) -> int:
    """Caffe's pooled size: rounded up unless told otherwise, less a last window that would begin in the padding.

    `padded` says that the layer pads anywhere: then Caffe looks for such a window in both directions.
    """
    span = size + pad + end - kernel
    out = (-(-span // stride) if ceil else span // stride) + 1
    if padded and (out - 1) * stride >= size + pad:
        out -= 1
    return out
