"""A report as JSON, schema `zoo/parity` (docs/parity.md): plain values, every number as it was measured."""

from __future__ import annotations

import platform
from dataclasses import asdict

from zoo import __version__
from zoo.parity.compare import Compared, Comparison
from zoo.parity.report import Ran, Report, Row, outcome


def payload(report: Report) -> dict[str, object]:
    """The whole report as plain values."""
    result = outcome(report)
    return {
        "verdict": result.verdict,
        "status": result.status,
        "explanation": result.sentence,
        "tolerance": asdict(report.tolerance),
        "inputs": {"samples": report.samples, "batch": report.batch},
        "reference": _ran(report.reference) if report.reference else None,
        "reference_again": _comparison(report.itself) if report.itself else None,
        "rows": [_row(row) for row in report.rows],
        "second_opinions": [_row(row) for row in report.opinions],
        "second_opinions_unheard": [asdict(item) for item in report.unheard],
        "pairs": [{"runs": [pair.one, pair.other], **_comparison(pair.comparison)} for pair in report.pairs],
        "not_run": [asdict(item) for item in report.not_run],
        "environment": {"zoo": __version__, "python": platform.python_version(), "platform": platform.platform()},
    }


def _row(row: Row) -> dict[str, object]:
    return {**_ran(row.ran), **_comparison(row.comparison), "paired": list(row.notes)}


def _ran(ran: Ran) -> dict[str, object]:
    return {
        "artifact": ran.artifact,
        "backend": ran.backend,
        "versions": dict(ran.versions),
        "seconds": ran.seconds,
        "settings": dict(ran.settings),
    }


def _comparison(comparison: Comparison) -> dict[str, object]:
    return {
        "verdict": comparison.verdict.value,
        "ratio": comparison.ratio,
        "outputs": [_output(output) for output in comparison.outputs],
    }


def _output(output: Compared) -> dict[str, object]:
    return {
        "name": output.name,
        "verdict": output.verdict.value,
        "reason": output.reason,
        "figures": asdict(output.figures) if output.figures else None,
        "top1": asdict(output.top1) if output.top1 else None,
    }
