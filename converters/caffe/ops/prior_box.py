"""PriorBox and PriorBoxClustered: the boxes that an SSD starts from, constants of the sizes of map and image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample
from converters.weights import ComputedWeight


@dataclass(frozen=True, slots=True)
class _Grid:
    """The places of the map's cells on the image: numbers of rows and columns, image size, distance, offset."""

    cells: tuple[int, int]
    image: tuple[int, int]
    step: tuple[float, float]
    offset: float


def prior_box(layer: Layer, emit: Emit) -> ir.Value:
    """Reads PriorBox as a constant [1, 2, boxes * 4]: corners, then variances (prior_box_layer.cpp).

    min_size and max_size count as whole numbers, as SSD's own source takes them. FaceBoxes' own PriorBox (`faceboxes:
    true`, or --dialect faceboxes where the file does not say it) sets small boxes closer.
    """
    attrs = layer.attrs
    if attrs.numbers("box_width") or attrs.numbers("box_height"):
        emit.refuse("box_width and box_height are of one fork", f"--cut-at {layer.inputs[0]} converts all before it")
    smallest, largest = attrs.numbers("min_size"), attrs.numbers("max_size")
    if not smallest or (largest and len(largest) != len(smallest)):
        emit.refuse(f"{len(smallest)} min_size and {len(largest)} max_size; Caffe refuses it too")
    if any(size != int(size) for size in (*smallest, *largest)):
        emit.note("min_size and max_size are cut to whole numbers, as SSD's Caffe does")
    ratios = _ratios(attrs.numbers("aspect_ratio"), flip=attrs.flag("flip"))
    dense = attrs.flag("faceboxes") or attrs["dialect"] == "faceboxes"
    boxes: list[Box] = []
    for position, size in enumerate(map(int, smallest)):
        boxes += _around(size, dense=dense, late=attrs.flag("tf"))
        between = [Box(*[math.sqrt(size * int(largest[position]))] * 2)] if largest else []
        others = [Box(size * math.sqrt(ratio), size / math.sqrt(ratio)) for ratio in ratios]
        boxes += [*others, *between] if attrs.flag("tf") else [*between, *others]
    return _constant(layer, emit, boxes)


class Box(NamedTuple):
    """A box's size, how far its middle lies from the cell's, and what each side draws in, as a share of the image."""

    width: float
    height: float
    right: float = 0.0
    down: float = 0.0
    inset: float = 0.0


_DENSE = {32: (4, 8), 64: (2, 16)}
"""FaceBoxes: a min_size -> its boxes in each direction and their distance."""


