"""Concat, stack and add_n: several values made one."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.mxnet.operands import every


def concat(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Concat as Concat along `dim`."""
    values = every(layer, emit)
    axis = emit.axis(values[0], layer.attrs.integer("dim"))
    return emit("Concat", *values, axis=axis) if len(values) > 1 else emit("Identity", *values)


def stack(layer: Layer, emit: Emit) -> ir.Value:
    """Reads stack as Concat of the values with a new axis."""
    axis = layer.attrs.integer("axis")
    axes = emit.constant([axis], "axes")
    return emit("Concat", *(emit("Unsqueeze", item, axes) for item in every(layer, emit)), axis=axis)


def add_n(layer: Layer, emit: Emit) -> ir.Value:
    """Reads add_n as Sum."""
    return emit("Sum", *every(layer, emit))


READ = {
    "Concat": Read(
        concat,
        samples=(
            Sample("channels", '{"num_args": "2"}', ((2, 3, 4, 5), (2, 1, 4, 5)),
                   formula=lambda x, _: np.concatenate(x, 1)),
            Sample("last axis", '{"num_args": "3", "dim": "-1"}', ((2, 3, 4), (2, 3, 1), (2, 3, 2))),
            Sample("with a stored one", '{"num_args": "2", "dim": "0"}', ((2, 3),), ((4, 3),)),
            Sample("one", '{"num_args": "1"}', ((2, 3, 4),)),
        ),
    ),
    "stack": Read(stack, samples=(Sample("middle", '{"num_args": "2", "axis": "1"}', ((2, 3, 4), (2, 3, 4))),)),
    "add_n": Read(add_n, samples=(Sample("three", '{"num_args": "3"}', ((2, 3, 4),) * 3),)),
}  # fmt: skip
