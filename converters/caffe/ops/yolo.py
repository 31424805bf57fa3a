"""YOLO's boxes as rows [0, label, score, xmin, ymin, xmax, ymax], as eric612/MobileNet-YOLO's two layers give them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.caffe.ops.detection_output import nothing_found
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Draw, Read, Sample

Found = tuple[ir.Value, ir.Value]  # boxes [1, P, 4] as middle and size, scores [1, P, classes]
_FLOAT = 1


def yolo_detection_output(layer: Layer, emit: Emit) -> ir.Value:
    """Reads YoloDetectionOutput (YOLOv2) as decoding, Softmax over classes and one NonMaxSuppression over all boxes.

    The maps share the anchors, which are in cells. A score equal to the threshold passes, an overlap equal to its
    threshold goes (yolo_detection_output_layer.cpp).
    """
    attrs = layer.attrs
    anchors = _anchors(attrs.numbers("biases"), emit)
    count, coords = attrs.integer("num_box"), attrs.integer("coords")
    if len(anchors) != count or coords != 4:
        emit.refuse(f"num_box {count} and coords {coords} do not go with {len(anchors)} anchors")
    maps = []
    for data in emit.inputs:
        side = emit.size(data, 3)
        if emit.size(data, 2) != side:
            emit.refuse(f"a map of {emit.sizes(data, 2)}; the layer takes its width for its height")
        maps.append(_decoded(emit, data, anchors / side, attrs.integer("num_classes"), "Softmax"))
    least = np.nextafter(np.float32(attrs.number("confidence_threshold")), np.float32(-np.inf))
    return _rows(emit, maps, least, attrs.number("nms_threshold"))


def yolov3_detection_output(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Yolov3DetectionOutput as decoding, Sigmoid of classes and one NonMaxSuppression over all boxes.

    Each map has its own anchors, which are in pixels, by `mask`. A box counts once, for its best class: its others lie
    on it and go (yolov3_detection_output_layer.cpp). A score must exceed the threshold.
    """
    attrs = layer.attrs
    if attrs.flag("gaussian_box"):
        emit.refuse("gaussian_box: true lessens scores by variances; no published network uses it")
    anchors = _anchors(attrs.numbers("biases"), emit)
    mask, scales = attrs.integers("mask"), attrs.integers("anchors_scale")
    groups, count = attrs.integer("mask_group_num"), attrs.integer("num_box")
    step = len(mask) // groups if groups else 0
    last = (groups - 1) * step + count
    if groups != len(emit.inputs) or len(scales) < groups or last > len(mask) or max(mask, default=0) >= len(anchors):
        emit.refuse(f"{len(emit.inputs)} maps, {groups} groups of {list(mask)} and {len(scales)} scales do not fit")
    maps = []
    for place, (data, scale) in enumerate(zip(emit.inputs, scales, strict=False)):
        image = np.array([emit.size(data, 3), emit.size(data, 2)]) * scale
        own = anchors[list(mask[place * step : place * step + count])] / image
        maps.append(_decoded(emit, data, own, attrs.integer("num_classes"), "Sigmoid"))
    return _rows(emit, maps, np.float32(attrs.number("confidence_threshold")), attrs.number("nms_threshold"))


def _anchors(biases: Sequence[float], emit: Emit) -> np.ndarray:
    if not biases or len(biases) % 2:
        emit.refuse(f"{len(biases)} biases are no pairs of width and height")
    return np.array(biases, np.float64).reshape(-1, 2)


