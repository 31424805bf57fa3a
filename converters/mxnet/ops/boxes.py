"""Boxes: MultiBoxPrior, MultiBoxDetection, box_nms, box_iou, box_decode."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import number, value
from converters.mxnet.suppression import (
    best_first,
    centred,
    column,
    columns,
    corners,
    just_below,
    rows,
    survivors,
)
from converters.weights import ArrayWeight


def multibox_prior(layer: Layer, emit: Emit) -> ir.Value:
    """Reads MultiBoxPrior as a constant: boxes around each place of a map, 1 x boxes x corners."""
    height, width = emit.sizes(value(layer, emit, "data"), 2)
    attrs = layer.attrs
    sizes, ratios = (np.array(attrs.numbers(name), np.float32) for name in ("sizes", "ratios"))
    steps = [step if step > 0 else 1 / size for step, size in zip(attrs.numbers("steps"), (height, width), strict=True)]
    offsets = attrs.numbers("offsets")
    down = (np.arange(height, dtype=np.float32) + np.float32(offsets[0])) * np.float32(steps[0])
    across = (np.arange(width, dtype=np.float32) + np.float32(offsets[1])) * np.float32(steps[1])
    pairs = [(size, ratios[0]) for size in sizes] + [(sizes[0], ratio) for ratio in ratios[1:]]
    halves = np.array(
        [(size * height / width * math.sqrt(ratio) / 2, size / math.sqrt(ratio) / 2) for size, ratio in pairs]
    )
    centre = np.stack(np.meshgrid(across, down), -1).reshape(-1, 1, 2)
    boxes = np.concatenate([centre - halves, centre + halves], -1).reshape(1, -1, 4)
    clipped = np.clip(boxes, 0, 1) if attrs.flag("clip") else boxes
    return emit("Identity", emit.derived(ArrayWeight(clipped.astype(np.float32)), "boxes"))


def multibox_detection(layer: Layer, emit: Emit) -> ir.Value:
    """Reads MultiBoxDetection: class, score and box of each anchor, best first; -1 as class of what is suppressed.

    Rows of anchors without an object follow, all -1 (multibox_detection.cc).
    """
    scores, anchors = value(layer, emit, "cls_prob"), value(layer, emit, "anchor")
    attrs = layer.attrs
    threshold, top = attrs.number("nms_threshold"), attrs.integer("nms_topk")
    count = emit.size(anchors, 1)
    if not 0 < threshold <= 1 or 0 < top < count:
        emit.refuse(f"nms_threshold {threshold} with nms_topk {top}; zoo reads thresholds up to 1 without nms_topk")
    objects = emit(
        "Slice", scores, emit.constant([1], "one"), emit.constant([1 << 31], "end"), emit.constant([1], "axis")
    )
    best = emit("ReduceMax", objects, emit.constant([1], "axes"), keepdims=0)
    kind = emit("CastLike", emit("ArgMax", objects, axis=1, keepdims=0), best)
    boxes = _located(layer, emit, anchors)
    valid = emit("GreaterOrEqual", best, number(emit, best, attrs.number("threshold"), "threshold"))
    order = best_first(emit, best, valid, count)
    last = emit.constant([-1], "last")
    table = emit("Concat", emit("Unsqueeze", kind, last), emit("Unsqueeze", best, last), boxes, axis=-1)
    ranked = rows(emit, table, order)
    held = emit("GatherElements", valid, order, axis=1)
    kinds = column(emit, ranked, 0)
    classes = None if attrs.flag("force_suppress") else kinds
    kept = survivors(emit, columns(emit, ranked, (2, 3, 4, 5)), held, classes, just_below(threshold), count)
    gone = number(emit, ranked, -1, "gone")
    named = emit("Where", emit("Unsqueeze", kept, last), columns(emit, ranked, (0,)), gone)
    whole = emit("Concat", named, columns(emit, ranked, (1, 2, 3, 4, 5)), axis=-1)
    return emit("Where", emit("Unsqueeze", held, last), whole, gone)


def _located(layer: Layer, emit: Emit, anchors: ir.Value) -> ir.Value:
    """The predicted corners: anchors moved and stretched by the predictions times their variances."""
    predicted, attrs = value(layer, emit, "loc_pred"), layer.attrs
    moves = emit.reshape(predicted, (emit.shape(predicted)[0], -1, 4))
    scaled = emit("Mul", moves, number(emit, moves, attrs.numbers("variances"), "variances"))
    shape = centred(emit, anchors)
    middle, size = columns(emit, shape, (0, 1)), columns(emit, shape, (2, 3))
    centre = emit("Add", emit("Mul", columns(emit, scaled, (0, 1)), size), middle)
    stretched = emit("Mul", emit("Exp", columns(emit, scaled, (2, 3))), size)
    boxes = corners(emit, emit("Concat", centre, stretched, axis=-1))
    if not attrs.flag("clip"):
        return boxes
    return emit("Clip", boxes, number(emit, boxes, 0, "zero"), number(emit, boxes, 1, "one"))


def box_nms(layer: Layer, emit: Emit) -> ir.Value:
    """Reads box_nms: the rows that survive, best first; the rest is -1 (bounding_box-inl.h)."""
    data, attrs = value(layer, emit, "data"), layer.attrs
    dims = emit.shape(data)
    count, width = emit.size(data, len(dims) - 2), emit.size(data, len(dims) - 1)
    flat = data if len(dims) == 3 else emit.unflatten(data, (-1, count, width))
    top = count if attrs.integer("topk") < 0 else min(attrs.integer("topk"), count)
    if top < 1:
        return emit("Identity", data)
    score, identity, start = attrs.integer("score_index"), attrs.integer("id_index"), attrs.integer("coord_start")
    valid = emit("Greater", column(emit, flat, score), number(emit, flat, attrs.number("valid_thresh"), "threshold"))
    if identity >= 0:
        background = number(emit, flat, attrs.integer("background_id"), "background")
        valid = emit("And", valid, emit("Not", emit("Equal", column(emit, flat, identity), background)))
    order = best_first(emit, column(emit, flat, score), valid, top)
    ranked, held = rows(emit, flat, order), emit("GatherElements", valid, order, axis=1)
    boxes = columns(emit, ranked, range(start, start + 4))
    boxes = corners(emit, boxes) if attrs.text("in_format") == "center" else boxes
    classes = column(emit, ranked, identity) if identity >= 0 and not attrs.flag("force_suppress") else None
    kept = survivors(emit, boxes, held, classes, attrs.number("overlap_thresh"), top)
    result = _pushed_up(emit, ranked, kept, top, count)
    result = _recoded(layer, emit, result, start, width)
    return result if len(dims) == 3 else emit.unflatten(result, dims)


def _pushed_up(emit: Emit, ranked: ir.Value, kept: ir.Value, top: int, count: int) -> ir.Value:
    """The kept rows without gaps, and rows of -1 up to `count`."""
    marks = emit("Cast", kept, to=ir.DataType.FLOAT.value)
    order = emit.several(2, "TopK", marks, emit.constant([top], "all"), axis=-1, largest=1, sorted=1)[1]
    moved, held = rows(emit, ranked, order), emit("GatherElements", kept, order, axis=1)
    gone = number(emit, ranked, -1, "gone")
    result = emit("Where", emit("Unsqueeze", held, emit.constant([-1], "last")), moved, gone)
    if top == count:
        return result
    return emit("Pad", result, emit.constant([0, 0, 0, 0, count - top, 0], "pads"), gone)


def _recoded(layer: Layer, emit: Emit, data: ir.Value, start: int, width: int) -> ir.Value:
    """The boxes in out_format; one whose first number is negative stays as it is (bounding_box-inl.h)."""
    wanted = layer.attrs.text("out_format")
    if wanted == layer.attrs.text("in_format"):
        return data
    code = centred if wanted == "center" else corners
    boxes = columns(emit, data, range(start, start + 4))
    negative = emit("Less", columns(emit, data, (start,)), number(emit, data, 0, "zero"))
    parts = [columns(emit, data, range(start))] if start else []
    parts.append(emit("Where", negative, boxes, code(emit, boxes)))
    parts += [columns(emit, data, range(start + 4, width))] if start + 4 < width else []
    return emit("Concat", *parts, axis=-1) if len(parts) > 1 else parts[0]


def box_iou(layer: Layer, emit: Emit) -> ir.Value:
    """Reads box_iou: intersection over union of every box with every other, 0 where they do not meet."""
    left, right = value(layer, emit, "lhs"), value(layer, emit, "rhs")
    if layer.attrs.text("format") == "center":
        left, right = corners(emit, left), corners(emit, right)
    outer, inner = emit.rank(left) - 1, emit.rank(right) - 1
    left = emit("Unsqueeze", left, emit.constant([outer + place for place in range(inner)], "axes")) if inner else left
    low = emit("Max", columns(emit, left, (0, 1)), columns(emit, right, (0, 1)))
    high = emit("Min", columns(emit, left, (2, 3)), columns(emit, right, (2, 3)))
    zero = number(emit, left, 0, "zero")
    shared = _area(emit, emit("Max", emit("Sub", high, low), zero))
    areas = [
        _area(emit, emit("Sub", columns(emit, boxes, (2, 3)), columns(emit, boxes, (0, 1)))) for boxes in (left, right)
    ]
    union = emit("Sub", emit("Add", *areas), shared)
    met = emit("Greater", shared, zero)
    safe = emit("Where", met, union, number(emit, left, 1, "one"))
    return emit("Where", met, emit("Div", shared, safe), zero)


def _area(emit: Emit, size: ir.Value) -> ir.Value:
    return emit("Mul", column(emit, size, 0), column(emit, size, 1))


def box_decode(layer: Layer, emit: Emit) -> ir.Value:
    """Reads box_decode: corners of anchors moved and stretched by predictions; clip bounds the stretch's logarithm."""
    data, anchors, attrs = value(layer, emit, "data"), value(layer, emit, "anchors"), layer.attrs
    deviations = [attrs.number(f"std{place}") for place in range(4)]
    scaled = emit("Mul", data, number(emit, data, deviations, "std"))
    shape = centred(emit, anchors) if attrs.text("format") == "corner" else anchors
    middle, size = columns(emit, shape, (0, 1)), columns(emit, shape, (2, 3))
    stretch = columns(emit, scaled, (2, 3))
    if attrs.number("clip") > 0:
        stretch = emit("Min", stretch, number(emit, data, attrs.number("clip"), "clip"))
    centre = emit("Add", emit("Mul", columns(emit, scaled, (0, 1)), size), middle)
    return corners(emit, emit("Concat", centre, emit("Mul", emit("Exp", stretch), size), axis=-1))


