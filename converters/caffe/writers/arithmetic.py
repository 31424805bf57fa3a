"""Two operands added, subtracted, multiplied or divided: Eltwise, Power of numbers, Scale and Bias of the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from converters.caffe.broadcasting import computed, fits, stored
from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.weights import ComputedWeight, Weight


def add(match: Match, view: View) -> Sequence[Layer]:
    """Writes Add as Eltwise SUM, as Power with a number, as Bias with a stored or smaller operand."""
    return _sum(match, view, (1.0, 1.0))


def sub(match: Match, view: View) -> Sequence[Layer]:
    """Writes Sub like Add, with the second operand's sign turned."""
    return _sum(match, view, (1.0, -1.0))


def mul(match: Match, view: View) -> Sequence[Layer]:
    """Writes Mul as Eltwise PROD, as Power with a number, as Scale with a stored or smaller operand."""
    left, right = _operands(match)
    if view.is_constant(left):
        left, right = right, left
    if view.is_constant(right):
        return [match.layer(part.kind, part.attrs, part.weights) for part in _factor(match, view, left, right)]
    if view.sizes(left) == view.sizes(right):
        return [match.layer("Eltwise", {"operation": "PROD"})]
    return _along(match, view, "Scale", left, right, [])


def div(match: Match, view: View) -> Sequence[Layer]:
    """Writes Div as a product with the reciprocal."""
    left, right = _operands(match)
    if view.is_constant(right):
        number = view.scalar(right)
        if number is not None:
            return [match.layer("Power", {"scale": float(np.float32(1) / np.float32(number))})]
        return [
            match.layer(part.kind, part.attrs, part.weights)
            for part in _factor(match, view, left, right, lambda values: np.float32(1) / values)
        ]
    inverse = Part("Power", {"power": -1.0}, role="reciprocal")
    if view.is_constant(left):
        value = view.scalar(left)
        if value is None:
            raise Declined("it divides a stored tensor by what the network computes")
        return (
            match.series(inverse, Part("Power", {"scale": value}))
            if value != 1
            else match.series(Part("Power", {"power": -1.0}))
        )
    if view.sizes(left) == view.sizes(right):
        (first,) = match.series(inverse, inputs=[right])
        turned = f"{match.name}/turned"
        return [
            match.layer(first.kind, first.attrs, inputs=[right], outputs=[turned], role="reciprocal"),
            match.layer("Eltwise", {"operation": "PROD"}, inputs=[left, turned]),
        ]
    return _along(match, view, "Scale", left, right, [inverse])


def mul_add(match: Match, view: View) -> Sequence[Layer]:
    """Writes a stored factor and a stored shift over the same axes as one Scale, over no axes as one Power."""
    if len(match.inputs) != 1:
        raise Declined("its factor or shift is computed by the network")
    data, factor, shift = match.inputs[0], match.other_constant(0), match.other(1)
    numbers = view.scalar(factor), view.scalar(shift)
    _demand_shape(view, data, match.output)
    if None not in numbers:
        return [match.layer("Power", {"scale": numbers[0], "shift": numbers[1]})]
    sizes = view.sizes(data)
    run, scale = stored(view.weight(factor), sizes)
    other, bias = stored(view.weight(shift), sizes)
    if run != other or not run.dims:
        raise Declined("its factor and its shift lie along different axes")
    return [match.layer("Scale", {**_axes(run.axis, len(run.dims)), "bias_term": True}, {0: scale, 1: bias})]


def neg(match: Match, view: View) -> Sequence[Layer]:
    """Writes Neg as Power with the scale -1."""
    return [match.layer("Power", {"scale": -1.0})]


def _sum(match: Match, view: View, signs: tuple[float, float]) -> Sequence[Layer]:
    left, right = _operands(match)
    first, second = signs
    if view.is_constant(left):
        left, right, first, second = right, left, second, first
    _demand_shape(view, left, match.output) if view.is_constant(right) else None
    minus = [Part("Power", {"scale": -1.0}, role="minus")]
    if view.is_constant(right):
        return match.series(*(minus if first < 0 else []), _shift(match, view, left, right, second))
    if view.sizes(left) == view.sizes(right):
        coefficients = {"coeff": signs} if second < 0 else {}
        return [match.layer("Eltwise", {"operation": "SUM", **coefficients})]
    if fits(view.sizes(left), view.sizes(right)):
        return _along(match, view, "Bias", left, right, minus if second < 0 else [])
    if second < 0:
        raise Declined("it subtracts the larger of two shapes from the smaller")
    return _along(match, view, "Bias", left, right, [])


def _shift(match: Match, view: View, data: ir.Value, operand: ir.Value, sign: float) -> Part:
    number = view.scalar(operand)
    if number is not None:
        return Part("Power", {"shift": sign * number})
    run, weight = stored(view.weight(operand), view.sizes(data))
    return Part("Bias", _axes(run.axis, len(run.dims)), {0: _times(weight, sign)})


def _factor(
    match: Match,
    view: View,
    data: ir.Value,
    operand: ir.Value,
    function: Callable[[np.ndarray], np.ndarray] | None = None,
) -> list[Part]:
    _demand_shape(view, data, match.output)
    number = view.scalar(operand)
    if number is not None and function is None:
        return [Part("Power", {"scale": number})]
    run, weight = stored(view.weight(operand), view.sizes(data))
    if function is not None:
        source = weight
        weight = ComputedWeight(source.shape, source.dtype, lambda: function(source.array()))
    return [Part("Scale", _axes(run.axis, len(run.dims)), {0: weight})]