def _decoded(emit: Emit, data: ir.Value, anchors: np.ndarray, classes: int, activation: str) -> Found:
    """One map [1, anchors * (5 + classes), H, W]; `anchors` as shares of the image."""
    count, (height, width) = len(anchors), emit.sizes(data, 2)
    if emit.size(data, 0) != 1:
        emit.refuse(f"{emit.size(data, 0)} images at a time; the layer numbers all of them 0", "--batch 1")
    if emit.size(data, 1) != count * (5 + classes) or classes < 1:
        emit.refuse(f"{emit.size(data, 1)} channels are not {count} boxes of {5 + classes}")
    cells = height * width
    by_box = emit("Reshape", data, emit.constant([1, count, 5 + classes, cells], "by_box"))
    by_box = emit("Transpose", by_box, perm=[0, 1, 3, 2])
    parts = emit.constant([2, 2, 1, classes], "parts")
    place, size, objectness, labels = emit.several(4, "Split", by_box, parts, axis=3)
    grid = np.stack(np.broadcast_arrays(np.arange(width)[None], np.arange(height)[:, None]), -1).reshape(1, 1, cells, 2)
    middle = emit("Add", emit("Sigmoid", place), emit.constant(grid.astype(np.float32), "grid"))
    middle = emit("Div", middle, emit.constant(np.array([width, height], np.float32), "cells"))
    size = emit("Mul", emit("Exp", size), emit.constant(anchors.astype(np.float32)[None, :, None], "anchors"))
    labels = emit("Softmax", labels, axis=3) if activation == "Softmax" else emit("Sigmoid", labels)
    scores = emit("Mul", emit("Sigmoid", objectness), labels)
    boxes = emit("Concat", middle, size, axis=3)
    return (
        emit("Reshape", boxes, emit.constant([1, count * cells, 4], "boxes")),
        emit("Reshape", scores, emit.constant([1, count * cells, classes], "scores")),
    )


def _rows(emit: Emit, maps: Sequence[Found], least: np.floating, overlap: float) -> ir.Value:
    """[1, 1, M, 7] by falling score, or one row of -1 where nothing is found."""
    if not 0 < overlap <= 1:
        emit.refuse(f"nms_threshold {overlap:g} is no share")
    boxes, scores = (emit("Concat", *parts, axis=1) for parts in zip(*maps, strict=True))
    best = emit("ReduceMax", scores, emit.constant([2], "axis"), keepdims=0)
    labels = emit("ArgMax", scores, axis=2, keepdims=0)
    limit = np.nextafter(np.float32(overlap), np.float32(-1))  # ONNX keeps what overlaps by exactly the threshold
    picks = emit(
        "NonMaxSuppression",
        boxes,
        emit("Unsqueeze", best, emit.constant([1], "axis")),
        emit.constant([emit.size(boxes, 1)], "most"),
        emit.constant(np.array([limit], np.float32), "overlap"),
        emit.constant(np.array([least], np.float32), "least"),
        center_point_box=1,
    )
    chosen = emit("Gather", picks, emit.constant(np.int64(2), "box"), axis=1)
    flat = emit.constant([-1], "flat")
    score = emit("Gather", emit("Reshape", best, flat), chosen)
    score, order = emit.several(2, "TopK", score, emit("Shape", score))
    chosen = emit("Gather", chosen, order)
    label = emit("Cast", emit("Gather", emit("Reshape", labels, flat), chosen), to=_FLOAT)
    label = emit("Add", label, emit.constant(np.float32(1), "one"))
    box = emit("Gather", emit("Reshape", boxes, emit.constant([-1, 4], "by_box")), chosen)
    middle, size = emit.several(2, "Split", box, emit.constant([2, 2], "pairs"), axis=1)
    half = emit("Div", size, emit.constant(np.float32(2), "two"))
    label, score = (emit("Unsqueeze", part, emit.constant([1], "column")) for part in (label, score))
    image = emit("Sub", label, label)
    found = emit("Concat", image, label, score, emit("Sub", middle, half), emit("Add", middle, half), axis=1)
    rows = emit("Concat", found, nothing_found(emit, best, picks), axis=0)
    return emit("Unsqueeze", rows, emit.constant([0, 1], "axes"))


