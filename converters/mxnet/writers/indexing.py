"""Values picked by indices: take, gather_nd, one_hot, pick by coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.hub.layer import Dim, Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import ANY, NUMBERS, Assembly, Operand, codes, present
from converters.weights import ArrayWeight


def gather(match: Match, view: View) -> Sequence[Layer]:
    """Writes Gather as take; indices below 0 count from the end in both."""
    data, indices = (present(match.operand(slot), "operand") for slot in (0, 1))
    axis = view.axis(data, match.attrs[0].integer("axis"))
    places: Operand = indices
    mode = "wrap"
    size = view.shape(data)[axis]
    if view.is_constant(indices) and isinstance(size, int):
        places, mode = ArrayWeight((view.numbers(indices) % size).astype("<f4")), "clip"
    assembly = Assembly(match, view)
    lone = view.rank(indices) == 0
    taken = assembly.add("take", data, places, role="vector" if lone else "", axis=axis, mode=mode)
    if lone:
        assembly.add("Reshape", taken, shape=codes(view, match.output))
    return assembly.layers


def gather_nd(match: Match, view: View) -> Sequence[Layer]:
    """Writes GatherND as gather_nd, whose coordinates run along the first axis; a batch's own number leads them."""
    data, indices = (present(match.operand(slot), "operand") for slot in (0, 1))
    batches = match.attrs[0].integer("batch_dims")
    if batches > 1:
        raise Declined(f"it has {batches} batch dimensions; zoo writes one")
    assembly, rank = Assembly(match, view), view.rank(indices)
    order = (rank - 1, *range(rank - 1))
    if batches:
        whole = _numbered(assembly, assembly.cast(indices, "float32", "floats"), rank)
        turned: Operand = assembly.add("transpose", whole, role="coordinates", axes=order)
    elif view.is_constant(indices):
        turned = ArrayWeight(np.ascontiguousarray(view.numbers(indices).transpose(order)))
    else:
        turned = assembly.add("transpose", indices, role="coordinates", axes=order)
    assembly.add("gather_nd", data, turned)
    return assembly.layers


def _numbered(assembly: Assembly, indices: str, rank: int) -> str:
    """The indices with the number of their batch member before each."""
    one = assembly.add("slice_axis", indices, role="one", axis=-1, begin=0, end=1)
    count = assembly.add("_contrib_arange_like", indices, role="count", axis=0)
    column = assembly.add("Reshape", count, role="column", shape=(-1, *(1,) * (rank - 1)))
    numbers = assembly.add("broadcast_add", assembly.add("zeros_like", one, role="none"), column, role="numbers")
    return assembly.add("Concat", numbers, indices, role="numbered", num_args=2, dim=rank - 1)


