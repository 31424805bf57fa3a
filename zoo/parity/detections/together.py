"""Which outputs of an ONNX graph are boxes, scores and labels of the same detections: one choice made all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import onnx_ir as ir

from zoo.parity.detections.parts import Parts

_NAMED: Mapping[str, re.Pattern[str]] = {
    "scores": re.compile(r"score|prob|conf", re.IGNORECASE),
    "labels": re.compile(r"label|class|categor|(?:^|[^a-z])(?:cls|ids?)(?:[^a-z]|$)", re.IGNORECASE),
    "count": re.compile(r"num|count|valid", re.IGNORECASE),
}
Behind = Callable[[ir.Value], frozenset[str]]


def together(outputs: Sequence[ir.Value], behind: Behind) -> Parts | None:
    """The one group of outputs that hang on a choice of boxes; None where shapes and names leave a doubt.

    `behind` gives the choices that a value follows from: suppressions and largest values. The shapes have to be
    declared; a type decides before a name does.
    """
    corners = [one for one in outputs if _is_float(one) and _dims(one)[-1:] == (4,) and len(_dims(one)) in (2, 3)]
    if len(corners) != 1 or not behind(corners[0]):
        return None
    boxes = corners[0]
    lead, made = _dims(boxes)[:-1], behind(boxes)
    mates = [one for one in outputs if one is not boxes and one.shape is not None and made & behind(one)]
    counts = [one for one in mates if _named(one, "count") and _size(one, lead[:-1])]
    rows = [one for one in mates if one not in counts and _size(one, lead)]
    scores = _scores(rows)
    labels = _labels([one for one in rows if one not in scores])
    if len(scores) != 1 or len(labels) > 1 or len(counts) > 1:
        return None
    label, count = (str(found[0].name) if found else None for found in (labels, counts))
    return Parts(str(boxes.name), str(scores[0].name), label, count)


def _scores(rows: Sequence[ir.Value]) -> list[ir.Value]:
    floats = [one for one in rows if _is_float(one) and not _named(one, "labels")]
    return floats if len(floats) == 1 else [one for one in floats if _named(one, "scores")]


def _labels(rows: Sequence[ir.Value]) -> list[ir.Value]:
    """Whole numbers; where they are several, or none is, by the name."""
    whole = [one for one in rows if not _is_float(one)]
    return whole if len(whole) == 1 else [one for one in rows if _named(one, "labels")] or whole


def _size(value: ir.Value, lead: tuple[object, ...]) -> bool:
    """Whether it has one element for each of these dimensions, with or without an axis of 1 behind."""
    dims = _dims(value)
    if len(dims) == len(lead) + 1 and dims[-1] == 1:
        dims = dims[:-1]
    return len(dims) == len(lead) and all(
        one == other for one, other in zip(dims, lead, strict=True) if isinstance(one, int) and isinstance(other, int)
    )


def _named(value: ir.Value, role: str) -> bool:
    return _NAMED[role].search(str(value.name)) is not None


def _is_float(value: ir.Value) -> bool:
    return value.dtype is not None and value.dtype.is_floating_point()


def _dims(value: ir.Value) -> tuple[object, ...]:
    """Numbers, and names or nothing for what is not fixed."""
    return () if value.shape is None else tuple(value.shape)
