"""DetectionOutput with `no_permute`: its maps one by one, as convolutions give them (a fork of Synopsys)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer


def unpermuted(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """The three bottoms as SSD has them, from those of Synopsys' no_permute (detection_output_layer.cpp of that fork).

    There the maps come one by one: confidences [N, classes, ratios, places], then locations [N, ratios * 4, H, W], and
    all priors last. Boxes are counted by ratio, then place; the variances keep their places.
    """
    count = (len(emit.inputs) - 1) // 2
    if len(emit.inputs) != 2 * count + 1 or not layer.attrs.flag("share_location"):
        emit.refuse(f"no_permute goes with as many confidences as locations, shared, and priors: {len(emit.inputs)}")
    classes = layer.attrs.integer("num_classes")
    locations, confidences, order = list[ir.Value](), list[ir.Value](), list[int]()
    for scores, moves in zip(emit.inputs[:count], emit.inputs[count:-1], strict=True):
        ratios, places = emit.size(moves, 1) // 4, math.prod(emit.sizes(moves, 2))
        if emit.shape(scores)[1:] != (classes, ratios, places):
            emit.refuse(f"scores {emit.shape(scores)} do not go with locations {emit.shape(moves)}")
        confidences.append(emit("Transpose", scores, perm=[0, 2, 3, 1]))
        split = emit("Reshape", moves, emit.constant([0, ratios, 4, places], "by_ratio"))
        locations.append(emit("Transpose", split, perm=[0, 1, 3, 2]))
        order += [len(order) + place * ratios + ratio for ratio, place in np.ndindex(ratios, places)]
    flat = emit.constant([0, -1], "flat")
    location, confidence = (
        emit("Concat", *(emit("Reshape", part, flat) for part in parts), axis=1) for parts in (locations, confidences)
    )
    return location, confidence, _by_ratio(emit, emit.inputs[-1], order)


def _by_ratio(emit: Emit, priors: ir.Value, order: Sequence[int]) -> ir.Value:
    boxes, variances = emit.several(2, "Split", priors, emit.constant([1, 1], "halves"), axis=1)
    boxes = emit("Reshape", boxes, emit.constant([1, 1, len(order), 4], "boxes"))
    boxes = emit("Gather", boxes, emit.constant(list(order), "order"), axis=2)
    return emit("Concat", emit("Reshape", boxes, emit.constant([1, 1, -1], "flat")), variances, axis=1)


def found(inputs: Sequence[np.ndarray], top_k: int, overlap: float, threshold: float) -> np.ndarray:
    """The rows of one image by loops over boxes, for two maps of three classes, of which 0 is the background."""
    *maps, priors = inputs
    corners, variances = priors.reshape(2, -1, 4)
    boxes, scores, first = list[list[float]](), list[np.ndarray](), 0
    for score, moves in zip(maps[:2], maps[2:], strict=True):
        ratios, height, width = moves.shape[1] // 4, *moves.shape[2:]
        for ratio, y, x in np.ndindex(ratios, height, width):
            prior = corners[first + (y * width + x) * ratios + ratio]
            move = moves[0, ratio * 4 : ratio * 4 + 4, y, x] * variances[len(boxes)]
            size, middle = prior[2:] - prior[:2], (prior[2:] + prior[:2]) / 2
            centre, half = move[:2] * size + middle, np.exp(move[2:]) * size / 2
            boxes.append([*(centre - half), *(centre + half)])
            scores.append(score[0, :, ratio, y * width + x])
        first = len(boxes)
    rows: list[list[float]] = []
    for label in (1, 2):
        kept: list[int] = []
        ranked = sorted((i for i in range(len(boxes)) if scores[i][label] > threshold), key=lambda i: -scores[i][label])
        for box in ranked[:top_k]:
            if all(_overlap(boxes[box], boxes[other]) <= overlap for other in kept):
                kept.append(box)
        rows += [[0, label, scores[box][label], *boxes[box]] for box in kept]
    return np.array([[rows]])


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    sides = [min(one[k + 2], other[k + 2]) - max(one[k], other[k]) for k in (0, 1)]
    both = max(sides[0], 0.0) * max(sides[1], 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / (sum(areas) - both)
