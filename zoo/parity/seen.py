"""What a check saw besides its verdict: every run's outputs, the samples, the reference's inner values and floors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from zoo.parity.engine.measuring import Value
from zoo.parity.feeding import Samples
from zoo.parity.floors import Floors
from zoo.parity.running import Result


@dataclass(slots=True)
class Seen:
    """Every run's outputs, the reference's first, and the sets of samples that they belong to.

    `values` are the records of the reference's inner values on the first set.
    """

    results: Sequence[Result] = ()
    sets: Sequence[Samples] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    floors: Floors = field(default_factory=lambda: Floors("none: nothing ran"))

    def __call__(
        self, results: Sequence[Result], sets: Sequence[Samples], values: Mapping[str, Value], floors: Floors
    ) -> None:
        """Takes note; a check calls this once."""
        self.results, self.sets, self.values, self.floors = tuple(results), tuple(sets), values, floors

    @property
    def samples(self) -> Samples | None:
        """The main set; None where nothing was fed."""
        return self.sets[0] if self.sets else None
