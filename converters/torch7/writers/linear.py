"""Matrix products with stored weights: Linear, weight [out, in]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.weights import ComputedWeight, Weight, reshaped


def gemm(match: Match, view: View) -> Sequence[Layer]:
    """Writes Gemm as Linear; a weight [in, out] is transposed on the way."""
    attrs = match.attrs[0]
    if attrs.integer("transA") or attrs.number("alpha") != 1 or attrs.number("beta") != 1:
        raise Declined("nn.Linear knows no transA, alpha or beta")
    weight = view.weight(match.operand(1))
    weight = weight if attrs.integer("transB") else _transposed(weight)
    bias = match.operand(2)
    return _linear(match, view, weight, None if bias is None else view.weight(bias, "bias"))


def product(match: Match, view: View) -> Sequence[Layer]:
    """Writes MatMul with a stored matrix, and an Add of a stored vector behind it, as Linear."""
    weight = view.weight(match.operand(1))
    if len(weight.shape) != 2:
        raise Declined(f"its matrix has the dimensions {list(weight.shape)}")
    bias = view.weight(match.other(1), "bias") if len(match.nodes) > 1 else None
    return _linear(match, view, _transposed(weight), bias)


def pair(match: Match, view: View) -> Sequence[Layer]:
    """Writes MatMul of two computed values as MM."""
    if len(match.inputs) != 2:
        return product(match, view)
    ranks = {view.rank(value) for value in match.inputs}
    if ranks not in ({2}, {3}):
        raise Declined("nn.MM multiplies matrices or batches of matrices")
    if ranks == {3} and view.shape(match.inputs[0])[0] != view.shape(match.inputs[1])[0]:
        raise Declined("nn.MM does not broadcast")
    return [match.layer("nn.MM", {"transA": False, "transB": False})]


def _linear(match: Match, view: View, weight: Weight, bias: Weight | None) -> Sequence[Layer]:
    data = match.inputs[0]
    if len(match.inputs) != 1 or view.rank(data) not in (1, 2):
        raise Declined("nn.Linear takes a vector or a batch of vectors")
    out = weight.shape[0]
    if bias is None:
        return [match.layer("nn.Linear", {}, {"weight": weight})]
    if bias.shape not in ((out,), (1, out)):
        raise Declined(f"its bias has the dimensions {list(bias.shape)}, nn.Linear wants {out} values")
    return [match.layer("nn.Linear", {}, {"weight": weight, "bias": reshaped(bias, (out,))})]


def _transposed(weight: Weight) -> Weight:
    return ComputedWeight(weight.shape[::-1], weight.dtype, lambda: np.ascontiguousarray(weight.array().T))


WRITE = (
    Write(
        gemm,
        ("Gemm",),
        samples=(
            Sample("plain", "out0 = Gemm<transB = 1>(in0, w0, w1)", ((2, 6),), ((4, 6), (4,))),
            Sample("weight the other way", "out0 = Gemm(in0, w0)", ((2, 6),), ((6, 4),)),
        ),
    ),
    Write(pair, ("MatMul",), samples=(Sample("stored", "out0 = MatMul(in0, w0)", ((2, 6),), ((6, 4),)),
                                      Sample("two inputs", "out0 = MatMul(in0, in1)", ((2, 6, 3), (2, 3, 4))))),
    Write(
        product,
        ("MatMul", "Add"),
        samples=(Sample("with a bias", "a = MatMul(in0, w0)\nout0 = Add(w1, a)", ((2, 6),), ((6, 4), (4,))),),
    ),
)  # fmt: skip
