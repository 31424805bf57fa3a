"""Reductions, and values picked by stored or computed indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.weights import ArrayWeight

_KINDS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "ReduceL1": ("norm", {"ord": 1}), "ReduceL2": ("norm", {"ord": 2}), "ReduceMax": ("max", {}),
    "ReduceMean": ("mean", {}), "ReduceMin": ("min", {}), "ReduceProd": ("prod", {}), "ReduceSum": ("sum", {}),
}  # fmt: skip


def reduction(match: Match, view: View) -> Sequence[Layer]:
    """Writes a reduction over stored axes; MXNet has no result of rank 0."""
    kind, attrs = _KINDS[match.nodes[0].op_type]
    return [match.layer(kind, {**attrs, **_axes(match, view)})]


def square_sum(match: Match, view: View) -> Sequence[Layer]:
    """Writes ReduceSumSquare as square and sum."""
    return match.series(Part("square", role="square"), Part("sum", _axes(match, view)))


def _axes(match: Match, view: View) -> dict[str, object]:
    data, attrs = match.inputs[0], match.attrs[0]
    axes = view.integers(match.operand(1), "axes")
    keep = attrs.flag("keepdims")
    if not axes and attrs.flag("noop_with_empty_axes"):
        raise Declined("it reduces nothing")
    if not keep and (not axes or len(axes) == view.rank(data)):
        raise Declined("its result has no dimension, and MXNet's values have at least one")
    rank = view.rank(data)
    return {"axis": tuple(axis % rank for axis in axes) or tuple(range(rank)), "keepdims": keep}


def embedding(match: Match, view: View) -> Sequence[Layer]:
    """Writes Cast to integers and Gather of a stored table's rows as Embedding."""
    table, attrs = match.nodes[1].inputs[0], match.attrs[1]
    match.attrs[0].integer("to")
    if table is None or not view.is_constant(table) or view.rank(table) != 2 or attrs.integer("axis") != 0:
        raise Declined("it gathers from something else than the rows of a stored table")
    weight = view.weight(table)
    rows = {"input_dim": weight.shape[0], "output_dim": weight.shape[1]}
    return [match.layer("Embedding", rows, {1: weight})]


def gather(match: Match, view: View) -> Sequence[Layer]:
    """Writes Gather by stored indices as take; MXNet keeps indices as floats."""
    data, indices = match.operand(0), match.operand(1)
    if indices is None or not view.is_constant(indices) or view.rank(indices) != 1 or view.is_constant(data):
        raise Declined("its indices are computed by the network, or they are no list")
    size = view.size(match.inputs[0], match.attrs[0].integer("axis"))
    numbers = view.numbers(indices) % size
    places = ArrayWeight(numbers.astype("<f4"))
    return [match.layer("take", {"axis": match.attrs[0].integer("axis"), "mode": "clip"}, {1: places})]


_IMAGE = ((2, 3, 4, 5),)
_TWO = "a = Constant<value_ints = [1, -1]>()\n"

WRITE = (
    *(
        Write(
            reduction,
            (name,),
            samples=(
                Sample("two axes", f"{_TWO}out0 = {name}<keepdims = 0>(in0, a)", _IMAGE),
                Sample("kept", f"{_TWO}out0 = {name}(in0, a)", _IMAGE),
            ),
        )
        for name in _KINDS
    ),
    Write(
        square_sum,
        ("ReduceSumSquare",),
        samples=(Sample("two axes", f"{_TWO}out0 = ReduceSumSquare(in0, a)", _IMAGE),),
    ),
    Write(
        embedding,
        ("Cast", "Gather"),
        dtypes=("float32",),
        samples=(Sample("rows", "i = Cast<to = 7>(in0)\nout0 = Gather(w0, i)", ((2, 3),), ((5, 4),), values=(0, 4.9)),),
    ),
    Write(
        gather,
        ("Gather",),
        samples=(
            Sample("channels", "i = Constant<value_ints = [2, 0, -1]>()\nout0 = Gather<axis = 1>(in0, i)", _IMAGE),
        ),
    ),
)
