"""How much of a difference is rounding: every value of an ONNX graph in float64, and the noise of float32 there.

`measure(model, feeds, folder)` runs the graph as a whole; `local(...)` computes each step from another engine's values
of its inputs (teacher forcing). Both work in a process of their own (`zoo.parity.engine`), step by step, so that memory
stays near the largest step's. `judge` turns an array and its measured value into a ratio: at most K passes.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.backends.arrays import mapped
from zoo.backends.process import supervise
from zoo.diagnostics import BackendFault, Where
from zoo.parity.engine.arrays import Array
from zoo.parity.engine.measuring import Idle, Value
from zoo.parity.engine.statistics import Size, distance
from zoo.parity.rule import K

Feeds = Mapping[str, Array | Path]

SEEDS = 3
TIME_LIMIT = 1800.0  # seconds
_KEPT = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": str(2**22), "MALLOC_TRIM_THRESHOLD_": str(2**28)}
"""glibc keeps the memory of one step's arrays for the next one's, instead of having the kernel clear it again."""
_PINNED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True, slots=True)
class Error:
    """Another engine's value against float64: `odd` elements are not finite in one of them; NaN for another shape."""

    rms: float
    max: float
    odd: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run of the engine gives.

    values   every value of the graph, in the order of its nodes
    kept     float64 results by name, as `.npy` files in the folder that was handed in
    errors   label -> value name -> how far that engine's value lies from float64
    outputs  names of the graph's outputs
    lanes    of values that were asked for: the runs in the file's own types and in perturbed float64, as files
    """

    values: Mapping[str, Value]
    kept: Mapping[str, Path]
    errors: Mapping[str, Mapping[str, Error]] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    lanes: Mapping[str, Sequence[Path]] = field(default_factory=dict)

    def runs(self, name: str) -> list[Array]:
        """The runs of a value that differ from float64 by rounding alone."""
        return [mapped(path) for path in self.lanes.get(name, ())]

    def double(self, name: str) -> Array:
        """The float64 value, mapped from its file."""
        return mapped(self.kept[name])


def measure(  # noqa: PLR0913 - each is a question of its own
    model: Path,
    feeds: Feeds,
    folder: Path,
    *,
    keep: Collection[str] | None = (),
    lanes: Collection[str] = (),
    against: Mapping[str, Feeds] | None = None,
    forced: Feeds | None = None,
    seeds: int = SEEDS,
    noise: bool = True,
    stop: Callable[[], bool] = lambda: False,
) -> Measured:
    """Measure every value of the ONNX file `model` for these inputs; `folder` must exist and keeps the arrays.

    keep     names whose float64 values are written down; None: all of them
    lanes    names of which every run is written down, whatever shape it came to
    against  label -> values of another engine by name: compared while the float64 value is at hand, never kept
    forced   values that later steps read instead of what was computed here
    seeds    perturbed runs; 0 leaves |float32 - float64| and the bound
    noise    False: float64 alone, with the bound for a floor
    stop     asked from time to time; once it is true the process ends and KeyboardInterrupt is raised

    Raises BackendFault `float64` when an operator is beyond the reference, or the process dies.
    """
    against = against or {}
    request = {
        "model": str(model.absolute()),
        "inputs": _files(feeds, folder, "in"),
        "forced": _files(forced or {}, folder, "forced"),
        "against": {label: _files(theirs, folder, f"of-{at}") for at, (label, theirs) in enumerate(against.items())},
        "keep": None if keep is None else list(keep),
        "lanes": list(lanes),
        "seeds": seeds,
        "noise": noise,
    }
    reply = _run(folder, request, model, stop)
    values = {entry["name"]: value(entry) for entry in reply["values"]}
    errors = {
        label: {name: Error(*found) for name, found in theirs.items()} for label, theirs in reply["errors"].items()
    }
    kept = {name: folder / file for name, file in reply["kept"].items()}
    runs = {name: [folder / file for file in files] for name, files in reply["lanes"].items()}
    return Measured(values, kept, errors, tuple(reply["outputs"]), runs)


def local(model: Path, feeds: Feeds, inner: Feeds, folder: Path, *, against: Mapping[str, Feeds] | None = None,
          keep: Collection[str] | None = ()) -> Measured:  # fmt: skip
    """Like `measure`, each step computed from `inner`: the values of the engine that is believed, by name.

    A value that `inner` lacks is computed from those before it. Errors do not accumulate, so that the floor of each
    step is that of its own arithmetic, and zero for operators that do not round.
    """
    return measure(model, feeds, folder, keep=keep, against=against, forced=inner)


def ratio(error: Error | Size, value: Value) -> float:
    """The error in units of the floor, by RMS or by maximum, whichever is larger; infinite where nothing may differ."""
    if error.odd != value.odd or math.isnan(error.rms):
        return math.inf
    return max(_share(error.rms, value.floor_rms), _share(error.max, value.floor_max))


def judge(candidate: Array, double: Array, value: Value) -> tuple[float, bool]:
    """The ratio of an array against its float64 value, and whether it passes; another shape never does."""
    if candidate.shape != double.shape:
        return math.inf, False
    found = ratio(distance(candidate, double), value)
    return found, found <= K


def _share(error: float, floor: float) -> float:
    if error == 0:
        return 0.0
    return error / floor if floor else math.inf


def value(entry: Mapping[str, Any]) -> Value:
    """What Value.plain() wrote."""
    idle = None if entry["idle"] is None else Idle(*entry["idle"])
    return Value(**{**entry, "idle": idle, **{name: tuple(entry[name]) for name in ("shape", "native", "perturbed")}})


def _files(arrays: Feeds, folder: Path, stem: str) -> dict[str, str]:
    """Arrays as files that the engine maps."""
    found = {}
    for index, (name, array) in enumerate(arrays.items()):
        path = array if isinstance(array, Path) else folder / f"{stem}-{index}.npy"
        if not isinstance(array, Path):
            np.save(path, array, allow_pickle=False)
        found[name] = str(path.absolute())
    return found


def _run(folder: Path, request: Mapping[str, object], model: Path, stop: Callable[[], bool]) -> dict[str, Any]:
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    (folder / "reply.json").unlink(missing_ok=True)

    def progress() -> int:
        if stop():
            raise KeyboardInterrupt
        return 0

    end = supervise(
        [sys.executable, "-I", "-B", "-m", "zoo.parity.engine", str(folder)],
        folder=folder,
        environment={**os.environ, **dict.fromkeys(_PINNED, "1"), **_KEPT},
        log=folder / "log",
        limit=TIME_LIMIT,
        progress=progress,
    )
    try:
        reply = json.loads((folder / "reply.json").read_bytes())
    except FileNotFoundError:
        reply = {"error": f"it ended with {end.signal or end.status} and no answer"}
    if "error" in reply:
        raise BackendFault("float64", f"cannot be measured in float64: {reply['error']}", where=Where(str(model)))
    assert isinstance(reply, dict)
    return reply
