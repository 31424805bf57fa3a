"""Convolution and pooling over one dimension: nn wants [batch, time, features]; as images of height 1 they fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Match, Part
from converters.hub.view import View
from converters.weights import Weight


def is_line(view: View, match: Match) -> bool:
    """Whether the operator works on [batch, channels, length]."""
    return view.rank(match.inputs[0]) == 3


def as_images(
    match: Match, view: View, kind: str, fields: Mapping[str, object], weights: Mapping[str, Weight] | None = None
) -> Sequence[Layer]:
    """The module between two Views: to [batch, channels, 1, length] and back."""
    channels, length = view.sizes(match.inputs[0], 1)
    made = view.sizes(match.output, 1)
    image = {"size": (channels, 1, length), "numElements": channels * length, "numInputDims": 2}
    line = {"size": made, "numElements": math.prod(made), "numInputDims": 3}
    return match.series(
        Part("nn.View", image, role="image"), Part(kind, fields, weights or {}, role="inner"), Part("nn.View", line)
    )
