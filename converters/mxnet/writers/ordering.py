"""The largest and the smallest values: argmax, argmin, topk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.hub.layer import Layer
from converters.hub.matching import Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import NUMBERS, Assembly, Operand

_COUNTING = {"float16": "float32", "int8": "float32", "uint8": "float32"}
"""Types in which MXNet, whose argmax gives places in the type of the data, would run out of places."""


def extreme(match: Match, view: View) -> Sequence[Layer]:
    """Writes ArgMax and ArgMin as argmax and argmin, places as integers; the last of equals by turning round."""
    assembly, attrs = Assembly(match, view), match.attrs[0]
    data: Operand = match.inputs[0]
    kind = {"ArgMax": "argmax", "ArgMin": "argmin"}[match.nodes[0].op_type]
    axis = view.axis(match.inputs[0], attrs.integer("axis"))
    wide = _COUNTING.get(view.dtype(match.inputs[0]))
    if wide:
        data = assembly.cast(data, wide, "wide")
    if attrs.flag("select_last_index"):
        data = assembly.add("reverse", data, role="turned", axis=axis)
    place = assembly.add(kind, data, role="place", axis=axis, keepdims=attrs.flag("keepdims"))
    if attrs.flag("select_last_index"):
        last = view.size(match.inputs[0], axis) - 1
        place = assembly.add("_rminus_scalar", place, role="back", scalar=repr(float(last)))
    assembly.cast(place, "int64")
    return assembly.layers


def top(match: Match, view: View) -> Sequence[Layer]:
    """Writes TopK as topk of all and slice_axis: only a full sort leaves equals in their order."""
    assembly, attrs, data = Assembly(match, view), match.attrs[0], match.inputs[0]
    (count,) = view.integers(match.operand(1), "count")
    axis = view.axis(data, attrs.integer("axis"))
    attrs.flag("sorted")
    values, places = match.nodes[0].outputs
    ascending = not attrs.flag("largest")
    sort: dict[str, Any] = {"axis": axis, "k": 0, "is_ascend": ascending}
    for kind, value in (("value", values), ("indices", places)):
        if value in match.outputs:
            more: dict[str, Any] = {"dtype": "int64"} if kind == "indices" else {}
            whole = assembly.add("topk", data, role=kind, ret_typ=kind, **sort, **more)
            assembly.add("slice_axis", whole, role=f"{kind}/first", output=str(value.name), axis=axis, begin=0,
                         end=count)  # fmt: skip
    return assembly.layers


_IMAGE = ((2, 3, 4, 5),)
_BACK = "out0 = Cast<to = 1>(i)"
_K = "k = Constant<value_ints = [3]>()\n"

WRITE = (
    *(
        Write(
            extreme,
            (name,),
            dtypes=NUMBERS,
            samples=(
                Sample("kept", f"i = {name}<axis = 1>(in0)\n{_BACK}", _IMAGE),
                Sample("last axis", f"i = {name}<axis = -1, keepdims = 0>(in0)\n{_BACK}", _IMAGE),
                Sample("the last of equals", f"f = Floor(in0)\ni = {name}<axis = 3, select_last_index = 1>(f)\n{_BACK}",
                       _IMAGE),
            ),
        )
        for name in ("ArgMax", "ArgMin")
    ),
    Write(
        top,
        ("TopK",),
        dtypes=NUMBERS,
        samples=(
            Sample("largest", f"{_K}out0, i = TopK(in0, k)\nout1 = Cast<to = 1>(i)", _IMAGE, outputs=2),
            Sample("smallest, with equals", f"{_K}f = Floor(in0)\nout0, i = TopK<axis = 2, largest = 0>(f, k)\n"
                   "out1 = Cast<to = 1>(i)", _IMAGE, outputs=2),
        ),
    ),
)  # fmt: skip
