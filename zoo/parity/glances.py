"""Looks inside that found nothing are remembered by content, so that a check that is repeated costs its runs alone.

The key holds everything that a look follows from: the files, the samples, what the runs gave, the floors, the backends
with their versions and settings, and zoo's own code. What differed, and what could not be compared, is looked at anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from converters.outputs import write_text
from zoo.backends.card import Card
from zoo.backends.discovery import probe
from zoo.catalog.plain import values as plain
from zoo.diagnostics import Diagnostic
from zoo.parity.doctor.examine import Finding
from zoo.parity.engine.measuring import Value
from zoo.parity.feeding import Numbers, Samples
from zoo.parity.layers.located import Located
from zoo.parity.layers.rows import Row
from zoo.parity.running import Result
from zoo.parity.surroundings import surroundings
from zoo.supply.remembered import looks

_OWN = ("label", "before", "bisected")
"""Fields that belong to one report, not to what was found."""


def key(reference: Result, other: Result, samples: Samples, values: Mapping[str, Value], runner: Card) -> str:
    """The sha256 of everything that a look at `other` follows from; `runner` computes what the reference lacks."""
    whole = {
        "runs": [_run(one) for one in (reference, other)],
        "samples": [samples.batch, _digest(enumerate(samples.arrays))],
        "values": [value.plain() for value in values.values()],
        "runner": dict(probe(runner).versions),
        **surroundings(),
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def recall(name: str, label: str) -> Located | None:
    """What was found under the key, marked as such; None where nothing is kept, or nothing that can be believed."""
    path = _place(name)
    try:
        kept = json.loads(path.read_bytes())
        found = kept["found"]
        if kept["sha256"] != _sealed(name, found):
            return None
        rows = {part: tuple(Row(**row) for row in found[part]) for part in ("whole", "layers")}
        findings = tuple(Finding(**one) for one in found["findings"])
        told = {**found, **rows, "findings": findings, "missing": tuple(found["missing"])}
        located = Located(**{**told, "label": label, "guessed": frozenset(found["guessed"]), "before": True})
        os.utime(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return located if located.agrees else None


def keep(name: str, one: Located) -> None:
    """Remember what agrees in everything that was compared; a folder that cannot be written only costs time."""
    if not one.agrees or one.why_not or one.before or one.bisected or not (one.whole or one.layers):
        return
    told = {**asdict(one), "guessed": sorted(one.guessed)}
    found = json.loads(json.dumps({key: value for key, value in told.items() if key not in _OWN}))
    try:
        write_text(_place(name), json.dumps({"found": found, "sha256": _sealed(name, found)}))
    except Diagnostic:
        return


def _run(one: Result) -> dict[str, object]:
    source = one.run.source
    return {
        "converted": source.converted,
        "format": source.format,
        "files": dict(source.artifact.digests),
        "entry": plain(source.artifact.entry) if source.artifact.entry else None,
        "backend": one.ran.backend,
        "versions": dict(one.ran.versions),
        "settings": dict(one.ran.settings),
        "outputs": _digest(one.outputs.items()),
    }


def _digest(arrays: Iterable[tuple[object, Numbers]]) -> str:
    digest = hashlib.sha256()
    for name, array in arrays:
        digest.update(f"{name} {array.dtype} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _sealed(name: str, found: object) -> str:
    return hashlib.sha256(json.dumps([name, found], sort_keys=True).encode()).hexdigest()


def _place(name: str) -> Path:
    return looks() / name[:2] / f"{name[2:]}.json"
