"""The inner values that the reference's own framework shows, by the names of the ONNX that it was converted to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

import numpy as np

from zoo.backends.exchange import Failed, Job
from zoo.parity.check import Means
from zoo.parity.feeding import Samples, fed
from zoo.parity.layers.taught import Feeds
from zoo.parity.loaded import Loaded
from zoo.parity.plan import Run

_IN_PLACE = frozenset({"caffe"})
"""Formats whose layers may overwrite what they read: their backends know `layer:NAME`, what a layer leaves there."""
_UNKNOWN = {"torch7": re.compile(r"[/#]|\bMapTable\[")}
"""What a backend cannot be asked for: a part of a module, an entry of a table, what stands in copies of a module."""


def shown_by(reference: Run, mine: Loaded, form: Loaded, means: Means, samples: Samples) -> Feeds:
    """Every value of the framework's that it knows by name: blobs, and what layers leave before others overwrite it."""
    if mine.is_onnx or not form.blobs:
        return {}
    portions = fed(means.ports(mine.artifact), samples, mine.artifact.label)
    for names in (_names(mine, form), form.blobs):
        wanted = tuple(names.values())
        jobs = [Job(mine.artifact.format, mine.artifact.files, portion, wanted) for portion in portions]
        answers = means.run(reference.card, jobs, lambda: False)
        parts = [answer.outputs for answer in answers if not isinstance(answer, Failed)]
        if len(parts) == len(portions):
            whole = joined(parts, samples.batch)
            return {value: whole[name] for value, name in names.items() if name in whole}
    return {}


def joined(parts: Sequence[Feeds], batch: int) -> Feeds:
    """The portions of all samples behind each other; a value that has not the samples along its first axis is left out.

    One portion is everything there is.
    """
    if len(parts) == 1:
        return parts[0]
    each = batch // len(parts)
    fits = [name for name in parts[0] if all(part[name].shape[:1] == (each,) for part in parts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in fits}


def _names(mine: Loaded, form: Loaded) -> Mapping[str, str]:
    """Value -> what the backend calls it."""
    hidden = _UNKNOWN.get(mine.artifact.format)
    blobs = {value: name for value, name in form.blobs.items() if hidden is None or not hidden.search(name)}
    report = form.artifact.files["model"].with_name(f"{form.artifact.files['model'].name}.report.json")
    if mine.artifact.format not in _IN_PLACE or not report.is_file():
        return blobs
    made_by = json.loads(report.read_bytes()).get("provenance", {})
    return {**{str(value): f"layer:{layer}" for value, layer in made_by.items()}, **blobs}
