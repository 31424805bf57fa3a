"""Times or plus a constant, and what evaluation leaves of the modules that act in training."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    flag,
    only,
    parameter,
    real,
    scalar,
    tensor,
)

ReadOp = Callable[[Layer, Emit], ir.Value]


def with_constant(op: str) -> ReadOp:
    """Reads MulConstant and AddConstant; the constant is a number, or a tensor of the input's last dimensions."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        data = only(emit)
        if "constant_scalar" in layer.attrs:
            return emit(op, data, scalar(emit, real(layer, emit, "constant_scalar"), "constant"))
        return emit(op, data, emit.derived(tensor(layer, emit, "constant_tensor"), "constant"))

    return read


def mul(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Mul: times one learned number."""
    data = only(emit)
    return emit("Mul", data, parameter(layer, emit, "weight", (1,)))


def dropout(*, always_scales: bool = False) -> ReadOp:
    """Reads Dropout: nothing in evaluation, but the oldest kind (v2 false or absent) still scales by 1 - p."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        data = only(emit)
        p = real(layer, emit, "p", 0.5)
        if flag(layer, "stochastic_inference") and p > 0:
            emit.refuse("drops values at random in evaluation too (stochastic_inference)")
        if (flag(layer, "v2") and not always_scales) or p == 0:
            return emit.dropped("drops values in training only")
        return emit("Mul", data, scalar(emit, 1 - p, "kept"))

    return read


def white_noise(layer: Layer, emit: Emit) -> ir.Value:
    """Reads WhiteNoise, which in evaluation adds its mean."""
    data = only(emit)
    mean = real(layer, emit, "mean", 0)
    return emit("Add", data, scalar(emit, mean, "mean")) if mean else emit.dropped("adds noise in training only")


def nothing(reason: str) -> ReadOp:
    """Reads what does nothing in evaluation."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        return emit.dropped(reason)

    return read


_TRAINING = "acts in training only"

READ = {
    "nn.MulConstant": Read(with_constant("Mul")),
    "nn.AddConstant": Read(with_constant("Add")),
    "nn.Mul": Read(mul),
    "nn.Dropout": Read(dropout()),
    **dict.fromkeys(("nn.SpatialDropout", "nn.VolumetricDropout"), Read(dropout(always_scales=True))),
    "nn.WhiteNoise": Read(white_noise),
    "nn.Identity": Read(nothing("does nothing")),
    "nn.Contiguous": Read(nothing("changes the memory layout only")),
    "nn.Copy": Read(nothing("copies between tensor types")),
    "nn.PrintSize": Read(nothing("prints while it runs")),
    **dict.fromkeys(("nn.ZeroGrad", "nn.GradientReversal", "nn.L1Penalty"), Read(nothing(_TRAINING))),
}