def _around(size: int, *, dense: bool, late: bool) -> list[Box]:
    """The boxes of one min_size with the ratio 1.

    FaceBoxes' prior_box_layer.cpp sets the small ones closer and counts the last pixel of each; `late` is
    Synopsys' `tf`, where boxes of 60 are a tenth of the image smaller.
    """
    if not dense:
        return [Box(size, size, inset=0.05 if late and size == 60 else 0.0)]
    count, step = _DENSE.get(size, (1, 0))
    places = [(place - count // 2) * step for place in range(count)]
    return [Box(size - 1, size - 1, right, down) for down in places for right in places]


def prior_box_clustered(layer: Layer, emit: Emit) -> ir.Value:
    """Reads PriorBoxClustered as a constant like PriorBox's, its boxes' sizes given one by one."""
    widths, heights = layer.attrs.numbers("width"), layer.attrs.numbers("height")
    if not widths or len(widths) != len(heights):
        emit.refuse(f"{len(widths)} values of width and {len(heights)} of height")
    return _constant(layer, emit, list(map(Box, widths, heights)))


def _ratios(given: Sequence[float], *, flip: bool) -> list[float]:
    ratios: list[float] = []
    for ratio in given:
        if all(abs(ratio - known) >= 1e-6 for known in (1.0, *ratios)):
            ratios += [ratio, 1 / ratio] if flip else [ratio]
    return ratios


def _constant(layer: Layer, emit: Emit, boxes: Sequence[Box]) -> ir.Value:
    grid = _grid(layer, emit)
    variance = layer.attrs.numbers("variance") or (0.1,)
    if len(variance) not in (1, 4):
        emit.refuse(f"{len(variance)} values of variance, expected 1 or 4; Caffe refuses it too")
    clip = layer.attrs.flag("clip")
    count = grid.cells[0] * grid.cells[1] * len(boxes)
    order = [1, 0, 3, 2] if layer.attrs.flag("yx_order") else [0, 1, 2, 3]

    def compute() -> np.ndarray:
        corners = _corners(grid, np.array(boxes, np.float32))[..., order]
        corners = np.clip(corners, 0, 1) if clip else corners
        spread = np.resize(np.array(variance, np.float32), count * 4)
        return np.stack([corners.reshape(-1).astype(np.float32), spread])[None]

    weight = ComputedWeight((1, 2, count * 4), np.dtype("<f4"), compute)
    return emit("Identity", emit.derived(weight, "boxes"))


def _grid(layer: Layer, emit: Emit) -> _Grid:
    attrs = layer.attrs
    cells = emit.size(emit.inputs[0], 2), emit.size(emit.inputs[0], 3)
    square = attrs.integer("img_size")
    image = (attrs.integer("img_h") or square, attrs.integer("img_w") or square)
    if not all(image):
        image = emit.size(emit.inputs[1], 2), emit.size(emit.inputs[1], 3)
    one = attrs.number("step")
    step = (attrs.number("step_h") or one, attrs.number("step_w") or one)
    if not all(step):
        step = (image[0] / cells[0], image[1] / cells[1])
    return _Grid(cells, image, step, attrs.number("offset"))


def _corners(grid: _Grid, boxes: np.ndarray) -> np.ndarray:
    """[rows, columns, boxes, 4]: xmin, ymin, xmax, ymax over the image's size."""
    y, x = (
        (np.arange(cells, dtype=np.float32) + np.float32(grid.offset)) * np.float32(step)
        for cells, step in zip(grid.cells, grid.step, strict=True)
    )
    image = np.array([grid.image[1], grid.image[0]], np.float64)
    size, shift, inset = np.split(boxes.astype(np.float64), [2, 4], axis=1)
    centre = np.stack(np.broadcast_arrays(x[None, :, None], y[:, None, None]), -1).astype(np.float64) + shift
    half = size / 2
    return np.concatenate([(centre - half) / image + inset, (centre + half) / image - inset], -1)


def _by_hand(inputs: Sequence[np.ndarray]) -> np.ndarray:
    """Map 2 by 3, image 20 by 36: boxes 4, sqrt(4 * 9) and 4 with the ratio 2, nothing clipped or flipped."""
    rows: list[float] = []
    for h in range(2):
        for w in range(3):
            for width, height in ((4, 4), (6, 6), (4 * 2**0.5, 4 / 2**0.5)):
                x, y = (w + 0.5) * 12, (h + 0.5) * 10
                box = ((x - width / 2) / 36, (y - height / 2) / 20, (x + width / 2) / 36, (y + height / 2) / 20)
                rows += box
    return np.array([[rows, [0.1, 0.1, 0.2, 0.2] * 18]])


_SHAPES = ((1, 4, 2, 3), (1, 3, 20, 36))
_VARIANCE = "variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2"

_PRIOR = (
    Sample(
        "one of each",
        f"prior_box_param {{ min_size: 4 max_size: 9 aspect_ratio: 2 aspect_ratio: 1 flip: false {_VARIANCE} }}",
        _SHAPES,
        formula=lambda x, _: _by_hand(x),
        judge="caffe-ssd",
    ),
    Sample(
        "several, clipped, flipped, own steps",
        "prior_box_param { min_size: 7.5 min_size: 12 max_size: 15 max_size: 20 aspect_ratio: 2 aspect_ratio: 3 "
        "clip: true step_h: 8 step_w: 11 offset: 0.25 variance: 0.3 }",
        _SHAPES,
        judge="caffe-ssd",
    ),
    Sample(
        "image size given",
        "prior_box_param { min_size: 4 img_h: 30 img_w: 50 aspect_ratio: 0.5 step: 9 }",
        _SHAPES,
        judge="caffe-ssd",
    ),
)


def _faceboxes(inputs: Sequence[np.ndarray]) -> np.ndarray:
    """Boxes of 64 and 128 on a map of 1 by 2 over an image of 200 by 160: four of the first, one of the second."""
    rows: list[float] = []
    for w in range(2):
        x, y = (w + 0.5) * 80, 0.5 * 200
        for down, right in ((-16, -16), (-16, 0), (0, -16), (0, 0)):
            rows += _corner(x + right, y + down, 63)
        rows += _corner(x, y, 127)
    return np.array([[rows, [0.1, 0.1, 0.2, 0.2] * 10]])


def _corner(x: float, y: float, size: float) -> list[float]:
    return [(x - size / 2) / 160, (y - size / 2) / 200, (x + size / 2) / 160, (y + size / 2) / 200]


def _tensorflow(inputs: Sequence[np.ndarray]) -> np.ndarray:
    """One cell of 200 by 160, boxes of 60, of the ratio 4, up to 135: y first, the largest last, the first drawn in."""
    x, y = 80, 100
    rows: list[float] = []
    for width, height, inset in ((60, 60, 0.05), (120, 30, 0), (90, 90, 0)):
        rows += [(y - height / 2) / 200 + inset, (x - width / 2) / 160 + inset]
        rows += [(y + height / 2) / 200 - inset, (x + width / 2) / 160 - inset]
    return np.array([[rows, [0.1, 0.1, 0.2, 0.2] * 3]])


_FORKS = (
    Sample(
        "faceboxes",
        f"prior_box_param {{ min_size: 64 min_size: 128 faceboxes: true {_VARIANCE} }}",
        ((1, 4, 1, 2), (1, 3, 200, 160)),
        formula=lambda x, _: _faceboxes(x),
        judge=FORMULA,
    ),
    Sample(
        "as TensorFlow orders them",
        "prior_box_param { min_size: 60 max_size: 135 aspect_ratio: 4 flip: false tf: true yx_order: true "
        f"{_VARIANCE} }}",
        ((1, 4, 1, 1), (1, 3, 200, 160)),
        formula=lambda x, _: _tensorflow(x),
        judge=FORMULA,
    ),
)


def _clustered(inputs: Sequence[np.ndarray]) -> np.ndarray:
    """The same grid with boxes of 8 by 4 and 3 by 10, step 11, clipped."""
    rows: list[float] = []
    for h, w in np.ndindex(2, 3):
        for width, height in ((8, 4), (3, 10)):
            x, y = (w + 0.5) * 11, (h + 0.5) * 11
            box = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2]) / [36, 20, 36, 20]
            rows += list(np.clip(box, 0, 1))
    return np.array([[rows, [0.1, 0.1, 0.2, 0.2] * 12]])


_CLUSTERED = (
    Sample(
        "two boxes",
        f"prior_box_param {{ width: 8 width: 3 height: 4 height: 10 step: 11 clip: true {_VARIANCE} }}",
        _SHAPES,
        formula=lambda x, _: _clustered(x),
        judge=FORMULA,
    ),
)

READ = {
    "PriorBox": Read(prior_box, samples=(*_PRIOR, *_FORKS)),
    "PriorBoxClustered": Read(
        prior_box_clustered,
        neutral=("flip", "min_size", "max_size", "aspect_ratio"),
        samples=_CLUSTERED,
    ),
}
