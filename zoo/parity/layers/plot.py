"""Error by depth as text: a line a layer, a bar on a logarithmic scale, the limit marked."""

from __future__ import annotations

import math
from collections.abc import Sequence

from zoo.parity.layers.rows import Row
from zoo.parity.rule import K

_WIDE = 40  # characters of a bar
_DECADES = 8.0  # from 0.1 x to 10^7 x the floor
_SHOWN = 40  # lines of a long network: those around the first over the limit, and the worst


def plot(found: Sequence[Row]) -> list[str]:
    """A heading, a line a row in the order of the network, and what was left out."""
    if not found:
        return []
    kept = _chosen(found)
    named = max(len(_name(found[place])) for place in kept)
    limit = _length(K)
    head = f"{'':{named}}  x floor  {'':{limit}}| {K:g}"
    lines, last = [head], -1
    for place in kept:
        if place > last + 1:
            lines.append(f"{'':{named}}  ... {place - last - 1} more within the limit")
        lines.append(_line(found[place], named, limit))
        last = place
    if last + 1 < len(found):
        lines.append(f"{'':{named}}  ... {len(found) - last - 1} more")
    return lines


def _chosen(found: Sequence[Row]) -> list[int]:
    """All rows of a short network; else the neighbours of the first failing one and the largest ratios."""
    if len(found) <= _SHOWN:
        return list(range(len(found)))
    culprit = next((place for place, row in enumerate(found) if row.verdict == "fail"), len(found) - 1)
    near = range(max(0, culprit - _SHOWN // 4), min(len(found), culprit + _SHOWN // 4))
    worst = sorted(range(len(found)), key=lambda place: -found[place].ratio)[: _SHOWN // 2]
    return sorted({*near, *worst})


def _line(row: Row, named: int, limit: int) -> str:
    bar = "#" * _length(row.ratio)
    if len(bar) <= limit:
        bar = f"{bar:{limit}}|"
    return f"{_name(row):{named}}  {times(row.ratio):>7}  {bar}{'  <--' if row.verdict == 'fail' else ''}".rstrip()


def _name(row: Row) -> str:
    name = row.name if len(row.name) <= _WIDE else f"...{row.name[3 - _WIDE :]}"
    return f"{name} ({row.op})"


def _length(ratio: float) -> int:
    if not math.isfinite(ratio):
        return _WIDE
    share = (math.log10(max(ratio, 0.1)) + 1) / _DECADES
    return max(0, min(_WIDE, round(share * _WIDE)))


def times(value: float) -> str:
    """A ratio with two digits."""
    return "inf" if not math.isfinite(value) else f"{value:.0f}" if 100 <= value < 10_000 else f"{value:.2g}"
