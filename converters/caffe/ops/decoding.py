"""What detectors share: boxes decoded from their distances to others, and NonMaxSuppression."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit


def decoded(
    emit: Emit,
    location: ir.Value,
    priors: ir.Value,
    count: int,
    *,
    plain: bool,
    classes: int | None,
    code: str = "CENTER_SIZE",
) -> ir.Value:
    """Corners [N, priors, 4], or [N, classes, priors, 4] where each of `classes` has its own, by one of CODES.

    `plain`: the distances are not to be multiplied by the variances. DecodeBBox in bbox_util.cpp.
    """
    corners, variances = emit.several(2, "Split", priors, emit.constant([1, 1], "halves"), axis=1)
    corners, variances = (emit("Reshape", part, emit.constant([count, 4], "boxes")) for part in (corners, variances))
    if classes is None:
        location = emit("Reshape", location, emit.constant([-1, count, 4], "by_prior"))
    else:
        location = emit("Reshape", location, emit.constant([-1, count, classes, 4], "by_prior"))
        location = emit("Transpose", location, perm=[0, 2, 1, 3])
    if not plain:
        location = emit("Mul", location, variances)
    return CODES[code](emit, corners, location)


def _center_size(emit: Emit, corners: ir.Value, location: ir.Value) -> ir.Value:
    """The centre moves by shares of the prior's size, the size grows by a power of e."""
    low, high = _halves(emit, corners)
    size, two = emit("Sub", high, low), emit.constant(np.float32(2), "two")
    centre = emit("Div", emit("Add", low, high), two)
    shift, growth = _halves(emit, location)
    centre = emit("Add", emit("Mul", shift, size), centre)
    half = emit("Div", emit("Mul", emit("Exp", growth), size), two)
    return emit("Concat", emit("Sub", centre, half), emit("Add", centre, half), axis=-1)


def _corner(emit: Emit, corners: ir.Value, location: ir.Value) -> ir.Value:
    """The corners themselves move."""
    return emit("Add", corners, location)


def _corner_size(emit: Emit, corners: ir.Value, location: ir.Value) -> ir.Value:
    """The corners move by shares of the prior's size."""
    low, high = _halves(emit, corners)
    size = emit("Sub", high, low)
    return emit("Add", corners, emit("Mul", location, emit("Concat", size, size, axis=-1)))


CODES: Mapping[str, Callable[[Emit, ir.Value, ir.Value], ir.Value]] = {
    "CENTER_SIZE": _center_size,
    "CORNER": _corner,
    "CORNER_SIZE": _corner_size,
}
"""PriorBoxParameter.CodeType -> the corners, from the priors' [count, 4] and what the network says."""


def upright(emit: Emit, boxes: ir.Value) -> ir.Value:
    """Boxes whose second corner lies before the first, made empty.

    Caffe's JaccardOverlap is 0 for a box that is inside out in one direction; ONNX's NonMaxSuppression would exchange
    its corners. An empty box overlaps nothing in both.
    """
    low, high = _halves(emit, boxes)
    return emit("Concat", low, emit("Max", low, high), axis=-1)


def _halves(emit: Emit, value: ir.Value) -> tuple[ir.Value, ...]:
    return emit.several(2, "Split", value, emit.constant([2, 2], "pairs"), axis=-1)


def chosen_boxes(
    emit: Emit, boxes: ir.Value, scores: ir.Value, most: int, overlap: float, threshold: float | None
) -> ir.Value:
    """Indices [M, 3] (image, class, box) that NonMaxSuppression leaves, at most `most` of a class.

    boxes [N, k, 4] for all classes, or [N, classes, k, 4]; scores [N, classes, k]. x and y may change places in
    ONNX's operator: overlaps stay the same.
    """
    limits = [emit.constant([most], "most"), emit.constant(np.array([overlap], np.float32), "overlap")]
    if threshold is not None:
        limits.append(emit.constant(np.array([threshold], np.float32), "threshold"))
    if emit.rank(boxes) == 3:
        return emit("NonMaxSuppression", boxes, scores, *limits)
    classes, count = emit.sizes(scores, 1)
    flat = emit("Reshape", boxes, emit.constant([-1, count, 4], "a_class_each"))
    one = emit("Reshape", scores, emit.constant([-1, 1, count], "scores_a_class_each"))
    picks = emit("NonMaxSuppression", flat, one, *limits)
    both, _, box = emit.several(3, "Split", picks, emit.constant([1, 1, 1], "columns"), axis=1)
    wide = emit.constant([classes], "classes")
    return emit("Concat", emit("Div", both, wide), emit("Mod", both, wide), box, axis=1)
