"""Eltwise: product, weighted sum or maximum of bottoms of one shape."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def eltwise(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Eltwise as a chain of Mul, Add or Max; ONNX would broadcast, Caffe does not, so shapes must be equal."""
    shapes = {emit.shape(value) for value in emit.inputs}
    if len(shapes) > 1:
        emit.refuse(
            f"its bottoms have different shapes: {', '.join(str(list(shape)) for shape in sorted(shapes, key=str))}"
        )
    operation, coefficients = layer.attrs.text("operation"), layer.attrs.numbers("coeff")
    if coefficients and (operation != "SUM" or len(coefficients) != len(emit.inputs)):
        emit.refuse(
            f"{len(coefficients)} coefficients for {operation} of {len(emit.inputs)} bottoms; Caffe refuses it too"
        )
    if operation == "SUM":
        return _sum(emit, coefficients)
    op = {"PROD": "Mul", "MAX": "Max"}[operation]
    return reduce(lambda left, right: emit(op, left, right), emit.inputs)


def _sum(emit: Emit, coefficients: Sequence[float]) -> ir.Value:
    coefficients = coefficients or [1.0] * len(emit.inputs)
    terms = [
        value if factor == 1 else emit("Mul", value, emit.constant([factor], f"coeff_{position}"))
        for position, (value, factor) in enumerate(zip(emit.inputs, coefficients, strict=True))
    ]
    return reduce(lambda left, right: emit("Add", left, right), terms)


_TWO = ((2, 3, 4, 5),) * 2
_THREE = ((2, 3, 4, 5),) * 3

SAMPLES = (
    Sample("sum", "", _THREE, formula=lambda x, _: x[0] + x[1] + x[2]),
    Sample(
        "weighted sum",
        "eltwise_param { coeff: 0.5 coeff: -1 coeff: 1 }",
        _THREE,
        formula=lambda x, _: 0.5 * x[0] - x[1] + x[2],
    ),
    Sample("product", "eltwise_param { operation: PROD }", _TWO, formula=lambda x, _: x[0] * x[1]),
    Sample("maximum", "eltwise_param { operation: MAX }", _THREE),
)

READ = {"Eltwise": Read(eltwise, neutral=("stable_prod_grad",), samples=SAMPLES)}
