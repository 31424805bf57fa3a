"""Proposal: regions of Faster R-CNN from scores and distances, as a layer of C++ or of Python."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from converters.caffe.ops.decoding import chosen_boxes
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Draw, Read, Sample


@dataclass(frozen=True, slots=True)
class _Settings:
    """The anchors [A, 4] around one cell, their distance, the limits, and the score that too small boxes get."""

    anchors: np.ndarray
    stride: int
    min_size: float
    before: int
    after: int
    overlap: float
    small: float


def proposal(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads Proposal (pva-faster-rcnn) as decoding, TopK and NonMaxSuppression over boxes that count their last pixel.

    Tops: regions [R, 5] as (0, x1, y1, x2, y2), and their scores. Batch 1, as Faster R-CNN runs. A box that is smaller
    than min_size keeps a place with the score 0 (proposal_layer.cpp, transform_box).
    """
    attrs = layer.attrs
    anchors = _anchors(attrs.integer("base_size"), attrs.numbers("ratio"), attrs.numbers("scale"))
    settings = _Settings(
        anchors,
        attrs.integer("feat_stride"),
        attrs.integer("min_size"),
        attrs.integer("pre_nms_topn"),
        attrs.integer("post_nms_topn"),
        attrs.number("nms_thresh"),
        small=0.0,
    )
    return _proposed(layer, emit, settings)


