"""DetectionOutput: an SSD's boxes as rows [image, label, score, xmin, ymin, xmax, ymax]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from converters.caffe.ops.decoding import CODES, chosen_boxes, decoded, upright
from converters.caffe.ops.unpermuted import found, unpermuted
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Draw, Read, Sample

_FLOAT = 1
_ADAPTIVE = 0.5  # ApplyNMSFast in bbox_util.cpp: eta touches a threshold only while that is above this
_HINT = "a fork's PriorBox makes other boxes: --dialect faceboxes, where it is FaceBoxes"


@dataclass(frozen=True, slots=True)
class _Plan:
    """Sizes and thresholds of one DetectionOutput; `keep` boxes an image remain at most."""

    priors: int
    classes: int
    labels: tuple[int, ...]
    shared: bool
    top_k: int
    keep: int
    code: str


def detection_output(layer: Layer, emit: Emit) -> ir.Value:
    """Reads DetectionOutput as decoding, NonMaxSuppression a class, TopK an image, and rows as Caffe orders them.

    Rows come by image, then label, then falling score; where nothing is found one row of -1 an image, with its number
    (detection_output_layer.cpp).
    """
    attrs = layer.attrs
    bottoms = unpermuted(layer, emit) if attrs.flag("no_permute") else emit.inputs[:3]
    plan = _plan(layer, emit, bottoms)
    location, confidence, priors = bottoms
    boxes = decoded(
        emit,
        location,
        priors,
        plan.priors,
        plain=attrs.flag("variance_encoded_in_target"),
        classes=None if plan.shared else plan.classes,
        code=plan.code,
    )
    scores = emit("Reshape", confidence, emit.constant([-1, plan.priors, plan.classes], "by_prior"))
    scores = emit("Transpose", scores, perm=[0, 2, 1])
    labels = emit.constant(list(plan.labels), "labels")
    scores = emit("Gather", scores, labels, axis=1)
    if not plan.shared:
        boxes = emit("Gather", boxes, labels, axis=1)
    boxes, scores = _best(emit, boxes, scores, plan)
    threshold = attrs.number("confidence_threshold") if "confidence_threshold" in attrs.explicit else None
    nms = attrs.record("nms_param") or {}
    counted = boxes if plan.code == "CENTER_SIZE" else upright(emit, boxes)
    picks = chosen_boxes(emit, counted, scores, plan.top_k, float(str(nms["nms_threshold"])), threshold)
    picks = _kept(emit, scores, picks, plan)
    return _rows(emit, boxes, scores, picks, labels)


def _plan(layer: Layer, emit: Emit, bottoms: Sequence[ir.Value]) -> _Plan:
    attrs = layer.attrs
    nms = attrs.record("nms_param")
    if nms is None:
        emit.refuse("sets no nms_param; forks differ in what they do then", f"--cut-at {','.join(layer.inputs)}")
    if float(str(nms["eta"])) < 1 and float(str(nms["nms_threshold"])) > _ADAPTIVE:
        emit.refuse(
            f"an eta below 1 lessens an nms_threshold above {_ADAPTIVE} while boxes are chosen; "
            "ONNX has no such operator",
            f"--cut-at {','.join(layer.inputs)}",
        )
    code = attrs.text("code_type")
    if code not in CODES:
        emit.refuse(f"code_type: {code}: {', '.join(CODES)} are known", f"--cut-at {','.join(layer.inputs)}")
    if "normalized" in attrs.explicit and not attrs.flag("normalized"):
        emit.refuse("normalized: false is of one fork")
    classes, shared = attrs.integer("num_classes"), attrs.flag("share_location")
    sizes = emit.shape(bottoms[2])
    priors = emit.size(bottoms[2], 2) // 4 if len(sizes) > 2 else 0
    wanted = (priors * 4 * (1 if shared else classes), priors * classes)
    for value, count in zip(bottoms, wanted, strict=False):
        found = int(np.prod(emit.sizes(value, 1)))
        if found != count or not count:
            emit.refuse(f"{priors} priors and {classes} classes need {count} values, its bottom has {found}", _HINT)
    background = attrs.integer("background_label_id")
    labels = tuple(label for label in range(classes) if label != background)
    top_k = int(str(nms["top_k"])) if nms["top_k"] is not None else -1
    top_k = priors if top_k < 0 else min(top_k, priors)
    keep, most = attrs.integer("keep_top_k"), top_k * len(labels)
    if not labels or not top_k:
        emit.refuse("leaves no class or no box to choose from")
    return _Plan(priors, classes, labels, shared, top_k, most if keep < 0 else min(keep, most), code)


def _best(emit: Emit, boxes: ir.Value, scores: ir.Value, plan: _Plan) -> tuple[ir.Value, ir.Value]:
    """The `top_k` boxes of each class by score: boxes [N, classes, k, 4], scores [N, classes, k].

    Where all priors take part and the classes share them, the boxes stay [N, priors, 4].
    """
    if plan.top_k == plan.priors:
        return boxes, scores
    scores, places = emit.several(2, "TopK", scores, emit.constant([plan.top_k], "top_k"), axis=2)
    places = emit("Unsqueeze", places, emit.constant([3], "axis"))
    return emit("GatherND", boxes, places, batch_dims=1 if plan.shared else 2), scores


def _kept(emit: Emit, scores: ir.Value, picks: ir.Value, plan: _Plan) -> ir.Value:
    """Of the picks [M, 3] (image, class, box) the `keep` best of each image, by image, class and falling score."""
    lowest = emit.constant(np.array([-np.inf], np.float32), "lowest")
    blank = emit("Expand", lowest, emit("Shape", scores))
    found = emit("ScatterND", blank, picks, emit("GatherND", scores, picks))
    flat = emit("Reshape", found, emit.constant([0, len(plan.labels) * plan.top_k], "by_image"))
    best, places = emit.several(2, "TopK", flat, emit.constant([plan.keep], "keep"), axis=1)
    taken = emit("NonZero", emit("Greater", best, lowest))
    image, rank = emit.several(2, "Split", taken, emit.constant([1, 1], "halves"), axis=0)
    image, rank = (emit("Squeeze", part, emit.constant([0], "axis")) for part in (image, rank))
    place = emit("GatherND", places, emit("Transpose", taken, perm=[1, 0]))
    size = emit.constant([plan.top_k], "boxes")
    label, box = emit("Div", place, size), emit("Mod", place, size)
    steps = emit.constant([plan.keep * len(plan.labels)], "by_label"), emit.constant([plan.keep], "by_rank")
    key = emit("Add", emit("Mul", image, steps[0]), emit("Add", emit("Mul", label, steps[1]), rank))
    order = emit.several(2, "TopK", key, emit("Shape", key), largest=0)[1]
    columns = [emit("Unsqueeze", part, emit.constant([1], "column")) for part in (image, label, box)]
    return emit("Gather", emit("Concat", *columns, axis=1), order)


def _rows(emit: Emit, boxes: ir.Value, scores: ir.Value, picks: ir.Value, labels: ir.Value) -> ir.Value:
    """[1, 1, M, 7], or [1, 1, N, 7] of -1 where nothing is found."""
    columns = [emit("Gather", picks, emit.constant([column], "column"), axis=1) for column in range(3)]
    places = picks if emit.rank(boxes) == 4 else emit("Concat", columns[0], columns[2], axis=1)
    found = (
        emit("Cast", columns[0], to=_FLOAT),
        emit("Cast", emit("Gather", labels, columns[1]), to=_FLOAT),
        emit("Unsqueeze", emit("GatherND", scores, picks), emit.constant([1], "column")),
        emit("GatherND", boxes, places),
    )
    rows = emit("Concat", *found, axis=1)
    rows = emit("Concat", rows, nothing_found(emit, scores, picks), axis=0)
    return emit("Unsqueeze", rows, emit.constant([0, 1], "axes"))


def nothing_found(emit: Emit, scores: ir.Value, picks: ir.Value) -> ir.Value:
    """Rows that say `nothing` for each image; no rows at all where something was found."""
    images = emit("Gather", emit("Shape", scores), emit.constant([0], "first"))
    found = emit("Gather", emit("Shape", picks), emit.constant([0], "first"))
    none = emit("Cast", emit("Equal", found, emit.constant([0], "zero")), to=7)
    count = emit("Mul", images, none)
    numbers = emit(
        "Range",
        *(emit("Squeeze", part) for part in (emit.constant([0], "from"), count)),
        emit.constant(np.int64(1), "by"),
    )
    numbers = emit("Unsqueeze", emit("Cast", numbers, to=_FLOAT), emit.constant([1], "column"))
    rest = emit(
        "Expand",
        emit.constant(np.array([[-1.0]], np.float32), "nothing"),
        emit("Concat", count, emit.constant([6], "six"), axis=0),
    )
    return emit("Concat", numbers, rest, axis=1)


_NMS = "nms_param { nms_threshold: 0.3 top_k: %d }"


def _drawn(shapes: tuple[tuple[int, ...], ...]) -> Draw:
    """Distances, scores, and priors whose corners are in order."""

    def draw(rng: np.random.Generator, batch: int) -> list[np.ndarray]:
        location, confidence = rng.uniform(-1, 1, (batch, shapes[0][1])), rng.uniform(0, 1, (batch, shapes[1][1]))
        low = rng.uniform(0, 0.6, (shapes[2][2] // 4, 2))
        corners = np.concatenate([low, low + rng.uniform(0.1, 0.4, low.shape)], 1).reshape(-1)
        return [location, confidence, np.stack([corners, np.resize([0.1, 0.1, 0.2, 0.2], corners.size)])[None]]

    return draw


def _sample(
    name: str, attrs: str, shapes: tuple[tuple[int, ...], ...], top_k: int = 400, code: str = "CENTER_SIZE"
) -> Sample:
    param = f"code_type: {code} {_NMS % top_k} {attrs}"
    return Sample(name, f"detection_output_param {{ {param} }}", shapes, draw=_drawn(shapes), judge="caffe-ssd")


def _drawn_maps(rng: np.random.Generator, _batch: int) -> list[np.ndarray]:
    """Two maps of 3 classes: scores, distances, and priors whose corners are in order."""
    low = rng.uniform(0, 0.6, (_MAPS[4][2] // 4, 2))
    corners = np.concatenate([low, low + rng.uniform(0.1, 0.4, low.shape)], 1).reshape(-1)
    priors = np.stack([corners, np.resize([0.1, 0.1, 0.2, 0.2], corners.size)])[None]
    return [*(rng.uniform(0, 1, s) for s in _MAPS[:2]), *(rng.uniform(-1, 1, s) for s in _MAPS[2:4]), priors]


_MAPS = ((1, 3, 2, 6), (1, 3, 1, 2), (1, 8, 2, 3), (1, 4, 1, 2), (1, 2, 56))
_SHARED = ((2, 48), (2, 36), (1, 2, 48))
_LIMITS = "num_classes: 3 keep_top_k: 200 confidence_threshold: 0.3"

SAMPLES = (
    _sample("three classes", _LIMITS, _SHARED),
    _sample("best of each class", _LIMITS, _SHARED, top_k=3),
    _sample("few kept", "num_classes: 3 keep_top_k: 4 confidence_threshold: 0.1", _SHARED),
    _sample("all kept", "num_classes: 3 background_label_id: 1", _SHARED),
    _sample("variance in the target", f"{_LIMITS} variance_encoded_in_target: true", _SHARED),
    _sample("corners, some inside out", f"{_LIMITS} variance_encoded_in_target: true", _SHARED, code="CORNER"),
    _sample("corners with variances", _LIMITS, _SHARED, code="CORNER"),
    _sample("corners by size", f"{_LIMITS} variance_encoded_in_target: true", _SHARED, code="CORNER_SIZE"),
    _sample(
        "corners by size, boxes of their own",
        f"{_LIMITS} share_location: false",
        ((2, 144), (2, 36), (1, 2, 48)),
        top_k=5,
        code="CORNER_SIZE",
    ),
    Sample(
        "eta without effect",
        "detection_output_param { code_type: CENTER_SIZE nms_param { nms_threshold: 0.5 top_k: 400 eta: 0.9 } "
        f"{_LIMITS} }}",
        _SHARED,
        draw=_drawn(_SHARED),
        judge="caffe-ssd",
    ),
    _sample("boxes of their own", f"{_LIMITS} share_location: false", ((2, 144), (2, 36), (1, 2, 48)), top_k=5),
    Sample(
        "maps as they come",
        f"detection_output_param {{ code_type: CENTER_SIZE {_NMS % 5} {_LIMITS} no_permute: true }}",
        _MAPS,
        draw=_drawn_maps,
        batched=False,
        formula=lambda x, _: found(x, 5, 0.3, 0.3),
        judge=FORMULA,
    ),
    _sample("nothing found", "num_classes: 3 keep_top_k: 4 confidence_threshold: 2", _SHARED),
)

_NEUTRAL = (
    "save_output_param",
    "visualize",
    "visualize_threshold",
    "save_file",
    "nbottom",
    "input_width",
    "input_height",
)

READ = {"DetectionOutput": Read(detection_output, neutral=_NEUTRAL, samples=SAMPLES)}
