"""Regions of interest: ROIPooling, ROIAlign, Proposal and MultiProposal."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import as_indices, number, value
from converters.mxnet.suppression import best_first, column, columns, rows, survivors


def roi_pooling(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ROIPooling as MaxRoiPool; regions are rounded to whole positions in both."""
    data, rois = value(layer, emit, "data"), value(layer, emit, "rois")
    size, scale = layer.attrs.integers("pooled_size"), layer.attrs.number("spatial_scale")
    return emit("MaxRoiPool", data, rois, pooled_shape=size, spatial_scale=scale)


def roi_align(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ROIAlign as RoiAlign: bilinear samples of each bin, averaged; regions of four columns are of image 0."""
    data, rois, attrs = value(layer, emit, "data"), value(layer, emit, "rois"), layer.attrs
    width = emit.size(rois, 1)
    if width == 5:
        image, boxes = as_indices(emit, column(emit, rois, 0)), columns(emit, rois, (1, 2, 3, 4))
    else:
        zero = number(emit, rois, 0, "zero")
        image, boxes = as_indices(emit, emit("Mul", column(emit, rois, 0), zero)), rois
    height, breadth = attrs.integers("pooled_size")
    found = emit(
        "RoiAlign",
        data,
        boxes,
        image,
        output_height=height,
        output_width=breadth,
        spatial_scale=attrs.number("spatial_scale"),
        sampling_ratio=max(attrs.integer("sample_ratio"), 0),
        mode="avg",
        coordinate_transformation_mode="half_pixel" if attrs.flag("aligned") else "output_half_pixel",
    )
    return _own_channels(emit, found, height * breadth) if attrs.flag("position_sensitive") else found


def _own_channels(emit: Emit, found: ir.Value, bins: int) -> ir.Value:
    """Of the channels, which come in groups of as many as there are bins, each bin keeps its own."""
    count, (channels, height, breadth) = emit.shape(found)[0], emit.sizes(found, 1)
    if channels % bins:
        emit.refuse(f"{channels} channels for {bins} bins; MXNet refuses it too")
    rows = emit.constant([count if isinstance(count, int) else -1, channels // bins, bins * bins], "rows")
    own = emit("Gather", emit("Reshape", found, rows), emit.constant(np.arange(bins) * (bins + 1), "own"), axis=2)
    sizes = [count if isinstance(count, int) else -1, channels // bins, height, breadth]
    return emit("Reshape", own, emit.constant(sizes, "bins"))


def proposal(layer: Layer, emit: Emit) -> ir.Value | tuple[ir.Value, ir.Value]:
    """Reads Proposal: anchors moved by predictions, clipped, filtered, best first, suppressed; too few are repeated.

    Output: (batch * rpn_post_nms_top_n) x (image, corners); with output_score their scores (multi_proposal.cc).
    """
    scores, attrs = value(layer, emit, "cls_prob"), layer.attrs
    height, width = emit.sizes(scores, 2)
    anchors = _anchors(layer, emit, emit.size(scores, 1) // 2)
    total = len(anchors) * height * width
    before = min(attrs.integer("rpn_pre_nms_top_n") if attrs.integer("rpn_pre_nms_top_n") > 0 else total, total)
    wanted = attrs.integer("rpn_post_nms_top_n")
    boxes = _predicted(layer, emit, anchors, height, width)
    chances = _foreground(emit, scores, len(anchors), total)
    inside = _inside(layer, emit, len(anchors), height, width)
    minus = number(emit, scores, -1, "minus")
    boxes, chances = _filtered(layer, emit, boxes, emit("Where", inside, chances, minus))
    always = emit("Equal", chances, chances)
    order = best_first(emit, chances, always, before)
    ranked = rows(emit, boxes, order)
    ranked_chances = emit("GatherElements", chances, order, axis=1)
    # widths count both ends: a corner moved by one gives the same areas and overlaps
    moved = emit("Add", ranked, number(emit, ranked, (0, 0, 1, 1), "both_ends"))
    valid = emit("Equal", ranked_chances, ranked_chances)
    kept = survivors(emit, moved, valid, None, attrs.number("threshold"), before)
    places = _repeated(emit, kept, before, min(wanted, before), wanted)
    result = rows(emit, ranked, places)
    last = emit.constant([-1], "last")
    image = _images(emit, result)
    table = emit("Reshape", emit("Concat", image, result, axis=-1), emit.constant([-1, 5], "rows"))
    if not attrs.flag("output_score"):
        return table
    found = emit("Unsqueeze", emit("GatherElements", ranked_chances, places, axis=1), last)
    return table, emit("Reshape", found, emit.constant([-1, 1], "rows"))


def _anchors(layer: Layer, emit: Emit, count: int) -> np.ndarray:
    """The boxes around the first place, one a row: ratios vary slower than scales (multi_proposal-inl.h)."""
    attrs = layer.attrs
    side = np.float32(attrs.integer("feature_stride"))
    boxes = []
    for ratio in attrs.numbers("ratios"):
        for scale in attrs.numbers("scales"):
            breadth = math.floor(math.sqrt(math.floor(side * side / np.float32(ratio))) + 0.5) * scale
            tall = math.floor(breadth / scale * ratio + 0.5) * scale
            middle = 0.5 * (side - 1)
            away = (0.5 * (breadth - 1), 0.5 * (tall - 1))
            boxes.append([middle - away[0], middle - away[1], middle + away[0], middle + away[1]])
    if len(boxes) != count:
        emit.refuse(f"{len(boxes)} anchors for {count} scores a place; MXNet refuses it too")
    return np.array(boxes, np.float32)


def _grid(anchors: np.ndarray, height: int, width: int, stride: int) -> np.ndarray:
    """All anchors, places in rows, the anchors of a place together."""
    shift = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 1, 2) * stride
    boxes: np.ndarray = anchors[None] + np.concatenate([shift, shift], -1)
    return boxes.reshape(-1, 4).astype(np.float32)


def _predicted(layer: Layer, emit: Emit, anchors: np.ndarray, height: int, width: int) -> ir.Value:
    """The moved anchors, clipped to the image: batch x all x 4."""
    deltas = value(layer, emit, "bbox_pred")
    grid = _grid(anchors, height, width, layer.attrs.integer("feature_stride"))
    moves = emit.reshape(deltas, (emit.shape(deltas)[0], len(anchors), 4, height * width))
    moves = emit.reshape(emit("Transpose", moves, perm=(0, 3, 1, 2)), (emit.shape(deltas)[0], len(grid), 4))
    if layer.attrs.flag("iou_loss"):
        boxes = emit("Add", moves, number(emit, deltas, grid, "anchors"))
    else:
        size = grid[:, 2:] - grid[:, :2] + 1
        centre = grid[:, :2] + np.float32(0.5) * (size - 1)
        sizes = number(emit, deltas, size, "sizes")
        middle = emit("Add", emit("Mul", columns(emit, moves, (0, 1)), sizes), number(emit, deltas, centre, "centres"))
        stretched = emit("Mul", emit("Exp", columns(emit, moves, (2, 3))), sizes)
        half = number(emit, deltas, 0.5, "half")
        away = emit("Mul", emit("Sub", stretched, number(emit, deltas, 1, "one")), half)
        boxes = emit("Concat", emit("Sub", middle, away), emit("Add", middle, away), axis=-1)
    info = value(layer, emit, "im_info")
    ends = emit("Sub", columns(emit, info, (1, 0, 1, 0)), number(emit, info, 1, "one"))
    bounded = emit("Min", boxes, emit("Unsqueeze", ends, emit.constant([1], "axis")))
    return emit("Max", bounded, number(emit, info, 0, "zero"))


def _foreground(emit: Emit, scores: ir.Value, anchors: int, total: int) -> ir.Value:
    """The second half of the channels: batch x all, in the order of the anchors."""
    start, end, axis = (emit.constant([number], "half") for number in (anchors, 2 * anchors, 1))
    half = emit("Slice", scores, start, end, axis)
    return emit.reshape(emit("Transpose", half, perm=(0, 2, 3, 1)), (emit.shape(scores)[0], total))


def _inside(layer: Layer, emit: Emit, anchors: int, height: int, width: int) -> ir.Value:
    """Whether a place lies in the image, not in the padding of its batch."""
    info = value(layer, emit, "im_info")
    stride = number(emit, info, layer.attrs.integer("feature_stride"), "stride")
    real = emit("Floor", emit("Div", columns(emit, info, (0, 1)), stride))
    down, across = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    places = np.repeat(np.stack([down.ravel(), across.ravel()], -1), anchors, axis=0)
    less = emit("Less", number(emit, info, places, "places"), emit("Unsqueeze", real, emit.constant([1], "axis")))
    return emit("And", column(emit, less, 0), column(emit, less, 1))


def _filtered(layer: Layer, emit: Emit, boxes: ir.Value, chances: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Boxes below the smallest size are blown up and get the score -1."""
    info = value(layer, emit, "im_info")
    least = emit("Mul", columns(emit, info, (2,)), number(emit, info, layer.attrs.integer("rpn_min_size"), "min_size"))
    size = emit("Sub", columns(emit, boxes, (2, 3)), columns(emit, boxes, (0, 1)))
    size = emit("Add", size, number(emit, info, 1, "one"))
    small = emit("Less", size, emit("Unsqueeze", least, emit.constant([1], "axis")))
    either = emit("Or", column(emit, small, 0), column(emit, small, 1))
    half = emit("Unsqueeze", emit("Mul", least, number(emit, info, (-0.5, -0.5, 0.5, 0.5), "outwards")),
                emit.constant([1], "axis"))  # fmt: skip
    last = emit.constant([-1], "last")
    grown = emit("Where", emit("Unsqueeze", either, last), emit("Add", boxes, half), boxes)
    return grown, emit("Where", either, number(emit, info, -1, "minus"), chances)


def _repeated(emit: Emit, kept: ir.Value, before: int, most: int, wanted: int) -> ir.Value:
    """The places of the first `most` kept rows, again and again up to `wanted`: batch x wanted."""
    marks = emit("Cast", kept, to=ir.DataType.FLOAT.value)
    order = emit.several(2, "TopK", marks, emit.constant([before], "all"), axis=-1, largest=1, sorted=1)[1]
    count = emit("ReduceSum", emit("Cast", kept, to=ir.DataType.INT64.value), emit.constant([1], "axes"), keepdims=1)
    bounded = emit("Min", count, emit.constant([most], "most"))
    turns = emit("Mod", emit.constant(np.arange(wanted)[None], "turns"), bounded)
    return emit("GatherElements", order, turns, axis=1)


def _images(emit: Emit, result: ir.Value) -> ir.Value:
    """The image of each row: batch x wanted x 1, counted from 0."""
    zeros = emit("Mul", columns(emit, result, (0,)), number(emit, result, 0, "zero"))
    ones = emit("Add", zeros, number(emit, result, 1, "one"))
    counted = emit("CumSum", ones, emit.constant(np.array(0), "axis"))
    return emit("Sub", counted, number(emit, result, 1, "one"))


def _draw_rois(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    low, size = rng.uniform(0, 20, (5, 2)), rng.uniform(1, 20, (5, 2))
    image = rng.integers(0, batch, (5, 1))
    return [rng.uniform(-2, 2, (batch, 4, 9, 11)), np.concatenate([image, low, low + size], 1)]


def _draw_proposal(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
    info = np.tile([[75.0, 95.0, 1.5]], (batch, 1))
    scores = rng.permutation(batch * 6 * 5 * 6).reshape(batch, 6, 5, 6) / (batch * 180)
    return [scores, rng.uniform(-0.5, 0.5, (batch, 12, 5, 6)), info]


_RPN = (
    '"scales": "(2, 4, 8)", "ratios": "(0.7,)", "feature_stride": "16", "rpn_pre_nms_top_n": "40", '
    '"rpn_post_nms_top_n": "12", "rpn_min_size": "8"'
)

READ = {
    "ROIPooling": Read(
        roi_pooling,
        samples=(Sample("regions", '{"pooled_size": "(3, 2)", "spatial_scale": "0.3"}', (), draw=_draw_rois),),
    ),
    "_contrib_ROIAlign": Read(
        roi_align,
        samples=(
            Sample("adaptive", '{"pooled_size": "(3, 2)", "spatial_scale": "0.3"}', (), draw=_draw_rois),
            Sample(
                "aligned",
                '{"pooled_size": "(3, 2)", "spatial_scale": "0.3", "sample_ratio": "2", "aligned": "1"}',
                (),
                draw=_draw_rois,
            ),
            Sample(
                "position sensitive",
                '{"pooled_size": "(2, 2)", "spatial_scale": "0.3", "sample_ratio": "2", "position_sensitive": "True"}',
                (),
                draw=_draw_rois,
            ),
        ),
    ),
    "_contrib_MultiProposal": Read(
        proposal,
        samples=(
            Sample("few", f"{{{_RPN}}}", (), draw=_draw_proposal),
            Sample(
                "scores", f'{{{_RPN}, "output_score": "True", "threshold": "0.3"}}', (), draw=_draw_proposal, outputs=2
            ),
            Sample("differences of corners", f'{{{_RPN}, "iou_loss": "True"}}', (), draw=_draw_proposal),
        ),
    ),
    "_contrib_Proposal": Read(
        proposal,
        samples=(Sample("one image", f"{{{_RPN}}}", (), draw=lambda rng, _: _draw_proposal(rng, 1)),),
    ),
}
