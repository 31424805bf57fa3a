"""How far two float32 computations of one network may lie apart: a value that is handed in with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zoo.diagnostics import UsageFault


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Passes an element when |candidate - reference| <= atol * max|reference| + rtol * |reference|.

    `atol` is a share of the largest reference value of the output, so that the verdict does not change when a
    network's outputs are multiplied by a constant. `source` says who set the numbers, `why` for what reason.
    """

    rtol: float
    atol: float
    why: str
    source: str

    def share(self, part: float) -> Tolerance:
        """The same tolerance, both numbers multiplied by `part`."""
        return replace(self, rtol=self.rtol * part, atol=self.atol * part)

    def looser_than(self, other: Tolerance) -> bool:
        """True when some element would pass here and fail there."""
        return self.rtol > other.rtol or self.atol > other.atol


# From RMS differences measured on 12 networks in 5 engines, taking the largest element as twice the RMS: harmless
# changes stay near 7e-6 of the output's largest value, near 2.1e-5 where convolutions run through Winograd's transform;
# fp16 weights in one layer begin near 7e-5. The largest element may move by the sum of the two numbers, 4e-5.
DEFAULT = Tolerance(
    rtol=2e-5,
    atol=2e-5,
    why="float32 rounding of deep networks, all engines seen, with a margin of 3",
    source="default",
)


def chosen(rtol: float | None, atol: float | None, why: str | None) -> Tolerance:
    """The default, or the caller's numbers; raises UsageFault for a looser one that gives no reason."""
    if rtol is None and atol is None:
        return DEFAULT
    mine = Tolerance(
        rtol=DEFAULT.rtol if rtol is None else rtol,
        atol=DEFAULT.atol if atol is None else atol,
        why=why or "tighter than the default",
        source="command line",
    )
    if not (mine.rtol >= 0 and mine.atol >= 0):
        raise UsageFault("tolerance", f"a tolerance is a number from 0 up, not rtol {mine.rtol}, atol {mine.atol}")
    if mine.looser_than(DEFAULT) and not why:
        raise UsageFault(
            "tolerance",
            f"rtol {mine.rtol:g}, atol {mine.atol:g} is looser than the default ({DEFAULT.rtol:g}, {DEFAULT.atol:g})",
            hint="say for what reason: --why 'the source computes in half precision'",
        )
    return mine
