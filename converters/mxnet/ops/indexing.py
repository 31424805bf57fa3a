"""Values picked by indices: Embedding, take, pick, batch_take, one_hot, where, gather_nd."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Draw, Read, Sample
from converters.mxnet.casts import DTYPES
from converters.mxnet.operands import as_indices, as_type, number, parameter, value


def embedding(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Embedding as Gather of the weight's rows."""
    rows = (layer.attrs.integer("input_dim"), layer.attrs.integer("output_dim"))
    weight = parameter(layer, emit, "weight", rows)
    return emit("Gather", weight, as_indices(emit, value(layer, emit, "data")), axis=0)


def take(layer: Layer, emit: Emit) -> ir.Value:
    """Reads take as Gather; indices outside are clipped or wrapped round."""
    data = value(layer, emit, "a")
    axis = emit.axis(data, layer.attrs.integer("axis"))
    indices = _within(layer, emit, value(layer, emit, "indices"), data, axis)
    return emit("Gather", data, indices, axis=axis)


def pick(layer: Layer, emit: Emit) -> ir.Value:
    """Reads pick as GatherElements: one value along an axis for each index."""
    data, index = value(layer, emit, "data"), value(layer, emit, "index")
    if layer.attrs["axis"] is None:
        emit.refuse("picks from all values at once; zoo reads a pick along an axis")
    axis = emit.axis(data, layer.attrs.integer("axis"))
    indices = _within(layer, emit, index, data, axis)
    axes = emit.constant([axis], "axes")
    if emit.rank(index) < emit.rank(data):
        indices = emit("Unsqueeze", indices, axes)
    picked = emit("GatherElements", data, indices, axis=axis)
    if layer.attrs.flag("keepdims"):
        return picked
    return emit("Squeeze", picked, axes) if emit.rank(data) > 1 else picked


def batch_take(layer: Layer, emit: Emit) -> ir.Value:
    """Reads batch_take as GatherElements: the value of each row at its index, clipped."""
    data, index = value(layer, emit, "a"), value(layer, emit, "indices")
    axes = emit.constant([1], "axes")
    high = emit.constant(np.array(emit.size(data, 1) - 1), "last")
    inside = emit("Clip", as_indices(emit, index), emit.constant(np.array(0), "first"), high)
    return emit("Squeeze", emit("GatherElements", data, emit("Unsqueeze", inside, axes), axis=1), axes)


def _within(layer: Layer, emit: Emit, indices: ir.Value, data: ir.Value, axis: int) -> ir.Value:
    """The indices as integers inside the axis, by the mode clip or wrap; `raise` cannot be exact, it never returns."""
    whole = as_indices(emit, indices)
    size = emit.size(data, axis)
    if layer.attrs.text("mode") == "wrap":
        return emit("Mod", whole, emit.constant(np.array(size), "size"))
    return emit("Clip", whole, emit.constant(np.array(0), "first"), emit.constant(np.array(size - 1), "last"))


def one_hot(layer: Layer, emit: Emit) -> ir.Value:
    """Reads one_hot as a comparison with 0, 1, 2...: an index outside gives a row that is off."""
    attrs = layer.attrs
    index = emit("Unsqueeze", as_indices(emit, value(layer, emit, "indices")), emit.constant([-1], "axes"))
    hot = emit("Equal", index, emit.constant(np.arange(attrs.integer("depth")), "classes"))
    dtype = DTYPES[attrs.text("dtype")]
    like = emit("Cast", hot, to=dtype.value)
    on, off = (number(emit, like, attrs.number(name), name) for name in ("on_value", "off_value"))
    return emit("Where", hot, on, off)


def where(layer: Layer, emit: Emit) -> ir.Value:
    """Reads where as Where; a vector as condition chooses whole rows."""
    condition, x, y = (value(layer, emit, role) for role in ("condition", "x", "y"))
    chosen = as_type(emit, condition, ir.DataType.BOOL)
    missing = emit.rank(x) - emit.rank(condition)
    if missing:
        chosen = emit("Unsqueeze", chosen, emit.constant(list(range(1, missing + 1)), "axes"))
    return emit("Where", chosen, x, y)


def gather_nd(layer: Layer, emit: Emit) -> ir.Value:
    """Reads gather_nd as GatherND: MXNet's coordinates run along the first axis, ONNX's along the last."""
    data, indices = value(layer, emit, "data"), as_indices(emit, value(layer, emit, "indices"))
    emit.size(indices, 0)  # how many coordinates there are decides the result's rank
    order = [*range(1, emit.rank(indices)), 0]
    return emit("GatherND", data, emit("Transpose", indices, perm=order))


def _indices(*shapes: tuple[int, ...], high: int, low: int = 0) -> Draw:
    def draw(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
        first, index = ((batch, *shape[1:]) for shape in shapes)
        return [rng.uniform(-2, 2, first), rng.integers(low, high, index)]

    return draw


def _draw_nd(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    return [rng.uniform(-2, 2, (batch + 1, 4, 3)), np.stack([rng.integers(0, batch, 5), rng.integers(0, 4, 5)])]


def _draw_rows_and_places(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    return [rng.uniform(-2, 2, (batch, 5)), rng.integers(0, 5, batch, dtype=np.int32)]


def _draw_rows(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    return [rng.integers(0, 2, batch), rng.uniform(-2, 2, (batch, 3, 2)), rng.uniform(-2, 2, (batch, 3, 2))]


_EMBEDDING = '{"input_dim": "7", "output_dim": "4"}'

READ = {
    "Embedding": Read(
        embedding,
        neutral=("dtype", "sparse_grad"),
        samples=(Sample("sentences", _EMBEDDING, ((2, 5),), ((7, 4),), values=(0, 6.9)),),
    ),
    "_contrib_SparseEmbedding": Read(
        embedding,
        neutral=("dtype", "sparse_grad"),
        samples=(Sample("sentences", _EMBEDDING, ((2, 5),), ((7, 4),), values=(0, 6.9)),),
    ),
    "take": Read(
        take,
        samples=(
            Sample("rows, clipped", "{}", (), draw=_indices((0, 3), (0, 2), low=-3, high=9)),
            Sample("axis 1, wrapped", '{"axis": "1", "mode": "wrap"}', (),
                   draw=_indices((0, 5, 3), (0,), low=-9, high=9)),
        ),
    ),
    "pick": Read(
        pick,
        samples=(
            Sample("last axis", "{}", (), draw=_indices((0, 3, 5), (0, 3), high=5)),
            Sample("axis 1 kept", '{"axis": "1", "keepdims": "True", "mode": "wrap"}', (),
                   draw=_indices((0, 3, 5), (0, 5), low=-4, high=9)),
        ),
    ),
    "batch_take": Read(batch_take, samples=(Sample("rows", "{}", (), draw=_draw_rows_and_places),)),
    "one_hot": Read(
        one_hot,
        samples=(
            Sample("plain", '{"depth": "4"}', ((2, 3),), values=(0, 3.9)),
            Sample("other values", '{"depth": "4", "on_value": "2", "off_value": "-1"}', ((2, 3),), values=(0, 6)),
        ),
    ),
    "where": Read(
        where,
        samples=(
            Sample("each", "{}", ((2, 3), (2, 3), (2, 3))),
            Sample("rows", "{}", (), draw=_draw_rows),
        ),
    ),
    "gather_nd": Read(gather_nd, samples=(Sample("two coordinates", "{}", (), draw=_draw_nd),)),
}  # fmt: skip
