"""What decides a pair: the rounding noise of the very tensor, or a tolerance that somebody sets for a reason."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.diagnostics import UsageFault
from zoo.parity.detections.noise import PickNoise, RowNoise
from zoo.parity.detections.places import PlaceNoise

K = 16.0
"""What may differ, in units of the floor: harmless changes were measured to stay below 10 (docs/parity.md)."""


@dataclass(frozen=True, slots=True)
class Floor:
    """The noise that float32 has in one tensor, as RMS and as largest error; `source` says how it was measured."""

    rms: float
    max: float
    source: str = "float64"
    sets: RowNoise | PickNoise | PlaceNoise | None = None
    """Set where the tensor is compared as a set: a detector's rows, or places of largest values."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Passes an element when |candidate - reference| <= atol * max|reference| + rtol * |reference|.

    `atol` is a share of the largest reference value of the output, so that the verdict does not change when a
    network's outputs are multiplied by a constant. With `snr`, an output must also reach that many decibels.
    """

    rtol: float = 0.0
    atol: float = 0.0
    snr: float | None = None

    @property
    def elementwise(self) -> bool:
        """Whether single elements are judged; otherwise the signal-to-noise ratio alone decides."""
        return self.snr is None or self.rtol > 0 or self.atol > 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A pair passes at `k` floors; where a `tolerance` overrides that, by it alone, and the report says `why`."""

    k: float = K
    tolerance: Tolerance | None = None
    why: str = "harmless changes of engine, threads, batch and fusion stayed below 10 floors"
    source: str = "default"

    def strict(self, part: float) -> Rule:
        """The same rule, `part` times as lenient."""
        own = self.tolerance
        scaled = None if own is None else Tolerance(own.rtol * part, own.atol * part, own.snr)
        return Rule(self.k * part, scaled, self.why, self.source)


DEFAULT = Rule()


def chosen(rtol: float | None, atol: float | None, snr: float | None, why: str | None) -> Rule:
    """The floor, or the caller's numbers; raises UsageFault for numbers without a reason, or that are no sizes."""
    if rtol is None and atol is None and snr is None:
        return DEFAULT
    numbers = [number for number in (rtol, atol, snr) if number is not None]
    if not all(0 <= number < float("inf") for number in numbers):
        raise UsageFault("tolerance", f"a tolerance is a number from 0 up, not {', '.join(map(str, numbers))}")
    if not why:
        raise UsageFault(
            "tolerance",
            "a tolerance set by hand replaces the measured noise floor and needs a reason",
            hint="say for what reason: --why 'the source computes in half precision'",
        )
    return Rule(tolerance=Tolerance(rtol or 0.0, atol or 0.0, snr), why=why, source="command line")
