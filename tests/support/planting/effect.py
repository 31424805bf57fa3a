"""How much a mutant really changes: float64 against float64, so that rounding hides nothing."""

from __future__ import annotations

import numpy as np
import onnx

from planting.drawing import Mutant
from planting.gate import measure_here
from zoo.parity.graphs.cut import FED, cut
from zoo.parity.layers.taught import Taught, Teacher


def effect(teacher: Teacher, mutant: Mutant, taught: Taught) -> float:
    """The largest change of any layer, in units of that layer's floor, all layers fed alike; 0 when there is none."""
    assert taught.truth is not None
    severed = cut(mutant.graph, taught.inner.keys())
    path = teacher.folder / "mutant.onnx"
    onnx.save(severed.model, path)
    fed = {**teacher.feeds, **{name + FED: array for name, array in taught.inner.items()}}
    folder = teacher.folder / "effect"
    folder.mkdir(exist_ok=True)
    found = measure_here(path, {port: fed[port] for port in severed.inputs}, folder, keep=None)
    worst = 0.0
    for name in taught.got:
        value, true = taught.truth.values[name], taught.truth.double(name)
        change = np.abs(found.double(name) - true)
        if change.any():
            rms, most = float(np.sqrt(np.mean(change**2))), float(change.max())
            worst = max(worst, rms / value.floor_rms if value.floor_rms else np.inf, most / value.floor_max)
    return worst
