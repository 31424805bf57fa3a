"""The inner values of a reference as a golden keeps them: a few numbers of each, or all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from zoo.diagnostics import Diagnostic
from zoo.parity import golden
from zoo.parity.check import Means
from zoo.parity.feeding import Numbers
from zoo.parity.graphs.choices import behind_choices
from zoo.parity.inside import RUNNER, Inside, known, leading
from zoo.parity.loaded import load
from zoo.parity.plan import Plan
from zoo.parity.sampled import places
from zoo.parity.seen import Seen


@dataclass(frozen=True, slots=True)
class Kept:
    """Values in the reference's order, for the first `batch` samples, and whose they are; or why there are none."""

    values: tuple[tuple[golden.Inner, Numbers], ...] = ()
    batch: int = 0
    of: str = ""
    why_not: str = ""


NOTHING = Kept()


def keep(plan: Plan, means: Means, seen: Seen, *, whole: bool) -> Kept:
    """The inner values of the reference, those of its own framework where that shows them, else of its ONNX form."""
    if not seen.values or seen.samples is None or not seen.results:
        return Kept(why_not="their floors are not known: there is no float64")
    with TemporaryDirectory(prefix="zoo-kept-") as place:
        loaded, _faults = load(plan.runs, means.convert, Path(place))
        few = leading(loaded, means, seen.samples, 0) or seen.samples
        try:
            found = known(seen.results[0], seen.values, Inside(means, few, loaded, Path(place)))
        except Diagnostic as fault:
            return Kept(why_not=fault.message)
    chosen = behind_choices(found.graph)
    names = [name for name in seen.values if name in found.inner and name not in chosen]
    of = seen.results[0].ran.backend if found.own else RUNNER
    kept = []
    for name in names:
        value, array = seen.values[name], found.inner[name]
        numbers = array if whole else np.ascontiguousarray(array).reshape(-1)[places(array.size)]
        card = golden.Inner(
            name=name, op=value.op, depth=value.depth, shape=array.shape, dtype=str(array.dtype),
            sha256=golden.digest(numbers), floor_rms=value.floor_rms, floor_max=value.floor_max, whole=whole,
            own=not found.own or name in found.own,
        )  # fmt: skip
        kept.append((card, numbers))
    return Kept(tuple(kept), few.batch, of)
