"""LogSoftmax: no layer of Caffe's, and the logarithm of its Softmax is minus infinity where a probability vanishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.weights import ComputedWeight, Weight

_MOST = 4096  # classes; the matrix of ones that adds them up has their square


def log_softmax(match: Match, view: View) -> Sequence[Layer]:
    """Writes LogSoftmax as x - max - log(sum(exp(x - max))), the sum by a matrix of ones."""
    data = match.inputs[0]
    axis, rank = view.axis(data, match.attrs[0].integer("axis")), view.rank(data)
    size = view.size(data, axis)
    if axis == 0 or size > _MOST or (axis != 1 and axis != rank - 1):
        raise Declined(f"its axis {axis} of {rank} has {size} values; Caffe adds up channels or the last axis")
    kind, fields, ones = _sum(axis, rank, size)
    peak, wide, centred, power, total, log = (
        f"{match.name}/{role}" for role in ("peak", "wide", "centred", "power", "total", "log")
    )
    less = {"operation": "SUM", "coeff": (1.0, -1.0)}
    return [
        match.layer("ArgMax", {"out_max_val": True, "axis": axis}, outputs=[peak], role="peak"),
        match.layer("Tile", {"axis": axis, "tiles": size}, inputs=[peak], outputs=[wide], role="wide"),
        match.layer("Eltwise", less, inputs=[data, wide], outputs=[centred], role="centred"),
        match.layer("Exp", inputs=[centred], outputs=[power], role="power"),
        match.layer(kind, fields, {0: ones}, inputs=[power], outputs=[total], role="total"),
        match.layer("Log", inputs=[total], outputs=[log], role="log"),
        match.layer("Eltwise", less, inputs=[centred, log]),
    ]


def _sum(axis: int, rank: int, size: int) -> tuple[str, dict[str, Any], Weight]:
    """The layer that gives each value of an axis the sum of all of them."""
    fields: dict[str, Any] = {"num_output": size, "bias_term": False}
    if axis == rank - 1:
        return "InnerProduct", {**fields, **({} if axis == 1 else {"axis": axis})}, _ones(size, size)
    return "Convolution", {**fields, "kernel_size": 1}, _ones(size, size, *(1,) * (rank - 2))


def _ones(*shape: int) -> Weight:
    return ComputedWeight(shape, np.dtype("<f4"), lambda: np.ones(shape, np.float32))


WRITE = (
    Write(log_softmax, ("LogSoftmax",), samples=(
        Sample("channels", "out0 = LogSoftmax<axis = 1>(in0)", ((2, 3, 4, 5),), values=(-80, 80)),
        Sample("vectors", "out0 = LogSoftmax(in0)", ((4, 7),), values=(-80, 80)),
        Sample("last axis", "out0 = LogSoftmax(in0)", ((2, 3, 4),)),
    )),
)  # fmt: skip
