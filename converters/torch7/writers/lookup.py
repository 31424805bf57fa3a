"""Rows of a stored table, chosen by 1-based indices that come as real numbers: nn's LookupTable."""

from __future__ import annotations

from collections.abc import Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write

_INT64 = 7


def lookup_table(match: Match, view: View) -> Sequence[Layer]:
    """Writes Gather(table, Cast(x) - 1) as LookupTable."""
    table = match.nodes[2].inputs[0]
    weight = view.weight(table, "table")
    one = view.scalar(match.other(1))
    if match.attrs[0].integer("to") != _INT64 or one != 1 or match.attrs[2].integer("axis") or len(weight.shape) != 2:
        raise Declined("nn.LookupTable takes rows of a matrix by 1-based indices")
    fields = {"paddingValue": 0, "shouldScaleGradByFreq": False}
    return [match.layer("nn.LookupTable", fields, {"weight": weight})]


WRITE = (
    Write(
        lookup_table,
        ("Cast", "Sub", "Gather"),
        samples=(
            Sample(
                "rows",
                "o = Constant<value_int = 1>()\nc = Cast<to = 7>(in0)\ns = Sub(c, o)\nout0 = Gather(w0, s)",
                ((2, 3),),
                ((9, 4),),
                values=(1, 9),
            ),
        ),
    ),
)
