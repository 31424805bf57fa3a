"""A detector's output against its reference: by class, overlap and score, whatever the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.parity.detections.layout import Array, Doubles, Found, layout_of
from zoo.parity.detections.matching import Matched, match
from zoo.parity.detections.noise import NEAR, PickNoise, RowNoise, picks

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Detected:
    """Two outputs read as detections, their rows paired; `alone` are rows of one side that rounding does not explain.

    `settled` is False where rounding alone makes rows come and go, and those alone are no more.
    """

    reference: Found
    candidate: Found
    pairs: Matched
    alone: tuple[str, ...]
    loose: int
    settled: bool
    moved: tuple[int, ...]

    @property
    def arrays(self) -> tuple[Doubles, Doubles]:
        """Score and box of every pair, N x 5."""
        mine, other = self.pairs.scores(self.reference, self.candidate)
        ours, theirs = self.pairs.boxes(self.reference, self.candidate)
        return np.column_stack([mine, ours]), np.column_stack([other, theirs])

    def ratio(self, noise: RowNoise) -> float:
        """The largest difference of a score or of a corner in floors of its own kind."""
        mine, other = self.arrays
        error = np.abs(mine - other)
        floors = ((error[:, :1], noise.score), (error[:, 1:], noise.box))
        found = [0.0]
        for part, floor in floors:
            most = float(part.max(initial=0.0))
            found.append(most / floor if floor else (np.inf if most else 0.0))
        return max(found)

    @property
    def told(self) -> str | None:
        """What differs besides numbers: rows of one side only, and rows in another order."""
        parts = []
        if self.alone:
            more = f" and {len(self.alone) - _SHOWN} more" if len(self.alone) > _SHOWN else ""
            parts.append(f"{len(self.alone)} detections of one side only: {'; '.join(self.alone[:_SHOWN])}{more}")
        if self.loose:
            parts.append(f"{self.loose} detections of one side only come and go by rounding alone")
        if self.moved:
            parts.append(f"{len(self.moved)} detections stand in another order, the first in row {self.moved[0]}")
        return "; ".join(parts) or None


def detected(reference: Array, candidate: Array, noise: RowNoise, k: float) -> Detected | None:
    """Both outputs as sets of detections; None where one of them cannot be read as detections."""
    layout = layout_of(reference, candidate)
    if layout is None:
        return None
    one, other = layout.read(reference), layout.read(candidate)
    scale = float(np.abs(one.boxes).max(initial=0.0))
    pairs = match(one, other, max(k * noise.box, NEAR * scale))
    if noise.churn:  # another box was chosen in its place, which rounding does here
        pairs = pairs.without([pair for pair in pairs.pairs if _apart(one, other, pair, noise) > k])
    lost, extra = _unexplained(one, pairs.lost, noise, k), _unexplained(other, pairs.extra, noise, k)
    alone = [f"the candidate lacks {one.told(row)} (row {one.places[row]})" for row in lost]
    alone += [f"the reference lacks {other.told(row)} (row {other.places[row]})" for row in extra]
    loose = len(pairs.lost) + len(pairs.extra) - len(alone)
    settled = len(alone) > noise.churn
    return Detected(one, other, pairs, tuple(alone), loose, settled, _moved(one, other, pairs))


def _apart(one: Found, other: Found, pair: tuple[int, int], noise: RowNoise) -> float:
    """The larger difference of two rows in floors, by score or by a corner."""
    score = abs(one.scores[pair[0]] - other.scores[pair[1]])
    box = float(np.abs(one.boxes[pair[0]] - other.boxes[pair[1]]).max())
    shares = [error / floor if floor else np.inf for error, floor in ((score, noise.score), (box, noise.box)) if error]
    return float(max(shares, default=0.0))


def _unexplained(found: Found, rows: Sequence[int], noise: RowNoise, k: float) -> list[int]:
    """Those rows that are none of those that rounding makes come and go."""
    if noise.loose is None or not rows:
        return list(rows)
    known = match(found.at(rows), noise.loose, k * noise.box)
    explained = {
        rows[mine]
        for mine, theirs in known.pairs
        if abs(found.scores[rows[mine]] - noise.loose.scores[theirs]) <= k * noise.score
    }
    return [row for row in rows if row not in explained]


def _moved(one: Found, other: Found, pairs: Matched) -> tuple[int, ...]:
    """Rows of the reference, of those that both have, that the candidate lists at another place among them."""
    order = [theirs for _, theirs in pairs.pairs]
    places = sorted(order, key=lambda row: other.places[row])
    return tuple(int(one.places[mine]) for (mine, theirs), at in zip(pairs.pairs, places, strict=True) if theirs != at)


def picked(reference: Array, candidate: Array, noise: PickNoise) -> tuple[int, int, bool]:
    """Rows of one side only that rounding does not explain, those that it does, and whether the order differs."""
    mine, other = picks(reference), picks(candidate)
    apart = mine ^ other
    wrong = apart - noise.loose
    same = reference.shape == candidate.shape and np.array_equal(reference, candidate)
    return len(wrong), len(apart) - len(wrong), not same and not apart
