"""A report as JSON, schema `zoo/parity` (docs/parity.md): plain values, every number as it was measured."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from zoo import __version__
from zoo.parity.compare import Compared, Comparison, shown
from zoo.parity.feeding import Samples
from zoo.parity.layers.located import Located
from zoo.parity.report import Ran, Report, Row, Weights, outcome
from zoo.parity.rule import Rule


def payload(report: Report) -> dict[str, object]:
    """The whole report as plain values."""
    result = outcome(report)
    return {
        "verdict": result.verdict,
        "status": result.status,
        "explanation": result.sentence,
        "tolerance": _rule(report.rule),
        "floor": report.told.floor,
        "inputs": {
            "samples": report.told.samples,
            "batch": report.told.batch,
            "tensors": [tensor for samples in report.told.sets for tensor in _inputs(samples)],
        },
        "reference": _ran(report.reference) if report.reference else None,
        "reference_again": _comparison(report.itself) if report.itself else None,
        "rows": [_row(row) for row in report.rows],
        "second_opinions": [_row(row) for row in report.opinions],
        "second_opinions_unheard": [asdict(item) for item in report.unheard],
        "pairs": [{"runs": [pair.one, pair.other], **_comparison(pair.comparison)} for pair in report.pairs],
        "not_run": [asdict(item) for item in report.not_run],
        "float64": asdict(report.told.float64),
        "weights": _weights(report.told.weights),
        "not_exercised": [asdict(item) for item in report.told.not_exercised],
        **_located(report.located),
        "not_inside": report.told.inside,
        "environment": {"zoo": __version__, "python": platform.python_version(), "platform": platform.platform()},
    }


def _located(found: Sequence[Located]) -> dict[str, object]:
    """Each run that was looked into, and at the top the first of them that differs, or else the first."""
    plain = [one.plain() for one in found]
    shown = next((one for one in plain if one["first"]), plain[0] if plain else None)
    top = shown or {"tensors": [], "first": None, "doctor": []}
    return {"tensors": top["tensors"], "first": top["first"], "doctor": top["doctor"], "layers": plain}


def _rule(rule: Rule) -> dict[str, object]:
    own = rule.tolerance
    return {
        "kind": "floor" if own is None else "tolerance",
        "k": rule.k,
        "rtol": own.rtol if own else None,
        "atol": own.atol if own else None,
        "snr_db": own.snr if own else None,
        "why": rule.why,
        "source": rule.source,
        "overridden": own is not None,
    }


def _inputs(samples: Samples) -> list[dict[str, object]]:
    return [
        {
            "name": port.name,
            "kind": samples.name,
            "seed": samples.seed,
            "shape": list(array.shape),
            "sha256": hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest(),
        }
        for port, array in zip(samples.leader, samples.arrays, strict=True)
    ]


def _weights(found: Weights | None) -> dict[str, object] | None:
    return None if found is None else {
        **asdict(found), "of": list(found.of), "different": list(found.different), "how": found.how,
    }  # fmt: skip


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
        "title": shown(output),
        "verdict": output.verdict.value,
        "reason": output.reason,
        "figures": asdict(output.figures) if output.figures else None,
        "top1": asdict(output.top1) if output.top1 else None,
        "kl": output.kl,
        "kind": output.kind,
        "inputs": output.inputs,
        "as_set": output.as_set,
    }
