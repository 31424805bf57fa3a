"""Reductions: Pooling over everything for means of images, Reduction over the last axes, ArgMax."""

from __future__ import annotations

from collections.abc import Sequence

from converters.caffe.writers.shapes import flattened
from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write

_OPERATIONS = {"ReduceMean": "MEAN", "ReduceSum": "SUM", "ReduceL1": "ASUM", "ReduceSumSquare": "SUMSQ"}
_POOLED = {"ReduceMean": "AVE", "ReduceMax": "MAX"}


def reduce_(match: Match, view: View) -> Sequence[Layer]:
    """Writes a mean or maximum over height and width as Pooling, other reductions of the last axes as Reduction."""
    data, kind = match.inputs[0], match.nodes[0].op_type
    rank = view.rank(data)
    axes = sorted(view.axis(data, axis) for axis in _axes(match, view))
    everything = not match.attrs[0].flag("noop_with_empty_axes")
    axes = axes or (list(range(rank)) if everything else [])
    keep = match.attrs[0].flag("keepdims")
    out = [1 if axis in axes else size for axis, size in enumerate(view.sizes(data))]
    if rank == 4 and axes == [2, 3] and kind in _POOLED:
        pooled = {"pool": _POOLED[kind], "global_pooling": True}
        return _reshaped(match, view, "Pooling", pooled, needed=not keep)
    if not axes or axes != list(range(axes[0], rank)) or kind not in _OPERATIONS:
        raise Declined(f"it reduces axes {axes} of {rank}; Caffe reduces the last ones, by sum, mean or squares")
    if axes[0] == 0:
        raise Declined("it reduces the batch")
    fields = {"operation": _OPERATIONS[kind], "axis": axes[0]}
    return _reshaped(match, view, "Reduction", fields, needed=keep and len(out) != axes[0])


def _axes(match: Match, view: View) -> Sequence[int]:
    given = view.integers(match.operand(1), "axes")
    return given or ("axes" in match.attrs[0] and match.attrs[0].integers("axes")) or ()


def _reshaped(match: Match, view: View, kind: str, fields: dict[str, object], *, needed: bool) -> Sequence[Layer]:
    """The layer, and a Reshape behind it where Caffe keeps other dimensions than ONNX."""
    if not needed:
        return [match.layer(kind, fields)]
    inner = f"{match.name}/reduced"
    back = flattened(match, view) if kind == "Pooling" else None
    dims = {"shape": {"dim": (0, *view.sizes(match.output)[1:])}}
    shaped = match.layer(back.kind if back else "Reshape", back.attrs if back else dims, inputs=[inner], role="shape")
    return [match.layer(kind, fields, outputs=[inner]), shaped]


def arg_max(match: Match, view: View) -> Sequence[Layer]:
    """Writes ArgMax that takes the last of equal values as ArgMax; Caffe's is a floating point number."""
    attrs, data = match.attrs[0], match.inputs[0]
    if not attrs.flag("select_last_index"):
        raise Declined(
            "of equal values it takes the first, Caffe's ArgMax the last", "--outputs with the name of its input"
        )
    axis = view.axis(data, attrs.integer("axis"))
    if attrs.flag("keepdims"):
        return [match.layer("ArgMax", {"axis": axis})]
    inner = f"{match.name}/kept"
    dims = {"shape": {"dim": view.sizes(match.output)}}
    return [
        match.layer("ArgMax", {"axis": axis}, outputs=[inner]),
        match.layer("Reshape", dims, inputs=[inner], role="shape"),
    ]


_IN = ((2, 3, 4, 5),)
_HW = "s = Constant<value_ints = [2, 3]>()\n"
_LAST = "s = Constant<value_ints = [-1]>()\n"


def _row(kind: str, *extra: Sample) -> Write:
    last = Sample("last axis", f"{_LAST}out0 = {kind}<keepdims = 0>(in0, s)", _IN)
    image = Sample("image", f"{_HW}out0 = {kind}(in0, s)", _IN)
    return Write(reduce_, (kind,), samples=(image, last, *extra))


WRITE = (
    _row("ReduceMean", Sample("image, no dimensions kept", f"{_HW}out0 = ReduceMean<keepdims = 0>(in0, s)", _IN)),
    _row("ReduceSum"),
    _row("ReduceL1"),
    _row("ReduceSumSquare"),
    Write(reduce_, ("ReduceMax",), samples=(Sample("image", f"{_HW}out0 = ReduceMax(in0, s)", _IN),)),
    Write(arg_max, ("ArgMax",), dtypes=("float32", "int64"), samples=(
        Sample("channels", "out0 = ArgMax<axis = 1, select_last_index = 1>(in0)", _IN),
        Sample("no dimensions kept", "out0 = ArgMax<axis = 1, keepdims = 0, select_last_index = 1>(in0)", _IN),
    )),
)  # fmt: skip
