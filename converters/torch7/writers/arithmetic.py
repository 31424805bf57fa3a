"""Sums, products and their kin: of two computed values, or of one and a stored number, vector or tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.weights import ComputedWeight, Weight, reshaped


def combine(op: str, kind: str) -> Callable[[Match, View], Sequence[Layer]]:
    """Writes a two-input operator as its table module, or with a constant as CAdd, CMul, AddConstant or MulConstant."""

    def write(match: Match, view: View) -> Sequence[Layer]:
        first, second = match.nodes[0].inputs
        assert first is not None
        assert second is not None
        if view.is_constant(first) or view.is_constant(second):
            return _with_stored(match, view, op)
        layers: list[Layer] = []
        operands = [_spread_out(match, view, value, layers, position) for position, value in enumerate((first, second))]
        return [*layers, match.layer(f"nn.{kind}", inputs=operands)]

    return write


def _spread_out(match: Match, view: View, value: ir.Value, layers: list[Layer], position: int) -> ir.Value | str:
    """The operand in the shape of the result: each dimension of size 1 that grows is selected and replicated."""
    shape, wanted = view.shape(value), view.shape(match.output)
    if len(shape) != len(wanted):
        raise Declined(f"nn spreads no value of {len(shape)} dimensions over {len(wanted)}")
    current: ir.Value | str = value
    for axis, (have, want) in enumerate(zip(shape, wanted, strict=True)):
        if have == want:
            continue
        if have != 1 or not isinstance(want, int) or len(shape) < 2:
            raise Declined(f"the shape {list(shape)} does not spread over {list(wanted)}")
        parts: tuple[tuple[str, dict[str, object]], ...] = (
            ("nn.Select", {"dimension": axis + 1, "index": 1}),
            ("nn.Replicate", {"nfeatures": want, "dim": axis + 1}),
        )
        for kind, fields in parts:
            role = f"spread{position}{axis}{kind[3]}"
            made = f"{match.name}/{role}"
            layers.append(match.layer(kind, fields, inputs=[current], outputs=[made], role=role))
            current = made
    return current


def several(kind: str) -> Callable[[Match, View], Sequence[Layer]]:
    """Writes Sum, Max and Min of any number of computed values."""

    def write(match: Match, view: View) -> Sequence[Layer]:
        values = [value for value in match.nodes[0].inputs if value is not None]
        if any(view.is_constant(value) for value in values) or len({view.shape(value) for value in values}) > 1:
            raise Declined(f"nn.{kind} takes computed values of one shape")
        return [match.layer(f"nn.{kind}", inputs=values)]

    return write


def power(match: Match, view: View) -> Sequence[Layer]:
    """Writes Pow with a stored exponent as Square or Power."""
    exponent = view.scalar(match.operand(1))
    if exponent is None:
        raise Declined("nn.Power has one stored exponent")
    return [match.layer("nn.Square") if exponent == 2 else match.layer("nn.Power", {"pow": exponent})]


def _with_stored(match: Match, view: View, op: str) -> Sequence[Layer]:
    first, second = match.nodes[0].inputs
    assert first is not None
    assert second is not None
    data, operand = (second, first) if view.is_constant(first) else (first, second)
    reverse = operand is first and op in ("Sub", "Div")
    if op in ("Max", "Min") or (reverse and op == "Div"):
        raise Declined(f"nn has no {op} with a stored tensor in front")
    before = [Part("nn.MulConstant", {"constant_scalar": -1, "inplace": False}, role="minus")] if reverse else []
    number = view.scalar(operand)
    fits = view.rank(data) >= len(operand.const_value.shape) if operand.const_value is not None else False
    if number is not None and fits:
        value = -number if op == "Sub" and not reverse else 1 / number if op == "Div" else number
        kind = "nn.AddConstant" if op in ("Add", "Sub") else "nn.MulConstant"
        return match.series(*before, Part(kind, {"constant_scalar": value, "inplace": False}), inputs=[data])
    weight = _spread(view, data, operand)
    if op in ("Add", "Sub"):
        weight = weight if op == "Add" or reverse else _mapped(weight, np.negative)
        part = Part("nn.CAdd", {"size": weight.shape}, {"bias": weight})
    else:
        part = Part(
            "nn.CMul", {"size": weight.shape}, {"weight": _mapped(weight, np.reciprocal) if op == "Div" else weight}
        )
    return match.series(*before, part, inputs=[data])


def _spread(view: View, data: ir.Value, operand: ir.Value) -> Weight:
    """The stored tensor with as many dimensions as the data; each is 1 or the data's own."""
    weight, shape = view.weight(operand), view.shape(data)
    full = (1,) * (len(shape) - len(weight.shape)) + tuple(weight.shape)
    if len(full) != len(shape) or any(dim not in (1, size) for dim, size in zip(full, shape, strict=True)):
        raise Declined(f"its operand {list(weight.shape)} does not spread over {list(shape)}")
    return reshaped(weight, full)


def _mapped(weight: Weight, function: Callable[[np.ndarray], np.ndarray]) -> Weight:
    return ComputedWeight(weight.shape, weight.dtype, lambda: function(weight.array()))


_KINDS = {"Add": "CAddTable", "Sub": "CSubTable", "Mul": "CMulTable", "Div": "CDivTable"}
_SHAPE = (2, 3, 4, 5)


def _samples(op: str) -> tuple[Sample, ...]:
    stored = (
        Sample("a value a channel", f"out0 = {op}(in0, w0)", (_SHAPE,), ((3, 1, 1),), positive=(0,)),
        Sample("one number", f"c = Constant<value_float = 1.7>()\nout0 = {op}(in0, c)", (_SHAPE,)),
    )
    before = Sample("stored first", f"out0 = {op}(w0, in0)", (_SHAPE,), ((1, 3, 4, 5),))
    spread = Sample("spread over the image", f"out0 = {op}(in0, in1)", (_SHAPE, (2, 3, 1, 1)), values=(0.5, 2))
    both = Sample("two inputs", f"out0 = {op}(in0, in1)", (_SHAPE, _SHAPE), values=(0.5, 2))
    return (both, spread, *stored) if op == "Div" else (both, spread, *stored, before)


WRITE = (
    *(Write(combine(op, kind), (op,), samples=_samples(op)) for op, kind in _KINDS.items()),
    *(
        Write(several(kind), (op,), samples=(Sample("two", f"out0 = {op}(in0, in1)", (_SHAPE, _SHAPE)),))
        for op, kind in (("Sum", "CAddTable"), ("Max", "CMaxTable"), ("Min", "CMinTable"))
    ),
    Write(
        power,
        ("Pow",),
        samples=(
            Sample("square", "p = Constant<value_float = 2.0>()\nout0 = Pow(in0, p)", (_SHAPE,)),
            Sample("fraction", "p = Constant<value_float = 1.5>()\nout0 = Pow(in0, p)", (_SHAPE,), values=(0.5, 2)),
        ),
    ),
)
