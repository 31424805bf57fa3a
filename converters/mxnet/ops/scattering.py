"""Values put into places, running sums, diagonals, and indices into flat numbers and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample
from converters.mxnet.casts import DTYPES
from converters.mxnet.operands import as_indices, as_type, number, value
from converters.weights import ArrayWeight


def cumulated(layer: Layer, emit: Emit) -> ir.Value:
    """Reads cumsum as CumSum; without an axis over all values in a row."""
    data, axis, kind = value(layer, emit, "a"), layer.attrs["axis"], layer.attrs["dtype"]
    if kind is not None:
        data = as_type(emit, data, DTYPES[str(kind)])
    if not isinstance(axis, int):
        data, axis = emit("Reshape", data, emit.constant([-1], "row")), 0
    return emit("CumSum", data, emit.constant(np.array(emit.axis(data, axis)), "axis"))


def scatter_set(layer: Layer, emit: Emit) -> ir.Value:
    """Reads _scatter_set_nd as ScatterND: values put over those at the places."""
    data, values = value(layer, emit, "lhs"), value(layer, emit, "rhs")
    return emit("ScatterND", data, _coordinates(layer, emit), values)


def scatter(layer: Layer, emit: Emit) -> ir.Value:
    """Reads scatter_nd as ScatterND into zeros; a place named twice keeps one of its values in both."""
    values, shape = value(layer, emit, "data"), layer.attrs.integers("shape")
    whole = emit("Expand", number(emit, values, 0, "zero"), emit.constant(list(shape), "shape"))
    return emit("ScatterND", whole, _coordinates(layer, emit), values)


def _coordinates(layer: Layer, emit: Emit) -> ir.Value:
    """MXNet's coordinates run along the first axis, ONNX's along the last."""
    indices = as_indices(emit, value(layer, emit, "indices"))
    return emit("Transpose", indices, perm=(*range(1, emit.rank(indices)), 0))


def index_copy(layer: Layer, emit: Emit) -> ir.Value:
    """Reads index_copy as ScatterND: rows put over those of the given numbers."""
    data, rows = value(layer, emit, "old_tensor"), value(layer, emit, "new_tensor")
    places = emit("Unsqueeze", as_indices(emit, value(layer, emit, "index_vector")), emit.constant([-1], "axes"))
    return emit("ScatterND", data, places, rows)


def index_array(layer: Layer, emit: Emit) -> ir.Value:
    """Reads index_array as a constant: each element's own coordinates."""
    shape = emit.sizes(value(layer, emit, "data"))
    axes = layer.attrs.integers("axes") if layer.attrs["axes"] is not None else tuple(range(len(shape)))
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in shape), indexing="ij"), -1)
    return emit("Identity", emit.derived(ArrayWeight(grid[..., [axis % len(shape) for axis in axes]]), "places"))


def eye(layer: Layer, emit: Emit) -> ir.Value:
    """Reads _eye as a constant: ones on a diagonal."""
    attrs = layer.attrs
    rows, columns = attrs.integer("N"), attrs.integer("M") or attrs.integer("N")
    if rows < 1 or columns < 1 or rows * columns > 1 << 28:
        emit.refuse(f"makes {rows} x {columns} values; zoo makes 1 to {1 << 28}")
    values = np.eye(rows, columns, attrs.integer("k"), DTYPES[attrs.text("dtype")].numpy())
    return emit("Identity", emit.derived(ArrayWeight(values), "values"))


