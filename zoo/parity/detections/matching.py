"""Which of a candidate's detections answers which of the reference's: equal image and class, boxes that overlap.

Greedy, as detectors are scored in the field (COCO, VOC): by falling score each takes the best that is left. "Best" is
the smallest 1 - IoU plus the difference of scores, so that two boxes in one place are told apart by their scores.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.parity.detections.layout import Doubles, Found

OVERLAP = 0.5
"""The IoU from which two boxes may be one thing, VOC's and COCO's; how far they may lie apart is not its matter."""


@dataclass(frozen=True, slots=True)
class Matched:
    """`pairs` of rows (reference, candidate) in the reference's order, and the rows that only one side has."""

    pairs: tuple[tuple[int, int], ...]
    lost: tuple[int, ...]
    extra: tuple[int, ...]

    def without(self, rows: Sequence[tuple[int, int]]) -> Matched:
        """The same with these pairs parted."""
        kept = tuple(pair for pair in self.pairs if pair not in set(rows))
        mine, theirs = ({pair[side] for pair in rows} for side in (0, 1))
        return Matched(kept, tuple(sorted({*self.lost, *mine})), tuple(sorted({*self.extra, *theirs})))

    def scores(self, one: Found, other: Found) -> tuple[Doubles, Doubles]:
        """The scores of the pairs."""
        mine, theirs = self._rows()
        return one.scores[mine], other.scores[theirs]

    def boxes(self, one: Found, other: Found) -> tuple[Doubles, Doubles]:
        """The boxes of the pairs, N x 4."""
        mine, theirs = self._rows()
        return one.boxes[mine], other.boxes[theirs]

    def _rows(self) -> tuple[list[int], list[int]]:
        return [mine for mine, _ in self.pairs], [other for _, other in self.pairs]


def match(one: Found, other: Found, near: float = 0.0, overlap: float = OVERLAP) -> Matched:
    """Pair rows whose boxes overlap; those whose corners lie within `near` of each other do, however small they are."""
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, key in enumerate(other.keys()):
        groups[key].append(row)
    keys, found = one.keys(), list[tuple[int, int]]()
    for row in np.argsort(-one.scores, kind="stable").tolist():
        left = groups[keys[row]]
        if not left:
            continue
        shared = iou(one.boxes[row], other.boxes[left])
        shared[np.abs(other.boxes[left] - one.boxes[row]).max(axis=1) <= near] = 1.0
        cost = np.where(shared >= overlap, 1 - shared + np.abs(other.scores[left] - one.scores[row]), np.inf)
        best = int(np.argmin(cost))
        if np.isfinite(cost[best]):
            found.append((row, left.pop(best)))
    mine, theirs = ({pair[side] for pair in found} for side in (0, 1))
    return Matched(
        tuple(sorted(found)),
        tuple(row for row in range(len(one)) if row not in mine),
        tuple(row for row in range(len(other)) if row not in theirs),
    )


def iou(box: Doubles, boxes: Doubles) -> Doubles:
    """Intersection over union of one box with others; corners may come in either order, no area at all gives 0."""
    low, high = np.minimum(box[:2], box[2:]), np.maximum(box[:2], box[2:])
    lows, highs = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    shared = np.clip(np.minimum(high, highs) - np.maximum(low, lows), 0, None).prod(axis=1)
    union = (high - low).prod() + (highs - lows).prod(axis=1) - shared
    share: Doubles = np.divide(shared, union, out=np.zeros_like(union), where=union > 0)
    return share
