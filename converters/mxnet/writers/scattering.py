"""ScatterND, ScatterElements, CumSum: values put into places, and running sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import NUMBERS, Assembly, Operand, present
from converters.weights import ArrayWeight

_SUMMED = ("float32", "float64", "int32", "int64")


def scatter_nd(match: Match, view: View) -> Sequence[Layer]:
    """Writes ScatterND as scatter_nd of the updates, and of ones to tell where they lie."""
    data, indices, updates = (present(match.operand(slot), "operand") for slot in range(3))
    shape, rank = view.sizes(data), view.rank(indices)
    depth, order = view.size(indices, -1), (rank - 1, *range(rank - 1))
    sizes = np.array(shape[:depth])
    assembly = Assembly(match, view)
    places: Operand
    if view.is_constant(indices):
        places = ArrayWeight(np.ascontiguousarray((view.numbers(indices) % sizes).transpose(order)))
    else:
        turned = assembly.add("transpose", indices, role="coordinates", axes=order)
        places = _from_the_end(assembly, turned, sizes.reshape(-1, *(1,) * (rank - 1)))
    return _put(assembly, match, data, updates, places)


def scatter_elements(match: Match, view: View) -> Sequence[Layer]:
    """Writes ScatterElements as scatter_nd by coordinates that are stored along all axes but one."""
    data, indices, updates = (present(match.operand(slot), "operand") for slot in range(3))
    axis = view.axis(data, match.attrs[0].integer("axis"))
    shape, size = view.sizes(indices), view.size(data, axis)
    assembly = Assembly(match, view)
    grid = [np.broadcast_to(item, shape)[None] for item in np.ogrid[tuple(slice(count) for count in shape)]]
    if view.is_constant(indices):
        grid[axis] = view.numbers(indices)[None] % size
        return _put(assembly, match, data, updates, ArrayWeight(np.concatenate(grid).astype(np.int64)))
    whole = indices if view.dtype(indices) == "int64" else assembly.cast(indices, "int64", "indices")
    row: Operand = assembly.add("Reshape", whole, role="row", shape=(1, *shape))
    row = _from_the_end(assembly, row, np.array([size]))
    parts: list[Operand] = [ArrayWeight(np.ascontiguousarray(item).astype(np.int64)) for item in grid]
    parts[axis] = row
    places = row if len(parts) == 1 else assembly.add("Concat", *parts, role="places", num_args=len(parts), dim=0)
    return _put(assembly, match, data, updates, places)


def _from_the_end(assembly: Assembly, places: Operand, sizes: np.ndarray) -> Operand:
    """Indices below 0 count from the end."""
    negative = assembly.add("_lesser_scalar", places, role="negative", scalar="0.0")
    more = assembly.add("broadcast_mul", negative, ArrayWeight(sizes.astype(np.int64)), role="more")
    return assembly.add("broadcast_add", places, more, role="from_the_end")


def _put(assembly: Assembly, match: Match, data: Operand, updates: Operand, places: Operand) -> Sequence[Layer]:
    reduction = match.attrs[0].text("reduction")
    if reduction != "none":
        raise Declined(f"its reduction is {reduction}: MXNet puts one value into each place")
    shape = tuple(dim if isinstance(dim, int) else -1 for dim in match.output.shape or ())
    made = assembly.add("scatter_nd", updates, places, role="values", shape=shape)
    ones = assembly.add("ones_like", updates, role="ones")
    where = assembly.add("scatter_nd", ones, places, role="where", shape=shape)
    assembly.add("where", where, made, data)
    return assembly.layers


def running_sum(match: Match, view: View) -> Sequence[Layer]:
    """Writes CumSum as cumsum; from the end it is turned round before and after, exclusive sums are moved by one."""
    data, attrs = present(match.operand(0), "data"), match.attrs[0]
    (axis,) = view.integers(match.operand(1), "axis")
    axis, assembly = view.axis(data, axis), Assembly(match, view)
    backward, exclusive = attrs.flag("reverse"), attrs.flag("exclusive")
    given: Operand = assembly.add("reverse", data, role="backward", axis=axis) if backward else data
    last = "" if not backward and not exclusive else "sums"
    made = assembly.add("_np_cumsum", given, role=last, axis=axis, dtype=view.dtype(data))
    if exclusive:
        first = assembly.add("slice_axis", given, role="first", axis=axis, begin=0, end=1)
        parts: list[Operand] = [assembly.add("zeros_like", first, role="nothing")]
        if view.size(data, axis) > 1:
            parts.append(assembly.add("slice_axis", made, role="before", axis=axis, begin=0, end=-1))
        made = assembly.add("Concat", *parts, role="moved" if backward else "", num_args=len(parts), dim=axis)
    if backward:
        assembly.add("reverse", made, axis=axis)
    return assembly.layers


_AXIS = "k = Constant<value_int = {}>()\n"
_CUBE = ((2, 3, 4),)
_ROWS = (
    "i = Constant<value_ints = [0, 2, 1, -1]>()\ns = Constant<value_ints = [2, 2]>()\nj = Reshape(i, s)\n"
    "t = Transpose<perm = [1, 2, 0]>(in0)\nu = Transpose(in1)\n"
)

WRITE = (
    Write(
        scatter_nd,
        ("ScatterND",),
        dtypes=NUMBERS,
        samples=(
            Sample("stored places", f"{_ROWS}out0 = ScatterND(t, j, u)", ((2, 3, 4), (2, 2))),
            Sample("computed places", f"{_ROWS}q = Constant<value_float = 0.0>()\nx = ReduceMax<keepdims = 0>(in1)\n"
                   "y = Mul(x, q)\nz = Cast<to = 7>(y)\nn = Add(j, z)\nout0 = ScatterND(t, n, u)", ((2, 3, 4), (2, 2))),
        ),
    ),
    Write(
        scatter_elements,
        ("ScatterElements",),
        dtypes=NUMBERS,
        samples=(
            Sample("stored places", "i = Constant<value_ints = [1, -1, 0, 3]>()\n"
                   "s = Constant<value_ints = [1, 2, 2]>()\nj = Reshape(i, s)\nu = Slice(in0, a, e, x)\n"
                   "a = Constant<value_ints = [0, 0, 0]>()\n"
                   "e = Constant<value_ints = [1, 2, 2]>()\nx = Constant<value_ints = [0, 1, 2]>()\n"
                   "out0 = ScatterElements<axis = 2>(in0, j, u)", ((2, 3, 4),)),
            Sample("computed places", "k = Constant<value_int = 1>()\nr, p = TopK<axis = 1>(in0, m)\n"
                   "m = Constant<value_ints = [2]>()\nn = Neg(r)\nout0 = ScatterElements<axis = 1>(in0, p, n)", _CUBE),
        ),
    ),
    Write(
        running_sum,
        ("CumSum",),
        dtypes=_SUMMED,
        samples=(
            Sample("plain", f"{_AXIS.format(1)}out0 = CumSum(in0, k)", _CUBE),
            Sample("exclusive", f"{_AXIS.format(-1)}out0 = CumSum<exclusive = 1>(in0, k)", _CUBE),
            Sample("from the end", f"{_AXIS.format(2)}out0 = CumSum<reverse = 1>(in0, k)", _CUBE),
            Sample("exclusive, from the end", f"{_AXIS.format(1)}out0 = CumSum<exclusive = 1, reverse = 1>(in0, k)",
                   _CUBE),
        ),
    ),
)  # fmt: skip
