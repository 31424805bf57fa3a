"""A report as a person reads it: at most 120 columns, the verdict last."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from zoo.console import table
from zoo.parity.compare import Compared, Comparison, Verdict
from zoo.parity.layers.told import drawn, inside, sentences
from zoo.parity.plan import NotRun
from zoo.parity.report import Ran, Report, farthest, outcome
from zoo.parity.rule import Rule

WIDTH = 120
_HEADER = ("artifact", "backend", "max abs", "max rel", "SNR", "top-1", "x floor", "verdict")


def human(report: Report) -> str:
    """The table of all runs, what was not run and how to make it run, the conditions, and the verdict."""
    grid = table(_HEADER, _rows(report), width=WIDTH) if report.reference else ""
    plots = "\n".join(drawn(report.located))
    parts = [
        _notes(report), sentences(report.located), _not_run(report.not_run), _unheard(report), _conditions(report),
        _verdict(report),
    ]  # fmt: skip
    texts = ["\n".join(map(_folded, part)) for part in parts if part]
    return "\n\n".join([grid, *([plots] if plots else []), *texts]).lstrip("\n")


def _folded(line: str) -> str:
    """The line in pieces of at most `WIDTH` columns, all but the first indented two further."""
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, drop_whitespace=True, break_on_hyphens=False)


def _rows(report: Report) -> list[Sequence[str]]:
    assert report.reference is not None
    rows: list[Sequence[str]] = [(*_who(report.reference), "", "", "", "", "", "reference")]
    for row in (*report.rows, *report.opinions):
        mark = "" if row in report.rows else "second opinion: "
        lines = _lines(row.comparison)
        for index, outputs in enumerate(lines):
            who = _who(row.ran) if index == 0 else ("", "")
            name = f"{_name(outputs[0])}: " if len(lines) > 1 else ""
            rows.append((*who, *_figures(outputs), f"{mark}{name}{_together(outputs)}"))
        if not row.comparison.outputs:
            rows.append((*_who(row.ran), "", "", "", "", "", f"{mark}fail: no outputs"))
    return rows


def _who(ran: Ran) -> tuple[str, str]:
    return ran.artifact, f"{ran.backend} {ran.versions.get(ran.backend.partition(':')[0], '')}".rstrip()


def _lines(comparison: Comparison) -> list[list[Compared]]:
    """The rows of one output together, whatever the inputs were: the table has a line for each."""
    found: dict[tuple[str, str], list[Compared]] = {}
    for output in comparison.outputs:
        found.setdefault((output.name, output.kind), []).append(output)
    return list(found.values())


def _name(output: Compared) -> str:
    return f"logits of {output.name}" if output.kind == "logits" else output.name


def _together(outputs: Sequence[Compared]) -> Verdict:
    return Comparison(tuple(outputs)).verdict


def _figures(outputs: Sequence[Compared]) -> tuple[str, str, str, str, str]:
    """The figures on the first set of samples, and the worst ratio on any."""
    figures, top1 = outputs[0].figures, outputs[0].top1
    if figures is None:
        return "-", "-", "-", "-", "-"
    ratios = [one.figures.ratio for one in outputs if one.figures and one.figures.ratio is not None]
    return (
        number(figures.max_abs),
        number(figures.max_rel),
        f"{figures.snr_db:.0f} dB",
        f"{top1.agreed}/{top1.rows}" + (f" ({_ties(top1.ties)})" if top1.ties else "") if top1 else "-",
        times(max(ratios)) if ratios else "-",
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
            f"{times(far.comparison.ratio)} x {'the tolerance' if report.rule.tolerance else 'the floor'}."
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
    lines = [f"Inputs: {report.told.samples}.", f"Floor: {report.told.floor}.", *inside(report.located)]
    if report.told.inside and report.reference:
        lines.append(f"Not compared inside, outputs and logits alone: {report.told.inside}.")
    if report.told.float64.sentence and report.reference:
        lines.append(f"Float64: {report.told.float64.sentence}.")
    weights = report.told.weights
    if weights:
        lines.append(
            f"Weights: {weights.equal} of {weights.compared} of {weights.of[0]} are in {weights.of[1]} bit for bit "
            f"({weights.how})."
        )
    idle = report.told.not_exercised
    if idle:
        where = ", ".join(dict.fromkeys(item.what for item in idle))
        lines.append(f"Not reached by these inputs, at {len(idle)} inner values: {where} (listed in the JSON).")
    return [*lines, _rule(report.rule)]


def _rule(rule: Rule) -> str:
    own = rule.tolerance
    if own is None:
        return f"Rule: at most {rule.k:g} x the floor, by RMS and by maximum; {rule.why}."
    parts = [f"|a - b| <= {own.atol:g} max|reference| + {own.rtol:g} |reference|"] if own.elementwise else []
    parts += [f"at least {own.snr:g} dB"] if own.snr is not None else []
    return f"OVERRIDDEN by the {rule.source}: {' and '.join(parts)}; {rule.why}."


def _verdict(report: Report) -> list[str]:
    result = outcome(report)
    return [f"{result.verdict.upper()}: {result.sentence}."]


def times(value: float) -> str:
    """A ratio with two digits: `0.43`, `5.9`, `120`, `1.6e+05`."""
    if not math.isfinite(value):
        return "inf"
    return f"{value:.0f}" if 100 <= value < 10000 else f"{value:.2g}"


def number(value: float) -> str:
    """Two digits, as much as an error figure means; `0` for exactly zero."""
    return "0" if value == 0 else f"{value:.1e}" if math.isfinite(value) else "inf"
