"""Results remembered by content: the same files, inputs, backends and code give the same report without a run.

Anything that could change a number is part of the key: when in doubt, a check runs again. Only a finished check that
says yes or no by its figures is kept, each as soon as it is done, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from converters.outputs import sha256, write_text
from zoo.backends import discovery
from zoo.catalog.plain import values
from zoo.diagnostics import Diagnostic
from zoo.parity.given import PHOTOS
from zoo.parity.request import Prepared
from zoo.parity.surroundings import surroundings
from zoo.supply.remembered import reports

_KEPT = ("agrees", "differs")


def key(prepared: Prepared) -> str:
    """The sha256 of everything that the report follows from."""
    request, plan = prepared.request, prepared.plan
    runs = [
        {
            "label": run.source.label,
            "converted": run.source.converted,
            "format": run.source.format,
            "files": dict(run.source.artifact.digests),
            "entry": values(run.source.artifact.entry) if run.source.artifact.entry else None,
            "backend": run.card.name,
            "versions": dict(discovery.probe(run.card).versions),
            "insisted": run.insisted,
        }
        for run in plan.runs
    ]
    feeds: dict[str, object] = {"seed": request.seed, "batch": request.batch}
    feeds["device"] = request.device
    feeds["looks"] = [request.layers, request.no_layers, list(request.detections), request.bisect]
    feeds["input"] = list(request.input)
    feeds |= {name: sha256(path) for name in ("inputs", "golden") if (path := getattr(request, name)) is not None}
    if request.images is not None:
        feeds["images"] = {path.name: sha256(path) for path in _photos(request.images)}
        feeds["folder"] = str(request.images)
    whole = {
        "runs": runs,
        "not_run": [asdict(item) for item in plan.not_run],
        "feeds": feeds,
        "rule": asdict(prepared.rule),
        "require": request.require,
        "second_opinions": {card.name: dict(discovery.probe(card).versions) for card in prepared.converters},
        **surroundings(),
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def recall(name: str) -> dict[str, Any] | None:
    """What was kept under the key: `report` and `text`; None where nothing is, or nothing that can be believed."""
    try:
        kept = json.loads(_place(name).read_bytes())
    except (OSError, ValueError):
        return None
    sound = isinstance(kept, dict) and kept.get("key") == name and kept.get("sha256") == _digest(kept)
    return kept if sound else None


def keep(name: str, report: dict[str, Any], text: str) -> None:
    """Remember a report that a run would give again; a folder that cannot be written only costs time."""
    if report["verdict"] not in _KEPT or any(item["status"] for item in report["not_run"]):
        return
    kept = {"key": name, "report": report, "text": text}
    try:
        write_text(_place(name), json.dumps({**kept, "sha256": _digest(kept)}, indent=1))
    except Diagnostic:
        return


def _digest(kept: dict[str, Any]) -> str:
    body = {name: kept.get(name) for name in ("key", "report", "text")}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _place(name: str) -> Path:
    return reports() / name[:2] / f"{name[2:]}.json"


def _photos(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTOS)