def proposal_of_python(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads rpn.proposal_layer.ProposalLayer of py-faster-rcnn like Proposal.

    Its limits stand in that repository's config.py, not in the prototxt: 6000 boxes before and 300 after the
    suppression at 0.7, 16 pixels at least.
    """
    text = layer.attrs.text("param_str")
    stride = re.search(r"feat_stride'?\"?\s*:\s*(\d+)", text)
    if stride is None:
        emit.refuse(f"its param_str {text!r} does not say feat_stride")
    emit.note("the limits of py-faster-rcnn's config.py: 6000 before, 300 after, overlap 0.7, at least 16 pixels")
    anchors = _anchors(16, _list(text, "ratios", (0.5, 1, 2)), _list(text, "scales", (8, 16, 32)))
    return _proposed(layer, emit, _Settings(anchors, int(stride[1]), 16.0, 6000, 300, 0.7, small=-1.0))


def _list(text: str, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
    """A list of numbers in a param_str, which is YAML: `'scales': [4, 8]`, with `!!python/tuple` in front or not."""
    found = re.search(rf"\b{name}'?\"?\s*:\s*(?:!!python/tuple\s*)?[\[(]([\d\s,.]+)[\])]", text)
    return tuple(float(part) for part in found[1].split(",") if part.strip()) if found else default


def _anchors(base: int, ratios: Sequence[float], scales: Sequence[float]) -> np.ndarray:
    """generate_anchors.py: sizes by ratio, rounded to whole pixels, then by scale, around the centre of one cell."""
    centre = (base - 1) / 2
    boxes = []
    for ratio in ratios:
        width = np.floor(np.sqrt(base * base / ratio) + 0.5)
        height = np.floor(width * ratio + 0.5)
        for scale in scales:
            half = np.array([width * scale - 1, height * scale - 1]) / 2
            boxes.append([*(centre - half), *(centre + half)])
    return np.array(boxes, np.float32).reshape(-1, 4)


def _proposed(layer: Layer, emit: Emit, settings: _Settings) -> Sequence[ir.Value]:
    scores, deltas, image = emit.inputs
    count = len(settings.anchors)
    batch, channels, rows, columns = emit.sizes(scores)
    if batch != 1 or not count or channels != 2 * count or emit.sizes(deltas) != (1, 4 * count, rows, columns):
        emit.refuse(
            f"{count} anchors do not fit scores {list(emit.shape(scores))}, distances {list(emit.shape(deltas))}"
        )
    total = count * rows * columns
    shift = np.stack(np.broadcast_arrays(*np.ix_(np.arange(rows), np.arange(columns))), -1)[..., ::-1] * settings.stride
    boxes = (settings.anchors + np.tile(shift.reshape(-1, 1, 2), 2)).reshape(1, -1, 4)
    order = emit.constant([total, 4], "boxes")
    deltas = emit("Transpose", emit.unflatten(deltas, (count, 4, rows, columns)), perm=[2, 3, 0, 1])
    found = _clipped(emit, _moved(emit, boxes.astype(np.float32), emit("Reshape", deltas, order)), image)
    front = emit.several(2, "Split", scores, emit.constant([count, count], "halves"), axis=1)[1]
    front = emit("Reshape", emit("Transpose", front, perm=[0, 2, 3, 1]), emit.constant([total], "scores"))
    front = _large_enough(emit, found, front, image, settings)
    best, places = emit.several(2, "TopK", front, emit.constant([min(settings.before, total)], "before"), axis=0)
    found = emit("Gather", found, places)
    picks = _picked(emit, found, best, settings)
    regions = emit("Pad", emit("Gather", found, picks), emit.constant([0, 1, 0, 0], "image_number"))
    if len(layer.outputs) == 1:
        return [regions]
    return [regions, emit("Gather", best, picks)]


def _moved(emit: Emit, anchors: np.ndarray, deltas: ir.Value) -> ir.Value:
    """bbox_transform_inv: a width counts both ends, the result's corners lie half a size from the centre."""
    size = anchors[0, :, 2:] - anchors[0, :, :2] + 1
    centre = anchors[0, :, :2] + size / 2
    wide = emit.constant(size, "sizes")
    shift, growth = emit.several(2, "Split", deltas, emit.constant([2, 2], "pairs"), axis=1)
    middle = emit("Add", emit("Mul", shift, wide), emit.constant(centre, "centres"))
    half = emit("Mul", emit("Mul", emit("Exp", growth), wide), emit.constant(np.float32(0.5), "half"))
    return emit("Concat", emit("Sub", middle, half), emit("Add", middle, half), axis=1)


def _clipped(emit: Emit, boxes: ir.Value, image: ir.Value) -> ir.Value:
    """Inside the image, whose height and width come first in im_info."""
    flat = emit("Reshape", image, emit.constant([-1], "flat"))
    limit = emit("Gather", flat, emit.constant([1, 0, 1, 0], "width_height"))
    limit = emit("Sub", limit, emit.constant(np.float32(1), "one"))
    return emit("Max", emit("Min", boxes, limit), emit.constant(np.float32(0), "zero"))


def _large_enough(emit: Emit, boxes: ir.Value, scores: ir.Value, image: ir.Value, settings: _Settings) -> ir.Value:
    """The scores, with `small` for boxes smaller than min_size times the scale.

    The scale is im_info's third number, for the width the fourth where there is one.
    """
    across = 3 if int(np.prod(emit.sizes(image))) > 3 else 2
    scale = emit("Gather", emit("Reshape", image, emit.constant([-1], "flat")), emit.constant([across, 2], "scale"))
    size = emit("Mul", scale, emit.constant(np.float32(settings.min_size), "min_size"))
    low, high = emit.several(2, "Split", boxes, emit.constant([2, 2], "pairs"), axis=1)
    sides = emit("Add", emit("Sub", high, low), emit.constant(np.float32(1), "one"))
    enough = emit("Cast", emit("GreaterOrEqual", sides, size), to=1)
    both = emit("Cast", emit("ReduceMin", enough, emit.constant([1], "axis"), keepdims=0), to=9)
    return emit("Where", both, scores, emit.constant(np.float32(settings.small), "small"))


def _picked(emit: Emit, boxes: ir.Value, scores: ir.Value, settings: _Settings) -> ir.Value:
    """Which boxes remain; the overlap counts the last pixel, so far corners move out by one."""
    counted = emit("Add", boxes, emit.constant(np.array([0, 0, 1, 1], np.float32), "last_pixel"))
    batch = emit("Unsqueeze", counted, emit.constant([0], "batch"))
    rows = emit("Unsqueeze", scores, emit.constant([0, 1], "axes"))
    picks = chosen_boxes(emit, batch, rows, settings.after, settings.overlap, -0.5)
    return emit("Squeeze", emit("Gather", picks, emit.constant([2], "box"), axis=1), emit.constant([1], "axis"))


def _drawn(anchors: int, rows: int, columns: int) -> Draw:
    """Scores, distances, and an image of 40 by 60 at its own size."""

    def draw(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
        scores = rng.uniform(0, 1, (batch, 2 * anchors, rows, columns))
        return [scores, rng.uniform(-0.5, 0.5, (batch, 4 * anchors, rows, columns)), np.array([[40, 60, 1]])]

    return draw


def _greedy(inputs: Sequence[np.ndarray], limits: _Settings) -> list[np.ndarray]:
    """Anchor by anchor, then box by box, as proposal_layer.cpp and nms.cpp go."""
    scores, deltas, ((tall, wide, scale),) = inputs
    count, boxes = len(limits.anchors), []
    for row, column, number in np.ndindex(*scores.shape[2:], count):
        x1, y1, x2, y2 = limits.anchors[number] + np.array([column, row, column, row]) * 16.0
        dx, dy, dw, dh = deltas[0, 4 * number : 4 * number + 4, row, column]
        width, height = x2 - x1 + 1, y2 - y1 + 1
        centre, half = (
            (x1 + width / 2 + dx * width, y1 + height / 2 + dy * height),
            (np.exp(dw) * width / 2, np.exp(dh) * height / 2),
        )
        left, right = (np.clip(centre[0] + side * half[0], 0, wide - 1) for side in (-1, 1))
        top, bottom = (np.clip(centre[1] + side * half[1], 0, tall - 1) for side in (-1, 1))
        large = min(right - left, bottom - top) + 1 >= limits.min_size * scale
        score = scores[0, count + number, row, column] if large else limits.small
        boxes.append((score, left, top, right, bottom))
    boxes.sort(key=lambda box: -box[0])
    kept: list[tuple[float, ...]] = []
    for box in boxes[: limits.before]:
        if (
            box[0] >= 0
            and len(kept) < limits.after
            and all(_overlap(box[1:], other[1:]) <= limits.overlap for other in kept)
        ):
            kept.append(box)
    found = np.array(kept)
    return [np.concatenate([np.zeros((len(kept), 1)), found[:, 1:]], 1), found[:, 0]]


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0]) + 1
    height = min(one[3], other[3]) - max(one[1], other[1]) + 1
    both = max(width, 0) * max(height, 0)
    area = sum((box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (one, other))
    return both / (area - both)


_ANCHORS = np.array([(-3.5, 2, 18.5, 13), (-15, -4, 30, 19), (2.5, -3, 12.5, 18), (-3, -14, 18, 29)])
# The list that py-faster-rcnn prints in generate_anchors.py.
_NINE = np.array([
    (-84, -40, 99, 55), (-176, -88, 191, 103), (-360, -184, 375, 199), (-56, -56, 71, 71), (-120, -120, 135, 135),
    (-248, -248, 263, 263), (-36, -80, 51, 95), (-80, -168, 95, 183), (-168, -344, 183, 359),
])  # fmt: skip

PYTHON_SAMPLES = (
    Sample(
        "proposals of py-faster-rcnn",
        "python_param { module: 'rpn.proposal_layer' layer: 'ProposalLayer' param_str: \"'feat_stride': 16\" }",
        ((1, 18, 6, 7), (1, 36, 6, 7), (1, 3)),
        draw=_drawn(9, 6, 7),
        batched=False,
        formula=lambda x, _: _greedy(x, _Settings(_NINE, 16, 16, 6000, 300, 0.7, small=-1))[0],
        judge=FORMULA,
    ),
)

READ = {
    "Proposal": Read(
        proposal,
        samples=(
            Sample(
                "four anchors",
                "proposal_param { ratio: 0.5 ratio: 2 scale: 1 scale: 2 pre_nms_topn: 40 post_nms_topn: 10 min_size: 8 "
                "nms_thresh: 0.5 }",
                ((1, 8, 3, 4), (1, 16, 3, 4), (1, 3)),
                draw=_drawn(4, 3, 4),
                batched=False,
                outputs=2,
                formula=lambda x, _: _greedy(x, _Settings(_ANCHORS, 16, 8, 40, 10, 0.5, small=0)),
                judge=FORMULA,
            ),
        ),
    ),
}