def diagonal(layer: Layer, emit: Emit) -> ir.Value:
    """Reads diag: a vector onto a diagonal, or a diagonal out of two axes, which become the last one."""
    data, attrs = value(layer, emit, "data"), layer.attrs
    offset, shape = attrs.integer("k"), emit.sizes(data)
    if len(shape) == 1:
        size = shape[0] + abs(offset)
        places = np.stack([np.arange(shape[0]) + max(-offset, 0), np.arange(shape[0]) + max(offset, 0)], -1)
        whole = emit("Expand", number(emit, data, 0, "zero"), emit.constant([size, size], "shape"))
        return emit("ScatterND", whole, emit.constant(places, "places"), data)
    first, second = (emit.axis(data, attrs.integer(name)) for name in ("axis1", "axis2"))
    if first == second:
        emit.refuse(f"takes the diagonal of axis {first} with itself; MXNet refuses it too")
    rest = [axis for axis in range(len(shape)) if axis not in (first, second)]
    turned = emit("Transpose", data, perm=(first, second, *rest))
    count = min(shape[first] - max(-offset, 0), shape[second] - max(offset, 0))
    if count < 1:
        emit.refuse(f"diagonal {offset} of {list(shape)} holds nothing; MXNet refuses it too")
    places = np.stack([np.arange(count) + max(-offset, 0), np.arange(count) + max(offset, 0)], -1)
    found = emit("GatherND", turned, emit.constant(places, "places"))
    return emit("Transpose", found, perm=(*range(1, len(rest) + 1), 0))


def determinant(layer: Layer, emit: Emit) -> ir.Value:
    """Reads det as Det of the last two axes."""
    return emit("Det", value(layer, emit, "A"))


def ravelled(layer: Layer, emit: Emit) -> ir.Value:
    """Reads _ravel_multi_index: coordinates along the first axis as numbers of a flat array."""
    data, shape = value(layer, emit, "data"), layer.attrs.integers("shape")
    steps = np.append(np.cumprod(shape[:0:-1])[::-1], 1)
    scale = number(emit, data, steps.reshape(-1, *(1,) * (emit.rank(data) - 1)), "steps")
    return emit("ReduceSum", emit("Mul", data, scale), emit.constant([0], "axes"), keepdims=0)


def unravelled(layer: Layer, emit: Emit) -> ir.Value:
    """Reads _unravel_index: numbers of a flat array as coordinates along the first axis."""
    data, shape = value(layer, emit, "data"), layer.attrs.integers("shape")
    whole = emit("Unsqueeze", as_indices(emit, data), emit.constant([0], "axes"))
    around = (-1, *(1,) * emit.rank(data))
    steps = np.append(np.cumprod(shape[:0:-1])[::-1], 1).reshape(around)
    sizes = np.array(shape).reshape(around)
    places = emit("Mod", emit("Div", whole, emit.constant(steps, "steps")), emit.constant(sizes, "sizes"))
    return as_type(emit, places, data.dtype or ir.DataType.FLOAT)


def assigned(layer: Layer, emit: Emit) -> ir.Value:
    """Reads _slice_assign as Where: a slice of the data under other values."""
    data, values = value(layer, emit, "lhs"), value(layer, emit, "rhs")
    inside, spots = _sliced(layer, emit, data)
    spread = values
    for axis, places in enumerate(spots):
        order = np.zeros(emit.size(data, axis), np.int64)
        order[places] = np.arange(len(places))
        spread = emit("Gather", spread, emit.constant(order, f"order{axis}"), axis=axis)
    return emit("Where", inside, spread, data)


def assigned_number(layer: Layer, emit: Emit) -> ir.Value:
    """Reads _slice_assign_scalar as Where: a slice of the data becomes one number."""
    data = value(layer, emit, "data")
    inside, _ = _sliced(layer, emit, data)
    return emit("Where", inside, number(emit, data, layer.attrs.number("scalar"), "number"), data)


def _sliced(layer: Layer, emit: Emit, data: ir.Value) -> tuple[ir.Value, list[np.ndarray]]:
    """A mask of the slice, and for each axis the places that it takes, in its order."""
    attrs, shape = layer.attrs, emit.sizes(data)
    begin, end = attrs.integers("begin"), attrs.integers("end")
    step = attrs.integers("step") or (None,) * len(begin)
    spots = [np.arange(size) for size in shape]
    for axis, bounds in enumerate(zip(begin, end, step, strict=True)):
        spots[axis] = spots[axis][slice(*bounds)]
    mask = np.zeros(shape, bool)
    mask[np.ix_(*spots)] = True
    return emit.derived(ArrayWeight(mask), "inside"), spots