def _by_hand(
    maps: Sequence[np.ndarray],
    anchors: Sequence[Sequence[tuple[float, float]]],
    classes: int,
    limits: tuple[float, float],
) -> np.ndarray:
    """Loops over boxes and classes as the layer has them; `anchors` of each map as shares of the image.

    `limits` are the least score and the overlap; a negative score stands for version 2, whose classes share a softmax.
    """
    least, overlap = limits
    found: list[list[float]] = []
    for data, own in zip(maps, anchors, strict=True):
        height, width = data.shape[2:]
        for y, x, n in np.ndindex(height, width, len(own)):
            cell = data[0, n * (5 + classes) : (n + 1) * (5 + classes), y, x]
            shift = 1 / (1 + np.exp(-cell))
            if least < 0:  # version 2
                odds = np.exp(cell[5:] - cell[5:].max())
                chances = [(int(odds.argmax()), shift[4] * odds.max() / odds.sum())]
            else:
                chances = [(c, shift[4] * shift[5 + c]) for c in range(classes)]
            middle = ((x + shift[0]) / width, (y + shift[1]) / height)
            half = (math.exp(cell[2]) * own[n][0] / 2, math.exp(cell[3]) * own[n][1] / 2)
            corners = [middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]]
            found += [[0, label + 1, score, *corners] for label, score in chances if score > abs(least)]
    kept: list[list[float]] = []
    for row in sorted(found, key=lambda row: -row[2]):
        if all(_overlap(row[3:], other[3:]) < overlap for other in kept):
            kept.append(row)
    return np.array([[kept]])


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    sides = [min(one[k + 2], other[k + 2]) - max(one[k], other[k]) for k in (0, 1)]
    both = 0.0 if min(sides) < 0 else sides[0] * sides[1]
    return both / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - both)


def _drawn(*shapes: tuple[int, ...]) -> Draw:
    return lambda rng, _batch: [rng.uniform(-2, 2, shape) for shape in shapes]


_TWO = "num_classes: 3 num_box: 2 biases: 1.5 biases: 1 biases: 0.75 biases: 2 confidence_threshold: 0.25"
_THREE = "num_classes: 3 num_box: 2 biases: 12 biases: 20 biases: 30 biases: 14 biases: 50 biases: 44"
_MASKS = "mask_group_num: 2 mask: 1 mask: 2 mask: 0 mask: 1 anchors_scale: 16 anchors_scale: 8"
_IMAGES = ((1, 16, 3, 4), (1, 16, 6, 8))
_SHARES = ([(30 / 64, 14 / 48), (50 / 64, 44 / 48)], [(12 / 64, 20 / 48), (30 / 64, 14 / 48)])

READ = {
    "YoloDetectionOutput": Read(
        yolo_detection_output,
        neutral=("side", "label_map_file"),
        samples=(
            Sample(
                "one map",
                f"yolo_detection_output_param {{ {_TWO} nms_threshold: 0.4 }}",
                ((1, 16, 4, 4),),
                draw=_drawn((1, 16, 4, 4)),
                batched=False,
                formula=lambda x, _: _by_hand(x, [[(1.5 / 4, 1 / 4), (0.75 / 4, 2 / 4)]], 3, (-0.25, 0.4)),
                judge=FORMULA,
            ),
        ),
    ),
    "Yolov3DetectionOutput": Read(
        yolov3_detection_output,
        samples=(
            Sample(
                "two maps",
                f"yolov3_detection_output_param {{ {_THREE} {_MASKS} confidence_threshold: 0.2 nms_threshold: 0.4 }}",
                _IMAGES,
                draw=_drawn(*_IMAGES),
                batched=False,
                formula=lambda x, _: _by_hand(x, _SHARES, 3, (0.2, 0.4)),
                judge=FORMULA,
            ),
            Sample(
                "nothing found",
                f"yolov3_detection_output_param {{ {_THREE} {_MASKS} confidence_threshold: 1 }}",
                _IMAGES,
                draw=_drawn(*_IMAGES),
                batched=False,
                formula=lambda _, __: np.array([[[[0, -1, -1, -1, -1, -1, -1]]]]),
                judge=FORMULA,
            ),
        ),
    ),
}
