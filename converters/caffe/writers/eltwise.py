"""Sum, Mean, Max and Min of any number of computed values of one shape: Eltwise."""

from __future__ import annotations

from collections.abc import Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write


def sum_(match: Match, view: View) -> Sequence[Layer]:
    """Writes Sum and Mean of equal shapes as Eltwise SUM."""
    _demand_equal(match, view)
    mean = match.nodes[0].op_type == "Mean"
    coefficients = {"coeff": (1 / len(match.inputs),) * len(match.inputs)} if mean else {}
    return _several(match, {"operation": "SUM", **coefficients})


def max_(match: Match, view: View) -> Sequence[Layer]:
    """Writes Max of equal shapes as Eltwise MAX, and Max with 0 as ReLU."""
    if len(match.inputs) == 1 and len(match.nodes[0].inputs) == 2:
        constant = match.other_constant(0)
        if view.scalar(constant) == 0:
            return [match.layer("ReLU")]
    _demand_equal(match, view)
    return _several(match, {"operation": "MAX"})


def min_(match: Match, view: View) -> Sequence[Layer]:
    """Writes Min of equal shapes as -max(-x, -y)."""
    _demand_equal(match, view)
    if len(match.inputs) == 1:
        return _several(match, {})
    layers, turned = [], []
    for position, value in enumerate(match.inputs):
        turned.append(f"{match.name}/minus{position}")
        layers.append(
            match.layer("Power", {"scale": -1.0}, inputs=[value], outputs=turned[-1:], role=f"minus{position}")
        )
    largest = f"{match.name}/max"
    layers.append(match.layer("Eltwise", {"operation": "MAX"}, inputs=turned, outputs=[largest], role="max"))
    return [*layers, match.layer("Power", {"scale": -1.0}, inputs=[largest])]


def _several(match: Match, attrs: dict[str, object]) -> Sequence[Layer]:
    if len(match.inputs) == 1:
        return [match.layer("Split")]
    return [match.layer("Eltwise", attrs)]


def _demand_equal(match: Match, view: View) -> None:
    shapes = {view.sizes(value) for value in match.inputs}
    if len(match.inputs) != len(match.nodes[0].inputs) or len(shapes) > 1:
        raise Declined("its operands differ in shape, or some are stored; Caffe's Eltwise takes computed equal ones")


_ONE = ((2, 3, 4, 5),)
_TWO = _ONE * 2

WRITE = (
    Write(sum_, ("Sum",), samples=(Sample("three", "out0 = Sum(in0, in1, in2)", (*_TWO, *_ONE)),)),
    Write(sum_, ("Mean",), samples=(Sample("three", "out0 = Mean(in0, in1, in2)", (*_TWO, *_ONE)),)),
    Write(max_, ("Max",), samples=(
        Sample("two", "out0 = Max(in0, in1)", _TWO),
        Sample("with zero", "z = Constant<value_float = 0.0>()\nout0 = Max(in0, z)", _ONE),
    )),
    Write(min_, ("Min",), samples=(Sample("two", "out0 = Min(in0, in1)", _TWO),)),
)  # fmt: skip
