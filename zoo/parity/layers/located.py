"""Where a candidate leaves the reference and why, as a value: rows, the first over the limit, the doctor's findings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from zoo.parity.doctor.examine import Finding
from zoo.parity.layers.rows import Row, first


@dataclass(frozen=True, slots=True)
class Located:
    """One run that was looked into.

    `whole` are the values that both sides share in the whole network, `layers` the same layer by layer from the
    reference's own values. `why_not` says why there are none. `bisected` names the files that
    --bisect wrote; `plotted`: --layers was asked for. `framework`: the layers are the conversion's own, and this is
    the framework that computes them otherwise. `short`: with few samples, as every run that agrees is.
    """

    label: str
    whole: tuple[Row, ...] = ()
    layers: tuple[Row, ...] = ()
    findings: tuple[Finding, ...] = ()
    why_not: str | None = None
    bisected: tuple[str, ...] = ()
    plotted: bool = False
    framework: str = ""
    short: bool = False
    missing: tuple[str, ...] = ()
    """Values of the reference, of `of`, that the run does not name, in any shape: they were not compared."""
    of: int = 0
    no_doctor: str = ""
    """Why nobody looked for a cause, where nobody could."""
    found: int = 0
    """How many of the values that were compared bear other names in the run's file, or lie otherwise."""
    guessed: frozenset[str] = frozenset()
    """Those of them that nothing but numbers says: what is over the limit there is told, and decides nothing."""
    before: bool = False
    """Nothing was run: a look at the same runs found this earlier."""

    @property
    def first(self) -> Row | None:
        """The culprit: the first layer over the limit; where all layers hold, the first value of the whole.

        A value of another shape before it is the culprit itself: no layer could be fed with it.
        """
        layer, value = first(self._sure(self.layers)), first(self._sure(self.whole))
        if layer is None or value is None:
            return layer or value
        fed = {row.name for row in self.layers}
        misshapen = value.name not in fed and math.isinf(value.ratio) and value.depth < layer.depth
        return value if misshapen else layer

    @property
    def hint(self) -> Row | None:
        """The first layer over the limit among those that were recognised by numbers alone."""
        return first([row for row in self.layers if row.name in self.guessed])

    def _sure(self, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if row.name not in self.guessed]

    @property
    def agrees(self) -> bool:
        """False when some value or layer is over the limit."""
        return self.first is None

    def plain(self) -> dict[str, object]:
        """For JSON."""
        culprit, hint = self.first, self.hint
        return {
            "run": self.label,
            "first": culprit.name if culprit else None,
            "hint": hint.name if hint else None,
            "tensors": []
            if self.short and culprit is None and hint is None
            else [row.plain() for row in (*self.whole, *self.layers)],
            "doctor": [asdict(finding) for finding in self.findings],
            "why_not": self.why_not,
            "framework": self.framework or None,
            "short": self.short,
            "found": self.found,
            "before": self.before,
            "missing": list(self.missing),
            "of": self.of or None,
            "values": len(self.whole),
            "layers": len(self.layers),
            "worst": max((row.ratio for row in (*self.whole, *self.layers)), default=None),
            "no_doctor": (self.no_doctor or None) if culprit else None,
            "bisected": list(self.bisected),
        }
