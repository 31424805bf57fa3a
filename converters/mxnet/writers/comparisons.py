"""Comparisons: MXNet's give 1 or 0, so each is written together with what turns its truth values into numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write

_KINDS: Mapping[str, tuple[str, str, str]] = {
    "Equal": ("broadcast_equal", "_equal_scalar", "_equal_scalar"),
    "Greater": ("broadcast_greater", "_greater_scalar", "_lesser_scalar"),
    "GreaterOrEqual": ("broadcast_greater_equal", "_greater_equal_scalar", "_lesser_equal_scalar"),
    "Less": ("broadcast_lesser", "_lesser_scalar", "_greater_scalar"),
    "LessOrEqual": ("broadcast_lesser_equal", "_lesser_equal_scalar", "_greater_equal_scalar"),
}
"""Operator -> MXNet's for two values, for a value and a number, for a number and a value."""


def compared(match: Match, view: View) -> Sequence[Layer]:
    """Writes a comparison and the Cast of its result to numbers as one node."""
    _demand_float(match, view)
    return [_comparison(match, view, match.outputs, "")]


def chosen(match: Match, view: View) -> Sequence[Layer]:
    """Writes a comparison and the Where that it decides."""
    x, y = match.operand(1, 1), match.operand(2, 1)
    if x is None or y is None or match.operand(0, 1) is not match.nodes[0].outputs[0]:
        raise Declined("the comparison is not the Where's condition")
    shape = view.shape(match.output)
    if not all(view.shape(value) == shape for value in (match.nodes[0].outputs[0], x, y)):
        raise Declined("its operands must be broadcast, and MXNet's where does not")
    truth = f"{match.name}/condition"
    weights = {place: view.weight(item) for place, item in ((1, x), (2, y)) if view.is_constant(item)}
    given: list[ir.Value | str] = [truth, *(item for item in (x, y) if not view.is_constant(item))]
    return [_comparison(match, view, [truth], "condition"), match.layer("where", {}, weights, inputs=given)]


def _comparison(match: Match, view: View, outputs: Sequence[ir.Value | str], role: str) -> Layer:
    pair, right, left = _KINDS[match.nodes[0].op_type]
    operands = [match.operand(0), match.operand(1)]
    whole = view.rank(match.nodes[0].outputs[0])
    for place, kind in ((1, right), (0, left)):
        number, other = view.scalar(operands[place]), operands[1 - place]
        if number is not None and other is not None and view.rank(other) == whole:
            return match.layer(kind, {"scalar": repr(number)}, inputs=[other], outputs=outputs, role=role)
    weights = {place: view.weight(item) for place, item in enumerate(operands) if view.is_constant(item)}
    given = [item for item in operands if item is not None and not view.is_constant(item)]
    return match.layer(pair, {}, weights, inputs=given, outputs=outputs, role=role)


def _demand_float(match: Match, view: View) -> None:
    if match.nodes[1].op_type == "Cast":
        match.attrs[1].integer("to")
    if view.dtype(match.output) != "float32":
        raise Declined("its result is not float32")


_PAIR = ((2, 3, 4, 5), (2, 3, 4, 5))

WRITE = (
    *(
        Write(
            compared,
            (name, "Cast"),
            samples=(
                Sample("two values", f"c = {name}(in0, in1)\nout0 = Cast<to = 1>(c)", _PAIR),
                Sample("a number", f"n = Constant<value_float = 0.5>()\nc = {name}(in0, n)\nout0 = Cast<to = 1>(c)",
                       _PAIR[:1]),
            ),
        )
        for name in _KINDS
    ),
    *(
        Write(
            compared,
            (name, "CastLike"),
            samples=(Sample("two values", f"c = {name}(in0, in1)\nout0 = CastLike(c, in0)", _PAIR),),
        )
        for name in _KINDS
    ),
    *(
        Write(
            chosen,
            (name, "Where"),
            samples=(Sample("two values", f"c = {name}(in0, in1)\nout0 = Where(c, in0, in1)", _PAIR),),
        )
        for name in _KINDS
    ),
)  # fmt: skip