def _places(rng: np.random.Generator, count: int) -> np.ndarray:
    """Coordinates into 4 x 5, each place once."""
    return np.stack(np.unravel_index(rng.permutation(20)[:count], (4, 5)))


def _draw_set(rng: np.random.Generator, _: int) -> list[np.ndarray]:
    return [rng.uniform(-2, 2, (4, 5, 3)), rng.uniform(-2, 2, (6, 3)), _places(rng, 6)]


def _put(x: Sequence[np.ndarray], _: Sequence[np.ndarray]) -> np.ndarray:
    data, rows, places = x
    result = data.copy()
    for row, down, across in zip(rows, *places.astype(int), strict=True):
        result[down, across] = row
    return result


def _draw_copy(rng: np.random.Generator, _: int) -> list[np.ndarray]:
    return [rng.uniform(-2, 2, (5, 3)), np.array([3, 0], np.int32), rng.uniform(-2, 2, (2, 3))]


_CUBE = ((2, 3, 4),)

READ = {
    "_np_cumsum": Read(
        cumulated,
        samples=(Sample("axis", '{"axis": "1"}', _CUBE), Sample("all", "{}", _CUBE),
                 Sample("doubles", '{"axis": "2", "dtype": "float64"}', _CUBE)),
    ),
    "_scatter_set_nd": Read(
        scatter_set,
        neutral=("shape",),
        samples=(Sample("rows", '{"shape": "(4, 5, 3)"}', (), draw=_draw_set, formula=_put,
                        judge=FORMULA),),  # MXNet writes into its input's own memory, which an input of a graph refuses
    ),
    "scatter_nd": Read(
        scatter, samples=(Sample("rows", '{"shape": "(4, 5, 3)"}', (), draw=lambda rng, _: _draw_set(rng, 1)[1:]),)
    ),
    "_contrib_index_copy": Read(index_copy, samples=(Sample("two rows", "{}", (), draw=_draw_copy),)),
    "_contrib_index_array": Read(
        index_array, samples=(Sample("all", "{}", _CUBE), Sample("two axes", '{"axes": "(2, 0)"}', _CUBE))
    ),
    "_eye": Read(eye, neutral=("ctx",), samples=(Sample("moved", '{"N": "3", "M": "4", "k": "1"}', ()),)),
    "diag": Read(
        diagonal,
        samples=(
            Sample("of a vector", '{"k": "-1"}', ((4,),)),
            Sample("of an image", '{"k": "1", "axis1": "3", "axis2": "1"}', ((2, 3, 4, 5),)),
            Sample("of a matrix", "{}", ((3, 4),)),
        ),
    ),
    "_linalg_det": Read(determinant, samples=(Sample("two", "{}", ((2, 3, 3),)),)),
    "_ravel_multi_index": Read(
        ravelled, samples=(Sample("matrix", '{"shape": "(4, 5)"}', (), draw=lambda rng, _: [_places(rng, 7)]),)
    ),
    "_unravel_index": Read(
        unravelled,
        samples=(Sample("cube", '{"shape": "(2, 4, 5)"}', (), draw=lambda rng, _: [rng.integers(0, 40, 9)]),),
    ),
    "_slice_assign": Read(
        assigned,
        samples=(Sample("steps", '{"begin": "(0, 3, None)", "end": "(None, 0, 3)", "step": "(1, -2, 1)"}',
                        ((2, 4, 5), (2, 2, 3))),),
    ),
    "_slice_assign_scalar": Read(
        assigned_number,
        samples=(Sample("part", '{"scalar": "7.5", "begin": "(0, 1)", "end": "(None, 3)"}', ((2, 4, 5),)),),
    ),
}  # fmt: skip
