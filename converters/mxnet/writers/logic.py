"""Truth values: MXNet's operators give and take numbers, so each is written with the casts that ONNX leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from converters.hub.layer import Dim, Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import ANY, FLOATS, Assembly, Operand, numeric, present

_COMPARED: Mapping[str, str] = {
    "Equal": "equal", "Greater": "greater", "GreaterOrEqual": "greater_equal", "Less": "lesser",
    "LessOrEqual": "lesser_equal",
}  # fmt: skip
_JOINED = {"And": "broadcast_logical_and", "Or": "broadcast_logical_or", "Xor": "broadcast_logical_xor"}


def compared(match: Match, view: View) -> Sequence[Layer]:
    """Writes a comparison as one that gives numbers, and Cast."""
    assembly = Assembly(match, view)
    pair = [numeric(assembly, view, present(match.operand(slot), "operand"), f"{slot}") for slot in (0, 1)]
    kind = f"broadcast_{_COMPARED[match.nodes[0].op_type]}"
    assembly.cast(assembly.add(kind, *pair, role="number"), "bool")
    return assembly.layers


def joined(match: Match, view: View) -> Sequence[Layer]:
    """Writes And, Or and Xor as MXNet's on numbers, and Cast."""
    assembly = Assembly(match, view)
    pair = [numeric(assembly, view, present(match.operand(slot), "operand"), f"{slot}") for slot in (0, 1)]
    assembly.cast(assembly.add(_JOINED[match.nodes[0].op_type], *pair, role="number"), "bool")
    return assembly.layers


def negated(match: Match, view: View) -> Sequence[Layer]:
    """Writes Not as logical_not of numbers, and Cast."""
    assembly = Assembly(match, view)
    number = numeric(assembly, view, match.inputs[0], "given")
    assembly.cast(assembly.add("logical_not", number, role="number"), "bool")
    return assembly.layers


def is_nan(match: Match, view: View) -> Sequence[Layer]:
    """Writes IsNaN: only what is no number differs from itself."""
    assembly, data = Assembly(match, view), match.inputs[0]
    assembly.cast(assembly.add("broadcast_not_equal", data, data, role="number"), "bool")
    return assembly.layers


def is_infinite(match: Match, view: View) -> Sequence[Layer]:
    """Writes IsInf as comparisons with infinity, of the signs that are asked for."""
    assembly, attrs = Assembly(match, view), match.attrs[0]
    above, below = attrs.flag("detect_positive"), attrs.flag("detect_negative")
    data: Operand = match.inputs[0]
    if above and below:
        data = assembly.add("abs", data, role="size")
    kind, bound = ("_equal_scalar", "inf" if above else "-inf")
    if not above and not below:
        kind, bound = "_lesser_scalar", "-inf"  # nothing is
    assembly.cast(assembly.add(kind, data, role="number", scalar=bound), "bool")
    return assembly.layers


def where(match: Match, view: View) -> Sequence[Layer]:
    """Writes Where as where, its operands repeated to one shape before."""
    assembly = Assembly(match, view)
    operands = [present(match.operand(slot), "operand") for slot in range(3)]
    shapes = [view.shape(value) for value in operands]
    values: list[Operand] = [
        numeric(assembly, view, value, role) for value, role in zip(operands, ("condition", "x", "y"), strict=True)
    ]
    after = view.shape(match.output)
    like = next((value for value, shape in zip(values, shapes, strict=True) if _fits(shape, after)), None)
    values = [
        _spread(assembly, view, value, shape, match, like, role)
        for value, shape, role in zip(values, shapes, ("condition", "x", "y"), strict=True)
    ]
    truth = view.dtype(match.output) == "bool"
    made = assembly.add("where", *values, role="number" if truth else "")
    if truth:
        assembly.cast(made, "bool")
    return assembly.layers


def _fits(before: Sequence[Dim], after: Sequence[Dim]) -> bool:
    """Whether an operand has the result's shape; a size that the model leaves open is the result's."""
    return len(before) == len(after) and all(
        old == new or not isinstance(old, int) for old, new in zip(before, after, strict=True)
    )


def _spread(
    assembly: Assembly,
    view: View,
    value: Operand,
    before: Sequence[Dim],
    match: Match,
    like: Operand | None,
    role: str,
) -> Operand:
    """One of where's operands in the shape of the result; as `like`, which has it, where that is not fixed."""
    after = view.shape(match.output)
    if _fits(before, after):
        return value
    if all(isinstance(dim, int) for dim in (*before, *after)):
        return assembly.spread(
            value, [dim for dim in before if isinstance(dim, int)], view.sizes(match.output), f"{role}/spread"
        )
    lacking = (1,) * (len(after) - len(before))
    if like is None or (lacking and not all(isinstance(dim, int) for dim in before)):
        raise Declined("its operands are repeated to a shape that is not fixed", "--input NAME:1,3,224,224")
    if lacking:
        value = assembly.add("Reshape", value, role=f"{role}/rank", shape=(*lacking, *before))
    return assembly.add("broadcast_like", value, like, role=f"{role}/spread")


_PAIR = ((2, 3, 4, 5), (3, 1, 5))
_TRUTHS = "z = Constant<value_float = 0.0>()\np = Greater(in0, z)\nq = Less(in1, z)\n"

WRITE = (
    *(
        Write(
            compared,
            (name,),
            dtypes=ANY,
            samples=(Sample("truth values", f"c = {name}(in0, in1)\nd = Not(c)\nout0 = Cast<to = 1>(d)", _PAIR),),
        )
        for name in _COMPARED
    ),
    *(
        Write(
            joined,
            (name,),
            dtypes=("bool",),
            samples=(Sample("two", f"{_TRUTHS}c = {name}(p, q)\nout0 = Cast<to = 1>(c)", _PAIR),),
        )
        for name in _JOINED
    ),
    Write(
        negated,
        ("Not",),
        dtypes=("bool",),
        samples=(Sample("one", f"{_TRUTHS}r = Or(p, q)\nc = Not(r)\nout0 = Cast<to = 1>(c)", _PAIR),),
    ),
    Write(
        is_nan,
        ("IsNaN",),
        dtypes=(*FLOATS, "bool"),
        samples=(Sample("roots", "r = Sqrt(in0)\nb = IsNaN(r)\nout0 = Cast<to = 1>(b)", _PAIR[:1]),),
    ),
    Write(
        is_infinite,
        ("IsInf",),
        dtypes=(*FLOATS, "bool"),
        samples=(
            Sample("both", "r = Floor(in0)\ni = Reciprocal(r)\nb = IsInf(i)\nout0 = Cast<to = 1>(b)", _PAIR[:1]),
            Sample("below", "r = Relu(in0)\nl = Log(r)\nb = IsInf<detect_positive = 0>(l)\nout0 = Cast<to = 1>(b)",
                   _PAIR[:1]),
        ),
    ),
    Write(
        where,
        ("Where",),
        dtypes=ANY,
        samples=(
            Sample("repeated", f"{_TRUTHS}c = And(p, q)\nout0 = Where(c, in1, w0)", _PAIR, ((4, 1),)),
            Sample("of one shape", "z = Constant<value_float = 0.0>()\np = Greater(in0, z)\nc = Or(p, p)\n"
                   "d = And(p, c)\nn = Neg(in0)\nout0 = Where(d, in0, n)", _PAIR[:1]),
        ),
    ),
)  # fmt: skip