def _boxes(rng: np.random.Generator, *shape: int) -> np.ndarray:
    low = rng.uniform(0, 0.6, (*shape, 2))
    return np.concatenate([low, low + rng.uniform(0.1, 0.4, (*shape, 2))], -1)


def _draw_detection(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    chances = rng.uniform(0, 1, (batch, 3, 20))
    return [chances / chances.sum(1, keepdims=True), rng.uniform(-1, 1, (batch, 80)), _boxes(rng, 1, 20)]


def _draw_nms(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    kinds, scores = rng.integers(-1, 3, (batch, 20, 1)), rng.uniform(0, 1, (batch, 20, 1))
    return [np.concatenate([kinds, scores, _boxes(rng, batch, 20)], -1)]


def _draw_pairs(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    return [_boxes(rng, batch, 4), _boxes(rng, 5)]


def _draw_decode(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    return [rng.uniform(-1, 1, (batch, 6, 4)), _boxes(rng, 1, 6)]


READ = {
    "_contrib_MultiBoxPrior": Read(
        multibox_prior,
        samples=(
            Sample("sizes and ratios", '{"sizes": "(0.2, 0.3)", "ratios": "(1, 2, 0.5)"}', ((2, 3, 4, 6),)),
            Sample("steps, clipped", '{"sizes": "(0.9,)", "steps": "(0.3, 0.2)", "offsets": "(0.4, 0.6)", "clip": "1"}',
                   ((2, 3, 4, 6),)),
        ),
    ),
    "_contrib_MultiBoxDetection": Read(
        multibox_detection,
        neutral=("background_id",),
        samples=(
            Sample("classes apart", '{"nms_threshold": "0.3", "threshold": "0.35"}', (), draw=_draw_detection),
            Sample("all classes together", '{"force_suppress": "1", "clip": "0", "variances": "(0.1,0.2,0.3,0.4)"}', (),
                   draw=_draw_detection),
        ),
    ),
    "_contrib_box_nms": Read(
        box_nms,
        neutral=("force_suppress", "background_id"),
        samples=(
            Sample("classes apart", '{"overlap_thresh": "0.3", "id_index": "0", "valid_thresh": "0.1"}', (),
                   draw=_draw_nms),
            Sample("together, the best five", '{"overlap_thresh": "0.4", "topk": "5", "force_suppress": "1"}', (),
                   draw=_draw_nms),
            Sample("background and formats",
                   '{"id_index": "0", "background_id": "1", "in_format": "center", "out_format": "corner"}', (),
                   draw=_draw_nms),
        ),
    ),
    "_contrib_box_iou": Read(
        box_iou,
        samples=(
            Sample("corners", "{}", (), draw=_draw_pairs),
            Sample("centres", '{"format": "center"}', (), draw=_draw_pairs),
        ),
    ),
    "_contrib_box_decode": Read(
        box_decode,
        samples=(
            Sample("centres", '{"std0": "0.1", "std1": "0.1", "std2": "0.2", "std3": "0.2"}', (), draw=_draw_decode),
            Sample("corners, clipped", '{"format": "corner", "clip": "0.5"}', (), draw=_draw_decode),
        ),
    ),
}  # fmt: skip