def gather_elements(match: Match, view: View) -> Sequence[Layer]:
    """Writes GatherElements: of one value along the axis as pick, else as gather_nd by stored coordinates."""
    data, indices = (present(match.operand(slot), "operand") for slot in (0, 1))
    axis = view.axis(data, match.attrs[0].integer("axis"))
    if _one_each(view.shape(data), view.shape(indices), axis):
        assembly = Assembly(match, view)
        assembly.add("pick", data, indices, axis=axis, keepdims=True, mode="wrap")
        return assembly.layers
    shape, inner = view.sizes(indices), view.sizes(data)
    if shape[:axis] != inner[:axis] or shape[axis + 1 :] != inner[axis + 1 :]:
        raise Declined(f"it takes from {list(inner)} by {list(shape)} indices: the axes beside {axis} differ")
    assembly = Assembly(match, view)
    flat = (math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
    before, places, after = (
        ArrayWeight(np.ascontiguousarray(np.broadcast_to(grid, flat)[None]).astype(np.int64))
        for grid in np.ogrid[tuple(slice(size) for size in flat)]
    )
    if view.is_constant(indices):
        row: Operand = ArrayWeight(view.numbers(indices).reshape(places.shape).astype(np.int64))
    else:
        whole = indices if view.dtype(indices) == "int64" else assembly.cast(indices, "int64", "indices")
        row = assembly.add("Reshape", whole, role="row", shape=places.shape)
    spots = assembly.add("Concat", before, row, after, role="coordinates", num_args=3, dim=0)
    cube = assembly.add("Reshape", data, role="cube", shape=(flat[0], inner[axis], flat[2]))
    picked = assembly.add("gather_nd", cube, spots, role="picked")
    assembly.add("Reshape", picked, shape=codes(view, match.output))
    return assembly.layers


def _one_each(data: Sequence[Dim], indices: Sequence[Dim], axis: int) -> bool:
    """Whether there is one index for each place beside the axis; sizes that are left open are taken to be the same."""
    pairs = [pair for place, pair in enumerate(zip(data, indices, strict=True)) if place != axis]
    return indices[axis] == 1 and all(
        old == new or not (isinstance(old, int) and isinstance(new, int)) for old, new in pairs
    )


def reverse_sequence(match: Match, view: View) -> Sequence[Layer]:
    """Writes ReverseSequence as SequenceReverse, whose steps come first and batch second."""
    data, lengths = (present(match.operand(slot), "operand") for slot in (0, 1))
    steps, batch = (match.attrs[0].integer(name) for name in ("time_axis", "batch_axis"))
    if {steps, batch} != {0, 1}:
        raise Declined(f"its steps lie along axis {steps} and its batch along {batch}; MXNet's along 0 and 1")
    assembly = Assembly(match, view)
    turned: Operand = assembly.add("SwapAxis", data, role="steps_first", dim1=0, dim2=1) if steps else data
    floats: Operand
    if view.is_constant(lengths):
        floats = ArrayWeight(view.numbers(lengths).astype(np.float32))
    else:
        floats = assembly.cast(lengths, "float32", "lengths")
    made = assembly.add("SequenceReverse", turned, floats, role="reversed" if steps else "", use_sequence_length=True)
    if steps:
        assembly.add("SwapAxis", made, dim1=0, dim2=1)
    return assembly.layers


def one_hot(match: Match, view: View) -> Sequence[Layer]:
    """Writes OneHot as one_hot; indices below 0 count from the end, the new axis goes where it belongs."""
    depth = view.scalar(match.operand(1))
    if depth is None:
        raise Declined("its depth is computed by the network, not stored in the model")
    off, on = (float(number) for number in view.numbers(match.operand(2), "values").reshape(-1))
    indices = match.inputs[0]
    rank = view.rank(indices)
    axis = view.axis(match.output, match.attrs[0].integer("axis"))
    assembly = Assembly(match, view)
    negative = assembly.add("_lesser_scalar", indices, role="negative", scalar="0.0")
    more = assembly.add("_mul_scalar", negative, role="more", scalar=repr(depth))
    places = assembly.add("broadcast_add", indices, more, role="places")
    dtype, last = view.dtype(match.output), axis == rank
    attrs: dict[str, Any] = {"depth": int(depth), "on_value": repr(on), "off_value": repr(off), "dtype": dtype}
    hot = assembly.add("one_hot", places, role="" if last else "last", **attrs)
    if not last:
        order = [*range(rank)]
        order.insert(axis, rank)
        assembly.add("transpose", hot, axes=tuple(order))
    return assembly.layers


_IMAGE = ((2, 3, 4, 5),)
_PLACES = "i = Cast<to = 7>(in1)\n"

WRITE = (
    Write(
        gather,
        ("Gather",),
        dtypes=ANY,
        samples=(
            Sample("channels", "i = Constant<value_ints = [2, 0, -1]>()\nout0 = Gather<axis = 1>(in0, i)", _IMAGE),
            Sample("one channel", "i = Constant<value_int = -2>()\nout0 = Gather<axis = 1>(in0, i)", _IMAGE),
            Sample("computed", f"{_PLACES}out0 = Gather<axis = 2>(in0, i)", (*_IMAGE, (3, 2)), values=(-3.9, 3.9)),
            Sample("of a stored tensor", "i = Cast<to = 6>(in0)\nout0 = Gather<axis = 1>(w0, i)", ((2, 3),),
                   ((5, 4, 3),), values=(-3.9, 3.9)),
        ),
    ),
    Write(
        gather_nd,
        ("GatherND",),
        dtypes=NUMBERS,
        samples=(
            Sample("computed", "i = Cast<to = 7>(in0)\nout0 = GatherND(in1, i)", ((2, 2), (4, 3, 5)),
                   values=(-2.9, 2.9)),
            Sample("of each batch member", "i = Cast<to = 7>(in0)\nout0 = GatherND<batch_dims = 1>(in1, i)",
                   ((2, 4, 1), (2, 3, 5)), values=(-2.9, 2.9)),
            Sample("stored", "i = Constant<value_ints = [0, 2]>()\ns = Constant<value_ints = [1, 2]>()\n"
                   "j = Reshape(i, s)\nout0 = GatherND(in0, j)", ((2, 3, 4),)),
        ),
    ),
    Write(
        gather_elements,
        ("GatherElements",),
        dtypes=NUMBERS,
        samples=(
            Sample("computed", f"{_PLACES}out0 = GatherElements<axis = 1>(in0, i)", ((2, 3, 4), (2, 5, 4)),
                   values=(-2.9, 2.9)),
            Sample("one value a place", f"{_PLACES}out0 = GatherElements<axis = 1>(in0, i)", ((2, 3, 4), (2, 1, 4)),
                   values=(-2.9, 2.9)),
        ),
    ),
    Write(
        reverse_sequence,
        ("ReverseSequence",),
        dtypes=NUMBERS,
        samples=(
            Sample("steps first", "a = Abs(in1)\ni = Cast<to = 7>(a)\nt = Transpose<perm = [1, 0, 2]>(in0)\n"
                   "out0 = ReverseSequence<time_axis = 0, batch_axis = 1>(t, i)", ((2, 4, 3), (2,)),
                   values=(1.1, 4.9)),
            Sample("batch first, computed", "a = Abs(in1)\ni = Cast<to = 7>(a)\n"
                   "out0 = ReverseSequence<time_axis = 1, batch_axis = 0>(in0, i)", ((2, 4, 3), (2,)),
                   values=(1.1, 4.9)),
        ),
    ),
    Write(
        one_hot,
        ("OneHot",),
        dtypes=NUMBERS,
        samples=(
            Sample("last axis", "i = Cast<to = 7>(in0)\nd = Constant<value_int = 4>()\n"
                   "v = Constant<value_floats = [-1.0, 2.0]>()\nout0 = OneHot(i, d, v)", ((2, 3),), values=(-5, 5)),
            Sample("axis 1", "d = Constant<value_int = 4>()\nv = Constant<value_floats = [0.0, 1.0]>()\n"
                   "i = Cast<to = 7>(in0)\nout0 = OneHot<axis = 1>(i, d, v)", ((2, 3),), values=(-5, 5)),
        ),
    ),
)  # fmt: skip
