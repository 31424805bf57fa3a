"""What the columns of a detector's output mean, and its rows as what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Doubles = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Found:
    """What a detector found, a row each: `places` are their rows in the output; boxes are four corners, N x 4."""

    images: Whole
    labels: Whole
    scores: Doubles
    boxes: Doubles
    places: Whole

    def __len__(self) -> int:
        """How many there are."""
        return len(self.scores)

    def at(self, rows: Iterable[int]) -> Found:
        """Some of them."""
        index = np.array(list(rows), np.int64)
        images, labels, places = (part[index] for part in (self.images, self.labels, self.places))
        return Found(images, labels, self.scores[index], self.boxes[index], places)

    def keys(self) -> list[tuple[int, int]]:
        """Image and label of each."""
        return list(zip(self.images.tolist(), self.labels.tolist(), strict=True))

    def told(self, row: int) -> str:
        """One of them for a reader."""
        box = ", ".join(f"{value:.4g}" for value in self.boxes[row])
        return f"image {self.images[row]}, class {self.labels[row]}, score {self.scores[row]:.4g}, box [{box}]"


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column holds what; `image` None: the first axis of the output counts the images. `box` is its first column.

    ssd       [1, 1, N, 7], Caffe's DetectionOutput: image, label, score, box; label -1: nothing was found
    multibox  [B, N, 6], MXNet's MultiBoxDetection and box_nms: label, score, box; label -1: no row
    corners   [B, N, 6]: box, score, label
    """

    name: str
    width: int
    image: int | None
    label: int
    score: int
    box: int

    def read(self, array: Array) -> Found:
        """The rows whose label is not negative; rows of zeros fill OpenCV's output up to its size, and are none."""
        table = np.asarray(array, np.float64).reshape(-1, self.width)
        each = array.shape[-2] if array.ndim > 1 else 1
        images = np.arange(len(table)) // max(1, each) if self.image is None else table[:, self.image]
        valid = np.flatnonzero((table[:, self.label] >= 0) & table.any(axis=1))
        boxes = table[valid, self.box : self.box + 4]
        images, labels = (np.rint(column[valid]).astype(np.int64) for column in (images, table[:, self.label]))
        return Found(images, labels, table[valid, self.score], boxes, valid)

    def fits(self, array: Array, slack: float = 0.0) -> bool:
        """Whether images and labels are whole numbers, to `slack` of each, and no row holds a NaN or infinity."""
        if array.dtype.kind != "f" or array.ndim < 2 or array.shape[-1] != self.width:
            return False
        if self.image is None and array.ndim > 3:
            return False
        table = np.asarray(array, np.float64).reshape(-1, self.width)
        columns = table[:, [column for column in (self.image, self.label) if column is not None]]
        if not np.isfinite(table).all() or (columns < -1 - slack).any():
            return False
        return bool((np.abs(columns - np.rint(columns)) <= slack * np.abs(columns)).all())


LAYOUTS = (
    Layout("ssd", 7, 0, 1, 2, 3),
    Layout("multibox", 6, None, 0, 1, 2),
    Layout("corners", 6, None, 5, 4, 0),
)


def layout_of(*arrays: Array, slack: float = 0.0) -> Layout | None:
    """The first layout that all of them fit; None where there is none."""
    return next((one for one in LAYOUTS if all(one.fits(array, slack) for array in arrays)), None)


def stacked(arrays: Sequence[Array], sizes: Sequence[int]) -> Array:
    """Portions of detections as one output; rows that bear the number of their image count on from portion to portion.

    `sizes` are the samples of each portion.
    """
    first = LAYOUTS[0]
    if any(array.ndim < 2 or array.shape[-1] != first.width for array in arrays):
        return np.concatenate(arrays)
    made, start = [], 0
    for array, size in zip(arrays, sizes, strict=True):
        moved = np.array(array, array.dtype)
        moved[..., 0] = np.add(array[..., 0], np.where(array.any(axis=-1), start, 0), dtype=np.float64)
        made.append(moved)
        start += size
    return np.concatenate(made, axis=-2)
