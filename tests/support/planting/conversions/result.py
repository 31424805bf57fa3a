"""What a check said of a converter's mistake, in a form that a page is made of."""

from __future__ import annotations

from dataclasses import dataclass

from planting.conversions.mistake import Told
from planting.conversions.recorded import Recorded

OUTPUTS = "torch7's recorded outputs"
"""What stands for a framework where no layer is seen."""


@dataclass(frozen=True)
class Converted:
    """`planted` is False for a converter that is whole: then `seen` is a false alarm."""

    framework: str
    mistake: str
    planted: bool
    seen: bool
    right_layer: bool
    right_cause: bool
    layer: str | None
    cause: str | None

    @classmethod
    def at_outputs(cls, recorded: Recorded, *, planted: bool = True) -> Converted:
        """A mistake that is judged by outputs that were recorded: neither layer nor cause can be named."""
        seen = recorded.differs(plant=planted)
        return cls(OUTPUTS, f"{recorded.name} (`{recorded.case}`)", planted, seen, False, False, None, None)

    @classmethod
    def of(cls, told: Told, *, planted: bool = True) -> Converted:
        """The same without the text of the check."""
        mistake = told.mistake
        name = mistake.name if planted else f"the network `{mistake.net.__name__}`"
        cause = told.causes[0] if told.causes else None
        return cls(mistake.framework, name, planted, told.status != 0 if not planted else told.seen,
                   told.right_layer, told.right_cause, told.layer, cause)  # fmt: skip
