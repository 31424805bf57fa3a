"""Views, transpositions, slices: the same numbers in other dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Dim, Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    axis,
    integers,
    only,
    sample_dims,
    slices,
    whole,
)


def view(layer: Layer, emit: Emit) -> ir.Value:
    """Reads View: the size, with a batch in front where the input has more values than the size (View.lua).

    With one image and no numInputDims real Torch drops the batch; a batch of symbolic size stays.
    """
    data = only(emit)
    shape, size = emit.shape(data), integers(layer, emit, "size")
    inner = sample_dims(layer, emit, "numInputDims")
    within = shape if inner is None else shape[len(shape) - min(inner, len(shape)) :]
    outside = shape[: len(shape) - len(within)]
    batch: Dim = _quotient(emit, within, size)
    for dim in outside:
        batch = dim if batch == 1 else batch if dim == 1 else _product(emit, batch, dim)
    if batch == 1 and (inner is None or len(shape) <= inner):
        return emit.reshape(data, size)
    if -1 in size and isinstance(batch, str):
        return emit.unflatten(data, (batch if shape[0] != batch else 0, *_known(emit, data, size)))
    return emit.reshape(data, (batch, *size))


def _quotient(emit: Emit, within: Sequence[Dim], size: Sequence[int]) -> Dim:
    """How many samples of `size` the dimensions hold: a number or the one symbol among them; 1 where a size is -1."""
    if -1 in size:
        return 1
    fixed = math.prod(dim for dim in within if isinstance(dim, int))
    symbols = [dim for dim in within if not isinstance(dim, int)]
    count = math.prod(size)
    if count < 1 or fixed % count:
        if not symbols:
            emit.refuse(f"its input has {fixed} values, which is no multiple of {count}")
        emit.refuse("the batch size must be a fixed number here", "--batch 1", code="needs-fixed-shape")
    if not symbols:
        return fixed // count
    if len(symbols) > 1 or fixed != count:
        emit.refuse("the batch size must be a fixed number here", "--batch 1", code="needs-fixed-shape")
    return symbols[0]


def _product(emit: Emit, first: Dim, second: Dim) -> Dim:
    if not isinstance(first, int) or not isinstance(second, int):
        emit.refuse("the batch size must be a fixed number here", "--batch 1", code="needs-fixed-shape")
    return first * second


def _known(emit: Emit, data: ir.Value, size: Sequence[int]) -> tuple[int, ...]:
    """The size with its -1 computed from the fixed dimensions behind the batch."""
    total = math.prod(emit.sizes(data, 1))
    rest = math.prod(dim for dim in size if dim != -1)
    if rest < 1 or total % rest:
        emit.refuse(f"{total} values cannot be divided into {list(size)}")
    return tuple(total // rest if dim == -1 else dim for dim in size)


def reshape(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Reshape: with batchMode nil, all values at once if there are as many, unless the first dimension is 1."""
    data = only(emit)
    shape, size = emit.shape(data), integers(layer, emit, "size")
    mode = layer.attrs.get("batchMode")
    total = math.prod(dim for dim in shape if isinstance(dim, int))
    same = all(isinstance(dim, int) for dim in shape) and total == math.prod(size) and shape[0] != 1
    whole_input = mode is False or (mode is None and same)
    return emit.reshape(data, size if whole_input else (shape[0], *size))


