"""Functions of one value, element by element, and softmax."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write, WriteOp
from converters.weights import reshaped


def plain(kind: str, **fields: object) -> WriteOp:
    """Writes an operator without attributes as a module with fixed fields."""
    return lambda match, _view: [match.layer(kind, fields)]


def leaky_relu(match: Match, view: View) -> Sequence[Layer]:
    """Writes LeakyRelu as LeakyReLU."""
    return [match.layer("nn.LeakyReLU", {"negval": match.attrs[0].number("alpha"), "inplace": False})]


def elu(match: Match, view: View) -> Sequence[Layer]:
    """Writes Elu as ELU."""
    return [match.layer("nn.ELU", {"alpha": match.attrs[0].number("alpha"), "inplace": False})]


def prelu(match: Match, view: View) -> Sequence[Layer]:
    """Writes PRelu as PReLU: one slope, or one a channel in dimension 2."""
    data, slope = match.inputs[0], match.operand(1)
    assert slope is not None
    if view.scalar(slope) is not None:
        return [match.layer("nn.PReLU", {"nOutputPlane": 0}, {"weight": reshaped(view.weight(slope), (1,))})]
    weight = view.channels(data, slope)
    if weight is None:
        raise Declined("nn.PReLU has one slope, or one a channel")
    return [match.layer("nn.PReLU", {"nOutputPlane": weight.shape[0]}, {"weight": weight})]


def clip(match: Match, view: View) -> Sequence[Layer]:
    """Writes Clip as HardTanh; a bound that is left out is the largest number there is."""
    low, high = (
        limit if operand is None else view.scalar(operand)
        for operand, limit in ((match.operand(1), -3.4028234663852886e38), (match.operand(2), 3.4028234663852886e38))
    )
    if low is None or high is None:
        raise Declined("its bounds are computed by the network")
    return [match.layer("nn.HardTanh", {"min_val": low, "max_val": high, "inplace": False})]


def hard_sigmoid(match: Match, view: View) -> Sequence[Layer]:
    """Writes HardSigmoid as a factor, a term and HardTanh between 0 and 1."""
    attrs = match.attrs[0]
    return match.series(
        Part("nn.MulConstant", {"constant_scalar": attrs.number("alpha"), "inplace": False}, role="factor"),
        Part("nn.AddConstant", {"constant_scalar": attrs.number("beta"), "inplace": False}, role="term"),
        Part("nn.HardTanh", {"min_val": 0, "max_val": 1, "inplace": False}),
    )


def threshold(match: Match, view: View) -> Sequence[Layer]:
    """Writes Where(x > limit, x, value) as Threshold."""
    data, limit = match.nodes[0].inputs
    condition, kept, value = match.nodes[1].inputs
    numbers = [view.scalar(operand) if operand is not None else None for operand in (limit, value)]
    if kept is not data or condition is not match.nodes[0].outputs[0] or None in numbers:
        raise Declined("nn.Threshold keeps its input where it is above a stored number, and has another elsewhere")
    fields = {"threshold": numbers[0], "val": numbers[1], "inplace": False}
    return [match.layer("nn.Threshold", fields, inputs=match.inputs[:1])]


def softmax(kind: str) -> Callable[[Match, View], Sequence[Layer]]:
    """Writes Softmax and LogSoftmax where their axis is the one that nn takes: 0 of vectors and images, else 1."""

    def write(match: Match, view: View) -> Sequence[Layer]:
        data = match.inputs[0]
        axis, rank = view.axis(data, match.attrs[0].integer("axis")), view.rank(data)
        taken = {1: 0, 2: 1, 4: 1}.get(rank)
        if axis == taken:
            return [match.layer(kind)]
        if rank == 3 and axis == 2:
            steps, width = view.sizes(data, 1)
            turned, count = {"permutations": ((2, 3),)}, steps * width
            image = {"size": (width, steps, 1), "numElements": count, "numInputDims": 2}
            rows = {"size": (width, steps), "numElements": count, "numInputDims": 3}
            return match.series(
                Part("nn.Transpose", turned, role="turned"),
                Part("nn.View", image, role="image"),
                Part(kind, role="softmax"),
                Part("nn.View", rows, role="rows"),
                Part("nn.Transpose", turned),
            )
        raise Declined(f"nn's softmax over {rank} dimensions does not take axis {axis}")

    return write


_INPLACE = {"inplace": False}
_PLAIN: dict[str, tuple[str, dict[str, object]]] = {
    "Relu": ("nn.ReLU", {"threshold": 0, "val": 0, **_INPLACE}),
    "Sigmoid": ("nn.Sigmoid", {}),
    "Tanh": ("nn.Tanh", {}),
    "Abs": ("nn.Abs", {}),
    "Exp": ("nn.Exp", {}),
    "Log": ("nn.Log", {}),
    "Softplus": ("nn.SoftPlus", {"beta": 1, "threshold": 20}),
    "Softsign": ("nn.SoftSign", {}),
    "Neg": ("nn.MulConstant", {"constant_scalar": -1, **_INPLACE}),
    "Reciprocal": ("nn.Power", {"pow": -1}),
    "Sqrt": ("nn.Sqrt", {"eps": 0}),
}
_POSITIVE = frozenset({"Log", "Sqrt", "Reciprocal"})


def _sample(op: str) -> Sample:
    values = (0.5, 2.0) if op in _POSITIVE else (-2.0, 2.0)
    return Sample("plain", f"out0 = {op}(in0)", ((2, 3, 4, 5),), values=values)


WRITE = (
    *(Write(plain(kind, **fields), (op,), samples=(_sample(op),)) for op, (kind, fields) in _PLAIN.items()),
    Write(plain("nn.Identity"), ("Identity",)),
    Write(
        leaky_relu, ("LeakyRelu",),
        samples=(Sample("slope", "out0 = LeakyRelu<alpha = 0.3>(in0)", ((2, 3, 4, 5),)),),
    ),
    Write(elu, ("Elu",), samples=(Sample("alpha", "out0 = Elu<alpha = 0.7>(in0)", ((2, 3, 4, 5),)),)),
    Write(
        prelu,
        ("PRelu",),
        samples=(
            Sample("channels", "out0 = PRelu(in0, w0)", ((2, 3, 4, 5),), ((3, 1, 1),)),
            Sample("one slope", "out0 = PRelu(in0, w0)", ((2, 3, 4, 5),), ((1,),)),
        ),
    ),
    Write(
        clip,
        ("Clip",),
        samples=(
            Sample(
                "both bounds",
                "low = Constant<value_float = -0.5>()\nhigh = Constant<value_float = 1.5>()\n"
                "out0 = Clip(in0, low, high)",
                ((2, 3, 4, 5),),
            ),
        ),
    ),
    Write(
        hard_sigmoid, ("HardSigmoid",), samples=(Sample("plain", "out0 = HardSigmoid<alpha = 0.3>(in0)", ((2, 7),)),)
    ),
    Write(threshold, ("Greater", "Where"), samples=(
        Sample(
            "limit and value",
            "c = Constant<value_float = 0.3>()\nv = Constant<value_float = -0.4>()\n"
            "g = Greater(in0, c)\nout0 = Where(g, in0, v)",
            ((2, 3, 4, 5),),
        ),
    )),
    Write(softmax("nn.SoftMax"), ("Softmax",), samples=(
        Sample("vectors", "out0 = Softmax<axis = 1>(in0)", ((2, 5),)),
        Sample("images", "out0 = Softmax<axis = 1>(in0)", ((2, 5, 3, 4),)),
        Sample("sequences", "out0 = Softmax<axis = -1>(in0)", ((2, 5, 3),)),
    )),
    Write(
        softmax("nn.LogSoftMax"), ("LogSoftmax",),
        samples=(Sample("vectors", "out0 = LogSoftmax<axis = 1>(in0)", ((2, 5),)),),
    ),
)  # fmt: skip
