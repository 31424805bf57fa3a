"""Boxes that overlap a better one are left out: MXNet's greedy suppression as ONNX's NonMaxSuppression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.mxnet.operands import number

CORNERS = (0, 1, 2, 3)


def columns(emit: Emit, data: ir.Value, places: Sequence[int]) -> ir.Value:
    """Some columns of the last axis, in this order."""
    return emit("Gather", data, emit.constant(list(places), "columns"), axis=-1)


def column(emit: Emit, data: ir.Value, place: int) -> ir.Value:
    """One column of the last axis, without that axis."""
    return emit("Gather", data, emit.constant(np.array(place), "column"), axis=-1)


def rows(emit: Emit, data: ir.Value, order: ir.Value) -> ir.Value:
    """Rows of each batch member in an order: batch x n x width by batch x k."""
    last = emit.constant([-1], "last")
    return emit("GatherND", data, emit("Unsqueeze", order, last), batch_dims=1)


def best_first(emit: Emit, scores: ir.Value, valid: ir.Value, count: int) -> ir.Value:
    """The places of the `count` best valid scores of each batch member, invalid ones last; ties in their order."""
    low = number(emit, scores, float(np.finfo(np.float32).min), "lowest")
    keys = emit("Where", valid, scores, low)
    return emit.several(2, "TopK", keys, emit.constant([count], "count"), axis=-1, largest=1, sorted=1)[1]


def survivors(
    emit: Emit, boxes: ir.Value, valid: ir.Value, classes: ir.Value | None, threshold: float, count: int
) -> ir.Value:
    """Which of the rows (best first) no better row of its class overlaps by more than the threshold.

    boxes batch x n x 4 (corners), valid batch x n, classes batch x n (whole numbers) or None for one class.
    """
    rank = number(emit, boxes, np.arange(count, 0, -1), "rank")
    nothing = number(emit, boxes, 0, "nothing")
    scores = emit("Unsqueeze", emit("Where", valid, rank, nothing), emit.constant([1], "axis"))
    if classes is not None:
        whole = emit("Unsqueeze", emit("Cast", classes, to=ir.DataType.INT64.value), emit.constant([1], "axis"))
        one = emit.constant(np.array(1), "step")
        least, most = (emit(operator, whole, keepdims=0) for operator in ("ReduceMin", "ReduceMax"))
        known = emit("Range", least, emit("Add", most, one), one)
        same = emit("Equal", whole, emit("Unsqueeze", known, emit.constant([0, 2], "axes")))
        scores = emit("Where", same, scores, nothing)
    chosen = emit(
        "NonMaxSuppression",
        boxes,
        scores,
        emit.constant([count], "most"),
        emit.constant([threshold], "overlap"),
        emit.constant([0.5], "lowest_rank"),
    )
    places = emit("Gather", chosen, emit.constant([0, 2], "batch_and_row"), axis=1)
    ones = emit("Cast", emit("Equal", column(emit, places, 0), column(emit, places, 0)), to=ir.DataType.FLOAT.value)
    zeros = emit("Where", valid, nothing, nothing)
    return emit("Greater", emit("ScatterND", zeros, places, ones), nothing)


def just_below(threshold: float) -> float:
    """The next smaller float32: more than it means at least the threshold."""
    return float(np.nextafter(np.float32(threshold), np.float32(-1)))


def corners(emit: Emit, boxes: ir.Value) -> ir.Value:
    """Centre and size as two corners."""
    centre, size = columns(emit, boxes, (0, 1)), columns(emit, boxes, (2, 3))
    half = emit("Div", size, number(emit, boxes, 2, "two"))
    return emit("Concat", emit("Sub", centre, half), emit("Add", centre, half), axis=-1)


def centred(emit: Emit, boxes: ir.Value) -> ir.Value:
    """Two corners as centre and size."""
    low, high = columns(emit, boxes, (0, 1)), columns(emit, boxes, (2, 3))
    middle = emit("Div", emit("Add", low, high), number(emit, boxes, 2, "two"))
    return emit("Concat", middle, emit("Sub", high, low), axis=-1)