def collapse(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Collapse: all dimensions of a sample into one."""
    data = only(emit)
    inner = whole(layer, emit, "nInputDim")
    if emit.rank(data) <= inner:
        return emit.reshape(data, (-1,))
    return emit.reshape(data, (emit.shape(data)[0], math.prod(emit.sizes(data, 1))))


def transpose(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Transpose: pairs of dimensions swapped one after the other."""
    data = only(emit)
    rank = emit.rank(data)
    inner = sample_dims(layer, emit, "numInputDims")
    offset = rank - inner if inner is not None else 0
    order = list(range(rank))
    pairs = layer.attrs.get("permutations")
    for pair in pairs if isinstance(pairs, tuple) else ():
        if not isinstance(pair, tuple) or len(pair) != 2 or not all(isinstance(dim, int) for dim in pair):
            emit.refuse("its field permutations holds no pairs")
        first, second = (axis(emit, data, int(dim) + offset) for dim in pair)
        order[first], order[second] = order[second], order[first]
    return emit("Transpose", data, perm=order)


def convert(layer: Layer, emit: Emit) -> ir.Value:
    """Reads a Convert that never ran: the same dimensions in another order (bchw -> bhwc)."""
    data = only(emit)
    before, after = layer.attrs.get("inputShape"), layer.attrs.get("outputShape")
    if not isinstance(before, str) or not isinstance(after, str) or sorted(before) != sorted(after):
        emit.refuse(f"has not run yet and converts {before} to {after}, which is no transposition")
    if len(before) != emit.rank(data):
        emit.refuse(f"its input has {emit.rank(data)} dimensions, expected {before}")
    return emit("Transpose", data, perm=[before.index(letter) for letter in after])


def squeeze(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Squeeze: one dimension of size 1 or all of them; a batch of one stays where numInputDims tells it."""
    data = only(emit)
    shape = emit.shape(data)
    inner = sample_dims(layer, emit, "numInputDims")
    is_batch = inner is not None and len(shape) == inner + 1
    if "dim" in layer.attrs:
        at = axis(emit, data, whole(layer, emit, "dim") + int(is_batch))
        return emit("Squeeze", data, emit.constant([at], "axis")) if emit.size(data, at) == 1 else _same(emit)
    if not is_batch and not isinstance(shape[0], int):
        emit.note("the batch is kept; real Torch drops it where it holds one sample")
    axes = [at for at, dim in enumerate(shape) if dim == 1 and not (is_batch and at == 0)]
    return emit("Squeeze", data, emit.constant(axes, "axes")) if axes else _same(emit)


def _same(emit: Emit) -> ir.Value:
    return emit.dropped("no dimension has the size 1")


def unsqueeze(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Unsqueeze: a new dimension before dimension `pos` of a sample."""
    data = only(emit)
    inner = layer.attrs.get("numInputDims")
    offset = emit.rank(data) - inner if isinstance(inner, int) else 0
    at = whole(layer, emit, "pos") + offset - 1
    if not 0 <= at <= emit.rank(data):
        emit.refuse(f"cannot insert dimension {at + 1} into {emit.rank(data)}")
    return emit("Unsqueeze", data, emit.constant([at], "axis"))


def replicate(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Replicate: a new dimension along which the input is repeated."""
    data = only(emit)
    inner = sample_dims(layer, emit, "ndim")
    offset = int(inner is not None and emit.rank(data) > inner)
    at = whole(layer, emit, "dim", 1) - 1 + offset
    count = whole(layer, emit, "nfeatures")
    if not 0 <= at <= emit.rank(data):
        emit.refuse(f"cannot insert dimension {at + 1} into {emit.rank(data)}")
    longer = emit("Unsqueeze", data, emit.constant([at], "axis"))
    repeats = [count if position == at else 1 for position in range(emit.rank(longer))]
    return emit("Expand", longer, emit.constant(repeats, "shape"))


def select(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Select: one slice along a dimension, without it."""
    data = only(emit)
    at = axis(emit, data, whole(layer, emit, "dimension"))
    index = whole(layer, emit, "index")
    size = emit.shape(data)[at]
    if index == 0 or (isinstance(size, int) and not -size <= index <= size):
        emit.refuse(f"selects slice {index} of {size}")
    return emit("Gather", data, emit.constant(np.int64(index if index < 0 else index - 1), "index"), axis=at)


def narrow(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Narrow: `length` slices from `index`; negative numbers as Narrow.lua computes them."""
    data = only(emit)
    at = axis(emit, data, whole(layer, emit, "dimension"))
    index, length = whole(layer, emit, "index"), whole(layer, emit, "length", 1)
    size = emit.size(data, at)
    if length < 0:
        length = size - index + length + 2
    if index < 0:
        index, length = 1, size - length
    if index < 1 or length < 1 or index - 1 + length > size:
        emit.refuse(f"takes slices {index} to {index - 1 + length} of {size}")
    return slices(emit, data, at, index - 1, index - 1 + length)


READ = {
    "nn.View": Read(view),
    "nn.Reshape": Read(reshape),
    "nn.Collapse": Read(collapse),
    "nn.Transpose": Read(transpose),
    "nn.Convert": Read(convert),
    "nn.Squeeze": Read(squeeze),
    "nn.Unsqueeze": Read(unsqueeze),
    "nn.Replicate": Read(replicate),
    "nn.Select": Read(select),
    "nn.Narrow": Read(narrow),
}
