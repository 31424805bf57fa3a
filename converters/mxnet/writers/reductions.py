"""Reductions, and rows of stored tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import ANY, FLOATS, NUMBERS, Assembly, codes, numeric

_KINDS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "ReduceL1": ("norm", {"ord": 1}), "ReduceL2": ("norm", {"ord": 2}), "ReduceMax": ("max", {}),
    "ReduceMean": ("mean", {}), "ReduceMin": ("min", {}), "ReduceProd": ("prod", {}), "ReduceSum": ("sum", {}),
}  # fmt: skip


def reduction(match: Match, view: View) -> Sequence[Layer]:
    """Writes a reduction over stored axes; a result without dimensions is a vector of one number."""
    kind, attrs = _KINDS[match.nodes[0].op_type]
    axes = _axes(match, view)
    if not axes:
        return [match.layer("_copy")] if kind != "norm" else [match.layer("abs")]
    assembly = Assembly(match, view)
    truth = view.dtype(match.output) == "bool"
    data = numeric(assembly, view, match.inputs[0], "data")
    made = assembly.add(kind, data, role="number" if truth else "", **attrs, **axes)
    if truth:
        assembly.cast(made, "bool")
    return assembly.layers


def square_sum(match: Match, view: View) -> Sequence[Layer]:
    """Writes ReduceSumSquare as square and sum."""
    axes = _axes(match, view)
    if not axes:
        return [match.layer("square")]
    return match.series(Part("square", role="square"), Part("sum", axes), inputs=match.inputs)


def log_sum(match: Match, view: View) -> Sequence[Layer]:
    """Writes ReduceLogSum as sum and log."""
    axes = _axes(match, view)
    if not axes:
        return [match.layer("log")]
    return match.series(Part("sum", axes, role="sum"), Part("log"), inputs=match.inputs)


def log_sum_exp(match: Match, view: View) -> Sequence[Layer]:
    """Writes ReduceLogSumExp as the largest value and the logarithm of what the others are beside it."""
    axes, data = _axes(match, view), match.inputs[0]
    if not axes:
        return [match.layer("_copy")]
    assembly = Assembly(match, view)
    kept = {**axes, "keepdims": True}
    largest = assembly.add("max", data, role="largest", **kept)
    powers = assembly.add("exp", assembly.add("broadcast_sub", data, largest, role="less"), role="powers")
    total = assembly.add("log", assembly.add("sum", powers, role="sum", **axes), role="log")
    if not axes["keepdims"]:
        largest = assembly.add("Reshape", largest, role="flat", shape=codes(view, match.output))
    assembly.add("broadcast_add", total, largest)
    return assembly.layers


def _axes(match: Match, view: View) -> dict[str, Any]:
    """MXNet's axis and keepdims; nothing where the node reduces nothing."""
    data, attrs = match.inputs[0], match.attrs[0]
    axes = view.integers(match.operand(1), "axes")
    keep, rank = attrs.flag("keepdims"), view.rank(data)
    if (not axes and attrs.flag("noop_with_empty_axes")) or rank == 0:
        return {}
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


_IMAGE = ((2, 3, 4, 5),)
_FEW = {"ReduceMax": ANY, "ReduceMin": ANY, "ReduceSum": NUMBERS, "ReduceProd": NUMBERS}
_TWO = "a = Constant<value_ints = [1, -1]>()\n"

WRITE = (
    *(
        Write(
            reduction,
            (name,),
            dtypes=_FEW.get(name, FLOATS),
            samples=(
                Sample("all", f"out0 = {name}(in0)", _IMAGE),
                Sample("two axes", f"{_TWO}out0 = {name}<keepdims = 0>(in0, a)", _IMAGE),
                Sample("kept", f"{_TWO}out0 = {name}(in0, a)", _IMAGE),
            ),
        )
        for name in _KINDS
    ),
    Write(
        square_sum,
        ("ReduceSumSquare",),
        dtypes=FLOATS,
        samples=(Sample("two axes", f"{_TWO}out0 = ReduceSumSquare(in0, a)", _IMAGE),),
    ),
    Write(
        log_sum,
        ("ReduceLogSum",),
        dtypes=FLOATS,
        samples=(Sample("two axes", f"{_TWO}out0 = ReduceLogSum(in0, a)", _IMAGE, values=(0.5, 2.0)),),
    ),
    Write(
        log_sum_exp,
        ("ReduceLogSumExp",),
        dtypes=FLOATS,
        samples=(
            Sample("kept", f"{_TWO}out0 = ReduceLogSumExp(in0, a)", _IMAGE, values=(-90, 90)),
            Sample("two axes", f"{_TWO}out0 = ReduceLogSumExp<keepdims = 0>(in0, a)", _IMAGE, values=(-90, 90)),
        ),
    ),
    Write(
        embedding,
        ("Cast", "Gather"),
        dtypes=("float32",),
        samples=(Sample("rows", "i = Cast<to = 7>(in0)\nout0 = Gather(w0, i)", ((2, 3),), ((5, 4),), values=(0, 4.9)),),
    ),
)
