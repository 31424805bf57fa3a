"""A report as a person reads it: at most 120 columns, the verdict last."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from zoo.console import table
from zoo.parity.compare import Compared, Comparison
from zoo.parity.plan import NotRun
from zoo.parity.report import Ran, Report, farthest, outcome

WIDTH = 120
_HEADER = ("artifact", "backend", "max abs", "max rel", "cosine", "top-1", "would pass", "verdict")


def human(report: Report) -> str:
    """The table of all runs, what was not run and how to make it run, the conditions, and the verdict."""
    grid = table(_HEADER, _rows(report), width=WIDTH) if report.reference else ""
    parts = [_notes(report), _not_run(report.not_run), _unheard(report), _conditions(report), _verdict(report)]
    return "\n\n".join([grid, *("\n".join(map(_folded, part)) for part in parts if part)]).lstrip("\n")


def _folded(line: str) -> str:
    """The line in pieces of at most `WIDTH` columns, all but the first indented two further."""
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, drop_whitespace=True, break_on_hyphens=False)


def _rows(report: Report) -> list[Sequence[str]]:
    assert report.reference is not None
    rows: list[Sequence[str]] = [(*_who(report.reference), "", "", "", "", "", "reference")]
    for row in (*report.rows, *report.opinions):
        mark = "" if row in report.rows else "second opinion: "
        several = len(row.comparison.outputs) > 1
        for index, output in enumerate(row.comparison.outputs):
            who = _who(row.ran) if index == 0 else ("", "")
            name = f"{output.name}: " if several else ""
            rows.append((*who, *_figures(output), f"{mark}{name}{output.verdict}"))
        if not row.comparison.outputs:
            rows.append((*_who(row.ran), "", "", "", "", "", f"{mark}fail: no outputs"))
    return rows


def _who(ran: Ran) -> tuple[str, str]:
    return ran.artifact, f"{ran.backend} {ran.versions.get(ran.backend, '')}".rstrip()


def _figures(output: Compared) -> tuple[str, str, str, str, str]:
    figures, top1 = output.figures, output.top1
    if figures is None:
        return "-", "-", "-", "-", "-"
    return (
        number(figures.max_abs),
        number(figures.max_rel),
        f"{figures.cosine:.9f}",
        f"{top1.agreed}/{top1.rows}" + (f" ({_ties(top1.ties)})" if top1.ties else "") if top1 else "-",
        number(figures.needed),
    )


def _ties(count: int) -> str:
    return f"{count} tie" if count == 1 else f"{count} ties"


def _notes(report: Report) -> list[str]:
    lines: list[str] = []
    for row in (*report.rows, *report.opinions):
        lines += [f"{row.ran.label}: {line}" for line in (*row.comparison.reasons, *row.notes)]
    if report.itself is not None:
        lines += [f"the reference's second run: {line}" for line in report.itself.reasons]
        lines.append(f"The reference, run twice, {_steadiness(report.itself)}.")
    far = farthest(report)
    if far is not None and len(report.pairs) > 1:
        lines.append(
            f"Farthest apart of {len(report.pairs)} pairs: {far.one} and {far.other}, "
            f"{number(far.comparison.ratio)} of the tolerance."
        )
    return lines


def _steadiness(itself: Comparison) -> str:
    moved = max((o.figures.max_abs if o.figures else math.inf for o in itself.outputs), default=math.inf)
    return "gave the same numbers" if moved == 0 else f"moved by {number(moved)}"


def _not_run(items: Sequence[NotRun]) -> list[str]:
    lines = ["Not run:"] if items else []
    for item in items:
        who = item.label if item.backend == "-" else f"{item.label} in {item.backend}"
        first, *more = item.why.splitlines() or [""]
        lines += [f"  {who}: {first}", *(f"    {line}" for line in more)]
        if item.remedy:
            lines.append(f"    to run it: {item.remedy}")
    return lines


def _unheard(report: Report) -> list[str]:
    lines = _not_run(report.unheard)
    return ["No second opinion:", *lines[1:]] if lines else []


def _conditions(report: Report) -> list[str]:
    tolerance = report.tolerance
    formula = f"|a - b| <= {tolerance.atol:g} max|reference| + {tolerance.rtol:g} |reference|"
    return [f"Inputs: {report.samples}.", f"Tolerance ({tolerance.source}): {formula}; {tolerance.why}."]


def _verdict(report: Report) -> list[str]:
    result = outcome(report)
    return [f"{result.verdict.upper()}: {result.sentence}."]


def number(value: float) -> str:
    """Two digits, as much as an error figure means; `0` for exactly zero."""
    return "0" if value == 0 else f"{value:.1e}" if math.isfinite(value) else "inf"
