"""Axpy, Add and Mul: arithmetic of bottoms that need not have one shape."""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample


def axpy(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Axpy (SENet) as Mul and Add: a * x + y with one factor a channel of each item."""
    factor, data, addend = emit.inputs
    dims = emit.shape(factor)
    ones = emit.rank(data) - len(dims)
    if ones > 0:
        factor = emit.reshape(factor, (*dims, *(1,) * ones))
    if emit.shape(factor)[2:] != (1,) * (emit.rank(data) - 2):
        emit.refuse(f"its first bottom {list(dims)} is no factor a channel")
    return emit("Add", emit("Mul", factor, data), addend)


def add(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Add as Add; shapes broadcast from the last axis on, as ONNX does it."""
    return emit("Add", *_two(emit))


def mul(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Mul as Mul; the second factor is a bottom, or a blob of `mul_shape`."""
    if len(emit.inputs) == 1:
        return emit("Mul", emit.inputs[0], emit.weight(0, layer.attrs.integers("mul_shape"), role="factor"))
    return emit("Mul", *_two(emit))


def _two(emit: Emit) -> tuple[ir.Value, ...]:
    if len(emit.inputs) != 2:
        emit.refuse(f"has {len(emit.inputs)} bottoms, expected two")
    return emit.inputs


READ = {
    "Axpy": Read(
        axpy,
        samples=(
            Sample(
                "image",
                "",
                ((2, 3, 1, 1), (2, 3, 4, 5), (2, 3, 4, 5)),
                formula=lambda x, _: x[0] * x[1] + x[2],
                judge=FORMULA,
            ),
            Sample(
                "flat factor",
                "",
                ((2, 3), (2, 3, 4, 5), (2, 3, 4, 5)),
                formula=lambda x, _: x[0][:, :, None, None] * x[1] + x[2],
                judge=FORMULA,
            ),
        ),
    ),
    "Add": Read(
        add,
        samples=(
            Sample("equal", "", ((2, 3, 4, 5),) * 2, formula=lambda x, _: x[0] + x[1], judge=FORMULA),
            Sample("one a channel", "", ((2, 3, 4, 5), (2, 3, 1, 1)), formula=lambda x, _: x[0] + x[1], judge=FORMULA),
        ),
    ),
    "Mul": Read(
        mul,
        samples=(
            Sample("one a channel", "", ((2, 3, 4, 5), (2, 3, 1, 1)), formula=lambda x, _: x[0] * x[1], judge=FORMULA),
            Sample(
                "a blob",
                "mul_param { mul_shape: 4 mul_shape: 1 }",
                ((2, 3, 4, 5),),
                ((4, 1),),
                formula=lambda x, w: x[0] * w[0],
                judge=FORMULA,
            ),
        ),
    ),
}
