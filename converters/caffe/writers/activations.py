"""Functions of each value by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write, WriteOp


def plain(kind: str, **fields: float) -> WriteOp:
    """A function without parameters, as the layer `kind`."""

    def write(match: Match, view: View) -> Sequence[Layer]:
        return [match.layer(kind, fields)]

    numbers = "".join(f", {name} {value:g}" for name, value in fields.items())
    write.__doc__ = f"Writes the function as {kind}{numbers}."
    return write


def leaky_relu(match: Match, view: View) -> Sequence[Layer]:
    """Writes LeakyRelu as ReLU with `negative_slope`."""
    return [match.layer("ReLU", {"negative_slope": match.attrs[0].number("alpha")})]


def prelu(match: Match, view: View) -> Sequence[Layer]:
    """Writes PRelu with one slope a channel, or one for all, as PReLU."""
    data, slope = match.inputs[0], match.operand(1)
    if len(match.inputs) > 1 or slope is None:
        raise Declined("its slope is computed by the network")
    number = view.scalar(slope)
    if number is not None:
        return [match.layer("ReLU", {"negative_slope": number})]
    weight = view.channels(data, slope)
    if weight is None:
        raise Declined("its slope is not one number a channel")
    return [match.layer("PReLU", {}, {0: weight})]


def elu(match: Match, view: View) -> Sequence[Layer]:
    """Writes Elu as ELU."""
    alpha = match.attrs[0].number("alpha")
    return [match.layer("ELU", {} if alpha == 1 else {"alpha": alpha})]


def selu(match: Match, view: View) -> Sequence[Layer]:
    """Writes Selu as ELU and a factor."""
    attrs = match.attrs[0]
    return match.series(
        Part("ELU", {"alpha": attrs.number("alpha")}, role="elu"), Part("Power", {"scale": attrs.number("gamma")})
    )


def celu(match: Match, view: View) -> Sequence[Layer]:
    """Writes Celu as alpha * ELU(x / alpha)."""
    alpha = match.attrs[0].number("alpha")
    if alpha == 0:
        raise Declined("it divides by alpha 0")
    return match.series(
        Part("Power", {"scale": 1 / alpha}, role="divided"), Part("ELU", role="elu"), Part("Power", {"scale": alpha})
    )


def clip(match: Match, view: View) -> Sequence[Layer]:
    """Writes Clip from 0 on as ReLU, and Clip to [0, 6] as ReLU6 where the dialect has it."""
    low, high = (None if match.operand(slot) is None else view.scalar(match.operand(slot)) for slot in (1, 2))
    if len(match.inputs) > 1:
        raise Declined("its bounds are computed by the network")
    if low == 0 and (high is None or high >= _LARGEST):
        return [match.layer("ReLU")]
    if low == 0 and high == 6 and view.dialect == "ssd":
        return [match.layer("ReLU6")]
    if low == 0 and high == 6:
        raise Declined("it clips to [0, 6], and plain BVLC Caffe has no ReLU6", "--dialect ssd for forks that have it")
    raise Declined(f"it clips to [{low}, {high}], and Caffe clips at 0 only")


_LARGEST = 3.4028e38  # the largest float32: what exporters write for "no bound"


def pow_(match: Match, view: View) -> Sequence[Layer]:
    """Writes Pow with a stored exponent as Power, and a stored positive base as Exp."""
    exponent, base = view.scalar(match.operand(1)), view.scalar(match.operand(0))
    if exponent is not None:
        return [match.layer("Power", {"power": exponent})]
    if base is None or base <= 0:
        raise Declined("neither its exponent nor a positive base is one stored number")
    return [match.layer("Exp", {} if math.isclose(base, math.e, rel_tol=1e-7) else {"base": base})]


def affine_pow(match: Match, view: View) -> Sequence[Layer]:
    """Writes Mul, Add and Pow with stored numbers (how zoo reads Power), or the last two of them, as one Power."""
    if len(match.inputs) != 1:
        raise Declined("its numbers are computed by the network")
    fields: dict[str, object] = {}
    for at, node in enumerate(match.nodes):
        number = view.scalar(match.operand(1, at) if node.op_type == "Pow" else match.other_constant(at))
        if number is None:
            raise Declined("its numbers are not one each")
        fields[{"Pow": "power", "Mul": "scale", "Add": "shift"}[node.op_type]] = number
    if view.sizes(match.inputs[0]) != view.sizes(match.output):
        raise Declined("its numbers make its input larger")
    return [match.layer("Power", {name: fields[name] for name in ("power", "scale", "shift") if name in fields})]


def threshold(match: Match, view: View) -> Sequence[Layer]:
    """Writes 1 above a stored number and 0 elsewhere as Threshold."""
    limit = view.scalar(match.operand(1))
    if limit is None or match.attrs[1].integer("to") != 1:
        raise Declined("it compares with what is no stored number")
    return [match.layer("Threshold", {"threshold": limit})]


def softsign(match: Match, view: View) -> Sequence[Layer]:
    """Writes Softsign as x times the reciprocal of 1 + abs(x)."""
    size, inverse = f"{match.name}/abs", f"{match.name}/inverse"
    return [
        match.layer("AbsVal", outputs=[size], role="abs"),
        match.layer("Power", {"power": -1.0, "shift": 1.0}, inputs=[size], outputs=[inverse], role="inverse"),
        match.layer("Eltwise", {"operation": "PROD"}, inputs=[match.inputs[0], inverse]),
    ]


def mish(match: Match, view: View) -> Sequence[Layer]:
    """Writes Mish as x * tanh(log(1 + exp(x)))."""
    soft, bent = f"{match.name}/softplus", f"{match.name}/tanh"
    return [
        match.layer("BNLL", outputs=[soft], role="softplus"),
        match.layer("TanH", inputs=[soft], outputs=[bent], role="tanh"),
        match.layer("Eltwise", {"operation": "PROD"}, inputs=[match.inputs[0], bent]),
    ]


def softmax(match: Match, view: View) -> Sequence[Layer]:
    """Writes Softmax as Softmax."""
    axis = view.axis(match.inputs[0], match.attrs[0].integer("axis"))
    return [match.layer("Softmax", {} if axis == 1 else {"axis": axis})]


_IN = ((2, 3, 4, 5),)


def _row(op: WriteOp, operator: str, text: str = "", values: tuple[float, float] = (-2, 2)) -> Write:
    return Write(op, (operator,), samples=(Sample("plain", f"out0 = {operator}{text}(in0)", _IN, values=values),))


_CONSTANTS = "a = Constant<value_float = 0.5>()\nb = Constant<value_float = 2.0>()\nc = Constant<value_float = 3.0>()\n"
_ZERO_SIX = "a = Constant<value_float = 0.0>()\n"

WRITE = (
    _row(plain("ReLU"), "Relu"),
    _row(plain("Sigmoid"), "Sigmoid"),
    _row(plain("TanH"), "Tanh"),
    _row(plain("AbsVal"), "Abs"),
    _row(plain("Exp"), "Exp"),
    _row(plain("Log"), "Log", values=(0.1, 4)),
    _row(plain("BNLL"), "Softplus", values=(-30, 30)),
    _row(plain("Power", power=0.5), "Sqrt", values=(0, 4)),
    _row(plain("Power", power=-1.0), "Reciprocal", values=(0.2, 4)),
    _row(leaky_relu, "LeakyRelu", "<alpha = 0.1>"),
    _row(elu, "Elu", "<alpha = 0.5>"),
    _row(selu, "Selu"),
    _row(celu, "Celu", "<alpha = 0.5>"),
    _row(softsign, "Softsign"),
    _row(mish, "Mish"),
    Write(softmax, ("Softmax",), samples=(
        Sample("channels", "out0 = Softmax<axis = 1>(in0)", _IN),
        Sample("last axis", "out0 = Softmax(in0)", ((2, 3, 4),)),
    )),
    Write(prelu, ("PRelu",), samples=(
        Sample("a slope a channel where C = H = W", "out0 = PRelu(in0, w0)", ((2, 3, 3, 3),), ((3, 1, 1),)),
        Sample("vectors", "out0 = PRelu(in0, w0)", ((4, 3),), ((3,),)),
        Sample("one for all", "out0 = PRelu(in0, w0)", _IN, ((1,),)),
    )),
    Write(clip, ("Clip",), samples=(Sample("from zero on", f"{_ZERO_SIX}out0 = Clip(in0, a)", _IN),)),
    Write(threshold, ("Greater", "Cast"), samples=(
        Sample("set", "c = Constant<value_float = 0.5>()\na = Greater(in0, c)\nout0 = Cast<to = 1>(a)", _IN),
    )),
    Write(pow_, ("Pow",), samples=(
        Sample("exponent", f"{_CONSTANTS}out0 = Pow(in0, c)", _IN),
        Sample("base", f"{_CONSTANTS}out0 = Pow(b, in0)", _IN),
    )),
    Write(affine_pow, ("Mul", "Add", "Pow"), samples=(
        Sample("all three", f"{_CONSTANTS}d = Mul(in0, a)\ne = Add(b, d)\nout0 = Pow(e, c)", _IN),
    )),
    Write(affine_pow, ("Add", "Pow"), samples=(
        Sample("shift", f"{_CONSTANTS}e = Add(in0, b)\nout0 = Pow(e, a)", _IN, values=(-1, 2)),
    )),
    Write(affine_pow, ("Mul", "Pow"), samples=(
        Sample("scale", f"{_CONSTANTS}d = Mul(in0, b)\nout0 = Pow(d, c)", _IN),
    )),
)  # fmt: skip
