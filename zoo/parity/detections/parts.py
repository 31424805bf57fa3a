"""Boxes, scores and labels in outputs of their own: joined row by row they are one output, which is a set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zoo.diagnostics import UsageFault
from zoo.parity.detections.layout import Array, Doubles

ROLES = ("boxes", "scores", "labels", "count")
JOINED = "detections"


@dataclass(frozen=True, slots=True)
class Parts:
    """The outputs that hold together what a detector found; `joined` is the name under which they are compared.

    boxes   [N, 4] or [B, N, 4]: four corners
    scores  [N] or [B, N], with or without an axis of 1 behind
    labels  the same, of any type; none: all are of one class
    count   one number an image: the rows behind it are none
    """

    boxes: str
    scores: str
    labels: str | None = None
    count: str | None = None
    joined: str = JOINED

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs."""
        return tuple(name for name in (self.boxes, self.scores, self.labels, self.count) if name is not None)

    @property
    def told(self) -> str:
        """For a reader."""
        return f"{self.joined} is {', '.join(self.names)}, compared as one set"

    def called(self, others: Mapping[str, str]) -> Parts:
        """The same by a source's names, where it has others."""
        labels, count = (None if name is None else others.get(name, name) for name in (self.labels, self.count))
        return replace(
            self,
            boxes=others.get(self.boxes, self.boxes),
            scores=others.get(self.scores, self.scores),
            labels=labels,
            count=count,
        )

    def table(self, outputs: Mapping[str, Array]) -> Doubles | None:
        """A row of image, label, score and box each, `[1, 1, N, 7]`; None where an output lacks or has another shape.

        Rows behind the count, of a negative label, or of zeros alone fill an output up: they become -1.
        """
        if any(name not in outputs for name in self.names):
            return None
        boxes = np.asarray(outputs[self.boxes], np.float64)
        if boxes.ndim not in (2, 3) or boxes.shape[-1] != 4 or outputs[self.scores].dtype.kind != "f":
            return None
        lead = boxes.shape[:-1] if boxes.ndim == 3 else (1, len(boxes))
        scores = _column(outputs[self.scores], lead, boxes.ndim)
        labels = np.zeros(lead) if self.labels is None else _column(outputs[self.labels], lead, boxes.ndim)
        count = np.full(lead[:1], lead[1]) if self.count is None else np.ravel(outputs[self.count])
        if scores is None or labels is None or count.shape != lead[:1]:
            return None
        images = np.repeat(np.arange(lead[0], dtype=np.float64), lead[1])
        made = np.column_stack([images, labels.ravel(), scores.ravel(), boxes.reshape(-1, 4)])
        beyond = np.arange(lead[1]) >= np.rint(count)[:, None]
        made[beyond.ravel() | (made[:, 1] < 0) | ~made[:, 2:].any(axis=1)] = -1
        return made[None, None]


def fold(parts: Iterable[Parts], outputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs with each group that is there as one; a group that does not fit stays as it stands."""
    found = dict(outputs)
    for group in parts:
        table = group.table(found)
        if table is not None:
            found = {name: array for name, array in found.items() if name not in group.names}
            found[group.joined] = table
    return found


def leading(array: Array, images: int) -> Array:
    """The rows of the first images of a joined output."""
    return np.compress(np.asarray(array[0, 0, :, 0], np.float64) < images, array, axis=2)


def said(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[Parts, ...]]:
    """What `--detections` names: whole outputs, and groups of `boxes=NAME`, `scores=NAME`, `labels=NAME`, `count=NAME`.

    A role that comes again begins the next group.

    Raises:
        UsageFault: `detections`: an unknown role, or a group without boxes or scores.
    """
    rows, groups = list[str](), list[dict[str, str]]()
    for text in names:
        role, is_part, name = text.partition("=")
        if not is_part:
            rows.append(text)
            continue
        if role not in ROLES or not name:
            hint = f"a role is one of {', '.join(ROLES)}"
            raise UsageFault("detections", f"--detections {text} is neither an output nor ROLE=NAME", hint=hint)
        if not groups or role in groups[-1]:
            groups.append({})
        groups[-1][role] = name
    for group in groups:
        lacking = [role for role in ROLES[:2] if role not in group]
        if lacking:
            told = ", ".join(f"{role}={name}" for role, name in group.items())
            raise UsageFault("detections", f"--detections {told} lacks {' and '.join(lacking)}")
    return tuple(rows), tuple(Parts(**group) for group in groups)


def joined(groups: Sequence[Parts], outputs: Iterable[str]) -> tuple[Parts, ...]:
    """The groups with names for what they are joined to, none of them an output's."""
    plain = len(groups) == 1 and JOINED not in set(outputs)
    return tuple(replace(group, joined=JOINED if plain else f"{JOINED} of {group.boxes}") for group in groups)


def _column(array: Array, lead: tuple[int, ...], rank: int) -> Doubles | None:
    """One number a box, `[B, N]`; None for another shape."""
    own = lead[3 - rank :]
    return np.asarray(array, np.float64).reshape(lead) if array.shape in (own, (*own, 1)) else None
