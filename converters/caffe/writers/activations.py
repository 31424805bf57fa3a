"""Element-wise functions of one value."""

from __future__ import annotations

from collections.abc import Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write


def relu(match: Match, view: View) -> Sequence[Layer]:
    """Writes Relu as ReLU."""
    return [match.layer("ReLU")]


WRITE = (Write(relu, ("Relu",), samples=(Sample("plain", "out0 = Relu(in0)", ((2, 3, 4, 5),)),)),)
