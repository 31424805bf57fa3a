"""Resizing: the mode, and where the pixels are thought to lie."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.parity.doctor.case import Case, Change, Hypothesis, edited
from zoo.parity.graphs.graph import attributes, change

_COORDINATES = ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")
_ROUNDINGS = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")


def families(case: Case) -> Iterator[Hypothesis]:
    """Every mode that ONNX can say."""
    forms: list[dict[str, str | None]] = [
        {"mode": mode, "coordinate_transformation_mode": where, "nearest_mode": None}
        for mode in ("linear", "cubic")
        for where in _COORDINATES
    ]
    forms += [
        {"mode": "nearest", "coordinate_transformation_mode": where, "nearest_mode": rounding}
        for where in _COORDINATES
        for rounding in _ROUNDINGS
    ]
    for node in case.nodes("Resize"):
        held = {name: value.decode() for name, value in attributes(node).items() if isinstance(value, bytes)}
        for form in forms:
            if any(held.get(name) != value for name, value in form.items() if value is not None):
                said = f"{node.output[0]} is {', '.join(value for value in form.values() if value)}"
                yield Hypothesis("interpolation", said, edited(case, node, _set(form)))


def _set(form: dict[str, str | None]) -> Change:
    return lambda _graph, node: change(node, **form)