def _along(
    match: Match, view: View, kind: str, left: ir.Value, right: ir.Value, before: Sequence[Part]
) -> Sequence[Layer]:
    """A Scale or Bias with two bottoms: the smaller operand, after what comes `before`, lies along some axes."""
    if not fits(view.sizes(left), view.sizes(right)):
        if before or not fits(view.sizes(right), view.sizes(left)):
            raise Declined(f"it broadcasts {list(view.sizes(left))} and {list(view.sizes(right))} against each other")
        left, right = right, left
    data, small = view.sizes(left), view.sizes(right)
    run = computed(data, small)
    parts = list(before)
    if small != run.dims:
        lead = (0,) if run.dims and small and run.dims[0] == small[0] else ()
        parts.append(Part("Reshape", {"shape": {"dim": (*lead, *run.dims[len(lead) :])}}, role="operand"))
    operand: ir.Value | str = right
    layers: list[Layer] = []
    for part in parts:
        made = f"{match.name}/{part.role}"
        layers.append(match.layer(part.kind, part.attrs, inputs=[operand], outputs=[made], role=part.role))
        operand = made
    return [*layers, match.layer(kind, {} if run.axis == 1 else {"axis": run.axis}, inputs=[left, operand])]


def _axes(axis: int, count: int) -> dict[str, object]:
    return {**({} if axis == 1 else {"axis": axis}), **({} if count == 1 else {"num_axes": count})}


def _times(weight: Weight, sign: float) -> Weight:
    return weight if sign == 1 else ComputedWeight(weight.shape, weight.dtype, lambda: -weight.array())


def _operands(match: Match) -> tuple[ir.Value, ir.Value]:
    left, right = match.nodes[0].inputs
    assert left is not None
    assert right is not None
    return left, right


def _demand_shape(view: View, data: ir.Value, out: ir.Value) -> None:
    if view.sizes(data) != view.sizes(out):
        raise Declined(f"its stored operand makes {list(view.sizes(data))} larger: {list(view.sizes(out))}")


_TWO = ((2, 3, 4, 5),) * 2
_ONE = ((2, 3, 4, 5),)
_GATE = ((2, 3, 4, 5), (2, 3, 1, 1))
_HALF = "c = Constant<value_float = 0.5>()\n"

WRITE = (
    Write(add, ("Add",), samples=(
        Sample("equal shapes", "out0 = Add(in0, in1)", _TWO),
        Sample("twice the same", "out0 = Add(in0, in0)", _ONE),
        Sample("a number", f"{_HALF}out0 = Add(in0, c)", _ONE),
        Sample("a channel's number", "out0 = Add(w0, in0)", _ONE, ((3, 1, 1),)),
        Sample("stored, two axes with one repeated", "out0 = Add(in0, w0)", _ONE, ((3, 1, 5),)),
        Sample("stored, the last axis", "out0 = Add(in0, w0)", _ONE, ((5,),)),
        Sample("computed, a channel's", "out0 = Add(in1, in0)", _GATE),
    )),
    Write(sub, ("Sub",), samples=(
        Sample("equal shapes", "out0 = Sub(in0, in1)", _TWO),
        Sample("from a number", f"{_HALF}out0 = Sub(c, in0)", _ONE),
        Sample("a channel's number", "out0 = Sub(in0, w0)", _ONE, ((1, 3, 1, 1),)),
        Sample("from a channel's number", "out0 = Sub(w0, in0)", _ONE, ((1, 3, 1, 1),)),
        Sample("computed, a channel's", "out0 = Sub(in0, in1)", _GATE),
    )),
    Write(mul, ("Mul",), samples=(
        Sample("equal shapes", "out0 = Mul(in0, in1)", _TWO),
        Sample("a number", f"{_HALF}out0 = Mul(in0, c)", _ONE),
        Sample("a channel's number", "out0 = Mul(in0, w0)", _ONE, ((3, 1, 1),)),
        Sample("a place's number", "out0 = Mul(in0, w0)", _ONE, ((4, 5),)),
        Sample("computed, a channel's", "out0 = Mul(in0, in1)", _GATE),
        Sample("computed, one for the batch", "out0 = Mul(in0, in1)", ((2, 3, 4, 5), (1, 3, 1, 1))),
    )),
    Write(div, ("Div",), samples=(
        Sample("equal shapes", "out0 = Div(in0, in1)", _TWO, values=(0.5, 2)),
        Sample("by a number", f"{_HALF}out0 = Div(in0, c)", _ONE),
        Sample("by a channel's number", "out0 = Div(in0, w0)", _ONE, ((3, 1, 1),), positive=(0,)),
        Sample("of a number", f"{_HALF}out0 = Div(c, in0)", _ONE, values=(0.5, 2)),
        Sample("by a computed channel's number", "out0 = Div(in0, in1)", _GATE, values=(0.5, 2)),
    )),
    Write(mul_add, ("Mul", "Add"), samples=(
        Sample("a channel's numbers", "a = Mul(in0, w0)\nout0 = Add(a, w1)", _ONE, ((3, 1, 1), (1, 3, 1, 1))),
        Sample("two numbers", f"{_HALF}a = Mul(in0, c)\nout0 = Add(c, a)", _ONE),
        Sample("different axes", "a = Mul(in0, w0)\nout0 = Add(a, w1)", _ONE, ((3, 1, 1), (5,))),
    )),
    Write(neg, ("Neg",), samples=(Sample("plain", "out0 = Neg(in0)", _ONE),)),
)  # fmt: skip
