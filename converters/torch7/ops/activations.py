"""Element by element: activations and arithmetic with constants."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import (
    axis,
    demand_channels,
    only,
    parameter,
    real,
    scalar,
    whole,
)

ReadOp = Callable[[Layer, Emit], ir.Value]


def plain(op: str, **attributes: float) -> ReadOp:
    """Reads a module without fields as one ONNX operator."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        data = only(emit)
        return emit(op, data, **attributes)

    return read


def threshold(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Threshold: x where x > threshold, else val; both 0 is Relu."""
    data = only(emit)
    limit, other = real(layer, emit, "threshold", 0), real(layer, emit, "val", 0)
    if limit == other == 0:
        return emit("Relu", data)
    above = emit("Greater", data, scalar(emit, limit, "threshold"))
    return emit("Where", above, data, scalar(emit, other, "value"))


def between(low: str, high: str, lowest: float, highest: float) -> ReadOp:
    """Reads what cuts off at both ends as Clip."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        data = only(emit)
        bounds = real(layer, emit, low, lowest), real(layer, emit, high, highest)
        return emit("Clip", data, scalar(emit, bounds[0], "min"), scalar(emit, bounds[1], "max"))

    return read


def clipped_relu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads cudnn.ClippedReLU: between 0 and `ceiling`."""
    data = only(emit)
    return emit("Clip", data, scalar(emit, 0, "min"), scalar(emit, real(layer, emit, "ceiling"), "max"))


def slope(field: str, default: float) -> ReadOp:
    """Reads a leaky rectifier with one slope."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        data = only(emit)
        return emit("LeakyRelu", data, alpha=real(layer, emit, field, default))

    return read


def rrelu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads RReLU, which in evaluation has the slope (lower + upper) / 2."""
    data = only(emit)
    alpha = (real(layer, emit, "lower", 1 / 8) + real(layer, emit, "upper", 1 / 3)) / 2
    return emit("LeakyRelu", data, alpha=alpha)


def prelu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads PReLU; channels are dimension 1 of a vector and dimension 2 of everything else, batch or not."""
    data = only(emit)
    planes = whole(layer, emit, "nOutputPlane", 0)
    if planes == 0:
        return emit("PRelu", data, parameter(layer, emit, "weight", (1,)))
    rank = emit.rank(data)
    demand_channels(emit, data, planes, min(rank, 2) - 1)
    weight = emit.weight("weight", (planes,), view=(planes, *[1] * max(rank - 2, 0)))
    return emit("PRelu", data, weight)


def elu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ELU with its alpha."""
    data = only(emit)
    return emit("Elu", data, alpha=real(layer, emit, "alpha", 1))


def softplus(layer: Layer, emit: Emit) -> ir.Value:
    """Reads SoftPlus as log(1 + exp(beta x)) / beta; above the threshold 20 nn returns x, which is the same number."""
    data = only(emit)
    beta = real(layer, emit, "beta", 1)
    if beta == 1:
        return emit("Softplus", data)
    factor = scalar(emit, beta, "beta")
    return emit("Div", emit("Softplus", emit("Mul", data, factor)), factor)


def shrink(*, soft: bool) -> ReadOp:
    """Reads HardShrink and SoftShrink as Shrink."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        data = only(emit)
        limit = real(layer, emit, "lambda", 0.5)
        return emit("Shrink", data, lambd=limit, bias=limit if soft else 0.0)

    return read


def tanh_shrink(layer: Layer, emit: Emit) -> ir.Value:
    """Reads TanhShrink: x - tanh(x)."""
    data = only(emit)
    return emit("Sub", data, emit("Tanh", data))


def log_sigmoid(layer: Layer, emit: Emit) -> ir.Value:
    """Reads LogSigmoid as -softplus(-x), which does not overflow."""
    data = only(emit)
    return emit("Neg", emit("Softplus", emit("Neg", data)))


def square(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Square: x * x."""
    data = only(emit)
    return emit("Mul", data, data)


def power(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Power: x ^ pow."""
    data = only(emit)
    return emit("Pow", data, scalar(emit, real(layer, emit, "pow"), "power"))


def gated(layer: Layer, emit: Emit) -> ir.Value:
    """Reads GatedLinearUnit: the first half of a dimension times the sigmoid of the second."""
    data = only(emit)
    at = axis(emit, data, whole(layer, emit, "dim", emit.rank(data)))
    size = emit.size(data, at)
    if size % 2:
        emit.refuse(f"dimension {at + 1} has {size} values, an odd number")
    first, second = emit.several(2, "Split", data, emit.constant([size // 2] * 2, "halves"), axis=at)
    return emit("Mul", first, emit("Sigmoid", second))


_PLAIN = {
    "Abs": "Abs", "Exp": "Exp", "Log": "Log", "Sqrt": "Sqrt", "Sigmoid": "Sigmoid", "SoftSign": "Softsign",
    "Tanh": "Tanh",
}  # fmt: skip

READ = {
    **{f"nn.{name}": Read(plain(op)) for name, op in _PLAIN.items()},
    "cudnn.Tanh": Read(plain("Tanh")),
    "cudnn.Sigmoid": Read(plain("Sigmoid")),
    "cudnn.ReLU": Read(plain("Relu")),
    **dict.fromkeys(("nn.ReLU", "nn.Threshold"), Read(threshold)),
    "nn.ReLU6": Read(between("-", "-", 0, 6)),
    **dict.fromkeys(("nn.HardTanh", "nn.Clamp"), Read(between("min_val", "max_val", -1, 1))),
    "cudnn.ClippedReLU": Read(clipped_relu),
    "nn.LeakyReLU": Read(slope("negval", 0.01)),
    "nn.RReLU": Read(rrelu),
    "nn.PReLU": Read(prelu),
    "nn.ELU": Read(elu),
    "nn.SoftPlus": Read(softplus),
    "nn.SoftShrink": Read(shrink(soft=True)),
    "nn.HardShrink": Read(shrink(soft=False)),
    "nn.TanhShrink": Read(tanh_shrink),
    "nn.LogSigmoid": Read(log_sigmoid),
    "nn.Square": Read(square),
    "nn.Power": Read(power),
    "nn.GatedLinearUnit": Read(gated),
}
