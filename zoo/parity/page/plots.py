"""Plots as inline SVG: error by depth on a logarithmic axis, and a histogram of the differences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from zoo.parity.account import figure
from zoo.parity.page.tree import Child, element

_WIDTH, _HEIGHT = 920.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 12.0, 16.0, 40.0
Tensor = Mapping[str, Any]


def by_depth(tensors: Sequence[Tensor], first: str | None) -> ET.Element:
    """The error of every tensor in the order of the network, above the noise floor where it is known.

    The axis is logarithmic; what is exactly zero lies on its foot. `first` is marked: the layer to look at.
    """
    field = "rms" if any(one.get("rms") is not None for one in tensors) else "ratio"
    floors = [_positive(one.get("floor_rms")) if field == "rms" else None for one in tensors]
    errors = [_positive(one.get(field)) for one in tensors]
    low, high = _decades([value for value in (*errors, *floors) if value])
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(tensors))

    def across(index: int) -> float:
        return _LEFT + (index + 0.5) * step

    def up(value: float | None) -> float:
        share = 0.0 if value is None else (math.log10(value) - low) / (high - low)
        return _HEIGHT - _BOTTOM - min(1.0, max(0.0, share)) * (_HEIGHT - _TOP - _BOTTOM)

    parts: list[Child] = [*_decade_lines(low, high, up)]
    for index, one in enumerate(tensors):
        if first is not None and one["name"] == first:
            middle = across(index)
            anchor = "end" if middle > _WIDTH / 2 else "start"
            parts.append(element("line", x1=middle, x2=middle, y1=_TOP, y2=_HEIGHT - _BOTTOM, class_="first"))
            side = -6 if anchor == "end" else 6
            parts.append(element("text", f"first: {first}"[:80], x=middle + side, y=_TOP + 10, text_anchor=anchor))
    floor_line = " ".join(f"{across(i):.1f},{up(value):.1f}" for i, value in enumerate(floors) if value)
    if floor_line:
        parts.append(element("polyline", points=floor_line, class_="floor"))
    for index, one in enumerate(tensors):
        kind = {"pass": "yes", "fail": "no"}.get(str(one.get("verdict")), "maybe")
        said = f"{one['name']} ({one.get('op') or 'tensor'}): {field} {figure(one.get(field))}, {one.get('verdict')}"
        mark = element("title", said)
        parts.append(element("circle", mark, cx=across(index), cy=up(errors[index]), r=3.5, class_=f"dot {kind}"))
    parts.append(element("text", "depth", x=(_LEFT + _WIDTH) / 2, y=_HEIGHT - 8, text_anchor="middle"))
    what = "RMS of the error" if field == "rms" else "error, in units of what passes"
    label = f"{what} of {len(tensors)} tensors by depth"
    legend = [_key("dot yes", "passes"), _key("dot no", "fails"), _key("dot maybe", "other")]
    legend += [_key("floor", "noise floor")] if floor_line else []
    return _figure(parts, label, _HEIGHT, legend)


def histogram(spread: Mapping[str, Any]) -> ET.Element:
    """How many elements differ by how much, as a share of the reference's largest value; equal ones in front."""
    bars = [("equal", int(spread["equal"]))]
    bars += [(f"1e{exponent}", int(count)) for exponent, count in spread["decades"].items()]
    bars += [("not finite", int(spread["odd"]))] if spread.get("odd") else []
    most = max(1, *(count for _, count in bars))
    step = (_WIDTH - _LEFT - _RIGHT) / len(bars)
    height = 220.0
    parts: list[Child] = []
    for index, (name, count) in enumerate(bars):
        tall = (height - _TOP - _BOTTOM) * count / most
        left, top = _LEFT + index * step, height - _BOTTOM - tall
        said = element("title", f"{name}: {count:,} elements")
        parts.append(element("rect", said, x=left + 2, y=top, width=step - 4, height=max(tall, 1.0 if count else 0.0)))
        middle = left + step / 2
        if count:
            parts.append(element("text", _short(count), x=middle, y=top - 4, text_anchor="middle"))
        parts.append(element("text", name, x=middle, y=height - _BOTTOM + 16, text_anchor="middle"))
    below = "difference as a share of the largest value of the reference, at least"
    parts.append(element("text", below, x=(_LEFT + _WIDTH) / 2, y=height - 6, text_anchor="middle"))
    return _figure(parts, "Histogram of the differences", height, [])


def _figure(parts: Sequence[Child], label: str, height: float, legend: Sequence[ET.Element]) -> ET.Element:
    drawing = element("svg", element("title", label), *parts, viewBox=f"0 0 {_WIDTH:g} {height:g}", role="img")
    caption = element("figcaption", *legend) if legend else None
    return element("figure", element("div", drawing, class_="wide"), caption)


def _key(kind: str, text: str) -> ET.Element:
    mark = (
        element("line", x1=1, x2=17, y1=6, y2=6, class_=kind)
        if kind == "floor"
        else element("circle", cx=9, cy=6, r=4, class_=kind)
    )
    return element("span", element("svg", mark, viewBox="0 0 18 12", class_="key"), text)


def _decade_lines(low: int, high: int, up: Any) -> list[Child]:
    stride = max(1, (high - low) // 6)
    parts: list[Child] = []
    for exponent in range(low, high + 1, stride):
        y = up(10.0**exponent)
        parts.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(element("text", f"1e{exponent}", x=_LEFT - 8, y=y + 4, text_anchor="end"))
    return parts


def _decades(values: Sequence[float]) -> tuple[int, int]:
    if not values:
        return -9, 0
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _positive(value: object) -> float | None:
    usable = isinstance(value, int | float) and math.isfinite(value) and value > 1e-300
    return float(value) if usable and isinstance(value, int | float) else None


def _short(count: int) -> str:
    for limit, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= 10 * limit:
            return f"{count / limit:.0f}{unit}"
    return f"{count:,}"
