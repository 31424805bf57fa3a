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
from converters.hub.optable import Read, Sample


@dataclass(frozen=True, slots=True)
class _Settings:
    """The anchors [A, 4] around one cell, their distance, and the limits."""

    anchors: np.ndarray
    stride: int
    min_size: float
    before: int
    after: int
    overlap: float


def proposal(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads Proposal (pva-faster-rcnn) as decoding, TopK and NonMaxSuppression over boxes that count their last pixel.

    Tops: regions [R, 5] as (0, x1, y1, x2, y2), and their scores. Batch 1, as Faster R-CNN runs.
    """
    attrs = layer.attrs
    anchors = _anchors(attrs.integer("base_size"), attrs.numbers("ratio"), attrs.numbers("scale"), rounded=True)
    settings = _Settings(
        anchors,
        attrs.integer("feat_stride"),
        attrs.integer("min_size"),
        attrs.integer("pre_nms_topn"),
        attrs.integer("post_nms_topn"),
        attrs.number("nms_thresh"),
    )
    return _proposed(layer, emit, settings)


def python(layer: Layer, emit: Emit) -> Sequence[ir.Value]:
    """Reads the Python layer rpn.proposal_layer.ProposalLayer (py-faster-rcnn) like Proposal; refuses the others.

    Its limits stand in that repository's config.py, not in the prototxt: 6000 boxes before and 300 after the
    suppression at 0.7, 16 pixels at least.
    """
    attrs = layer.attrs
    name = f"{attrs.text('module')}.{attrs.text('layer')}"
    if name != "rpn.proposal_layer.ProposalLayer":
        emit.refuse(
            f"is code in Python ({name}), which is not in the file",
            f"--cut-at {','.join(layer.inputs)} converts all before it",
        )
    text = attrs.text("param_str")
    stride = re.search(r"feat_stride'?\"?\s*:\s*(\d+)", text)
    scales = re.search(r"scales'?\"?\s*:\s*[\[(]([\d\s,.]+)[\])]", text)
    if stride is None:
        emit.refuse(f"its param_str {text!r} does not say feat_stride")
    numbers = tuple(float(part) for part in scales[1].split(",") if part.strip()) if scales else (8.0, 16.0, 32.0)
    emit.note("the limits of py-faster-rcnn's config.py: 6000 before, 300 after, overlap 0.7, at least 16 pixels")
    anchors = _anchors(16, (0.5, 1.0, 2.0), numbers, rounded=True)
    return _proposed(layer, emit, _Settings(anchors, int(stride[1]), 16.0, 6000, 300, 0.7))


def _anchors(base: int, ratios: Sequence[float], scales: Sequence[float], *, rounded: bool) -> np.ndarray:
    """generate_anchors.py: sizes by ratio, rounded to whole pixels, then by scale, around the centre of one cell."""
    centre = (base - 1) / 2
    boxes = []
    for ratio in ratios:
        width = np.round(np.sqrt(base * base / ratio))
        height = np.round(width * ratio)
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
    """The scores, with -1 (below any probability) for boxes smaller than min_size times the image's scale."""
    flat = emit("Reshape", image, emit.constant([-1], "flat"))
    size = emit(
        "Mul",
        emit("Gather", flat, emit.constant([2], "scale")),
        emit.constant(np.float32(settings.min_size), "min_size"),
    )
    low, high = emit.several(2, "Split", boxes, emit.constant([2, 2], "pairs"), axis=1)
    sides = emit("Add", emit("Sub", high, low), emit.constant(np.float32(1), "one"))
    least = emit("ReduceMin", sides, emit.constant([1], "axis"), keepdims=0)
    return emit("Where", emit("GreaterOrEqual", least, size), scores, emit.constant(np.float32(-1), "small"))


def _picked(emit: Emit, boxes: ir.Value, scores: ir.Value, settings: _Settings) -> ir.Value:
    """Which boxes remain; the overlap counts the last pixel, so far corners move out by one."""
    counted = emit("Add", boxes, emit.constant(np.array([0, 0, 1, 1], np.float32), "last_pixel"))
    batch = emit("Unsqueeze", counted, emit.constant([0], "batch"))
    rows = emit("Unsqueeze", scores, emit.constant([0, 1], "axes"))
    picks = chosen_boxes(emit, batch, rows, settings.after, settings.overlap, -0.5)
    return emit("Squeeze", emit("Gather", picks, emit.constant([2], "box"), axis=1), emit.constant([1], "axis"))


def _draw(rng: np.random.Generator, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """Scores, distances, and an image of 40 by 60 at its own size."""
    return [rng.uniform(0, 1, shapes[0]), rng.uniform(-0.5, 0.5, shapes[1]), np.array([[40, 60, 1]])]


READ = {
    "Proposal": Read(
        proposal,
        samples=(
            Sample(
                "two anchors",
                "proposal_param { ratio: 0.5 ratio: 2 scale: 1 scale: 2 pre_nms_topn: 40 post_nms_topn: 10 min_size: 2 "
                "nms_thresh: 0.5 }",
                ((1, 8, 3, 4), (1, 16, 3, 4), (1, 3)),
                draw=_draw,
                batched=False,
                judge="caffe-ssd",
            ),
        ),
    ),
    "Python": Read(python, neutral=("share_in_parallel",)),
}
