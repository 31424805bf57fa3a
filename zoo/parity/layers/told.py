"""What was found in the layers, as lines for a person: the plot, the culprit, the doctor's word, the files."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten

from zoo.parity.layers.located import Located
from zoo.parity.layers.plot import plot, times


def drawn(found: Sequence[Located]) -> list[str]:
    """The plots of the runs that were asked for, which are not to be folded."""
    lines: list[str] = []
    for one in found:
        rows = one.layers or one.whole
        if one.plotted and rows:
            how = "each layer fed with the reference's values" if one.layers else "the whole network"
            lines += [f"{one.label}, {how}:", *(f"  {line}" for line in plot(rows))]
    return lines


def sentences(found: Sequence[Located]) -> list[str]:
    """The first layer that differs, why, and where its files are; why there is nothing to say."""
    lines: list[str] = []
    for one in (one for one in found if not one.short or one.first or one.hint):
        culprit = one.first
        if culprit is not None and one.framework:
            lines.append(
                f"{one.label}: the first layer that the conversion computes otherwise than {one.framework} is "
                f"{culprit.name} ({culprit.op}), {times(culprit.ratio)} x the floor."
            )
        elif culprit is not None:
            what = "layer" if culprit.kind == "layer" else "value"
            lines.append(
                f"{one.label}: the first {what} that differs is {culprit.name} ({culprit.op}), "
                f"{times(culprit.ratio)} x the floor."
            )
        elif one.hint is not None:
            lines.append(
                f"{one.label}: {one.hint.name} ({one.hint.op}) lies {times(one.hint.ratio)} x the floor away; it bears "
                f"another name there, was recognised by its numbers, and decides nothing."
            )
        elif one.layers:
            lines.append(f"{one.label}: all {len(one.layers)} layers are within the limit.")
        elif one.whole:
            lines.append(f"{one.label}: all {len(one.whole)} inner values are within the limit.")
        if one.why_not:
            lines.append(f"{one.label}: not taken apart: {one.why_not.splitlines()[0]}")
        lines += _diagnosed(one)
        if one.bisected:
            lines.append(f"  the smallest part that differs: {', '.join(one.bisected)}")
    return lines


def inside(found: Sequence[Located]) -> list[str]:
    """A line for the runs that agree inside as well, and one for each reason why others were not looked into."""
    short = [one for one in found if one.short and one.first is None and one.hint is None]
    seen = [one for one in short if one.whole or one.layers]
    lines = [
        _agreeing(some, how)
        for some, how in (
            ([one for one in seen if not one.before], ""),
            ([one for one in seen if one.before], ", looked into before"),
        )
        if some
    ]
    lines += [
        f"Inside {one.label}: {one.found} of these values bear other names there, or lie otherwise; they were found by "
        f"their numbers and by what computes them."
        for one in seen
        if one.found
    ]
    lines += [
        f"Not compared inside: {len(one.missing)} of {one.of} inner values of the reference are not in {one.label} "
        f"by name, nor recognised there, the first: {one.missing[0]}."
        for one in seen
        if one.missing
    ]
    for why in dict.fromkeys(one.why_not for one in short if one.why_not):
        labels = ", ".join(one.label for one in short if one.why_not == why)
        lines.append(f"Not compared inside: {labels}: {shorten(why.splitlines()[0], 300, placeholder=' ...')}.")
    return lines


def _agreeing(seen: Sequence[Located], how: str) -> str:
    worst = max(row.ratio for one in seen for row in (*one.whole, *one.layers))
    values, layers = (sum(map(len, rows)) for rows in ([o.whole for o in seen], [o.layers for o in seen]))
    runs = "1 run" if len(seen) == 1 else f"{len(seen)} runs"
    also = f" and {layers} layers, fed the reference's own," if layers else ""
    return (
        f"Inside {runs}{how}: {values} inner values{also} are within the limit, "
        f"the farthest at {times(worst)} x the floor."
    )


def _diagnosed(one: Located) -> list[str]:
    if one.first is not None and one.no_doctor:
        return [f"  no doctor: {one.no_doctor}"]
    if (one.first or one.hint) and not one.findings:
        return ["  doctor: none of the known mistakes explains it"]
    lines = [f"  doctor: {finding.cause}: {finding.proof}" for finding in one.findings[:1]]
    others = [finding.cause for finding in one.findings[1:]]
    return [*lines, f"  explained as well by: {', '.join(others)}"] if others else lines
