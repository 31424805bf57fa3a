"""Cast and CastLike, and the operators that hand a value on."""

from __future__ import annotations

from collections.abc import Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import ANY, Assembly, present


def cast(match: Match, view: View) -> Sequence[Layer]:
    """Writes Cast as Cast."""
    assembly = Assembly(match, view)
    assembly.cast(present(match.operand(0), "data"), view.dtype(match.output))
    return assembly.layers


def cast_like(match: Match, view: View) -> Sequence[Layer]:
    """Writes CastLike as Cast to the type of its second operand."""
    view.only_type(present(match.operand(1), "type"))
    return cast(match, view)


def handed_on(match: Match, view: View) -> Sequence[Layer]:
    """Writes Dropout and Identity that make an output of the network as _copy; a mask of Dropout is all true."""
    mode = match.operand(2)
    if mode is not None and view.scalar(mode) != 0:
        raise Declined("it drops values, as in training")
    for slot in (1, 2):
        if match.operand(slot) is not None:
            view.numbers(match.operand(slot))
    assembly, data = Assembly(match, view), present(match.operand(0), "data")
    assembly.add("_copy", data)
    for mask in match.outputs[1:]:
        if mask.name:
            ones = assembly.add("ones_like", data, role="ones")
            assembly.add("Cast", ones, output=str(mask.name), role="mask", dtype="bool")
    return assembly.layers


_IN = ((2, 3, 4),)

WRITE = (
    Write(
        cast,
        ("Cast",),
        neutral=("to", "saturate"),
        dtypes=ANY,
        samples=(
            Sample("to integers and back", "i = Cast<to = 7>(in0)\nout0 = Cast<to = 1>(i)", _IN, values=(-9.0, 9.0)),
            Sample("to truth values and back", "f = Floor(in0)\nb = Cast<to = 9>(f)\nout0 = Cast<to = 1>(b)", _IN),
            Sample("to half", "out0 = Cast<to = 10>(in0)", _IN),
        ),
    ),
    Write(
        cast_like,
        ("CastLike",),
        neutral=("saturate",),
        dtypes=ANY,
        samples=(
            Sample(
                "another value",
                "i = Cast<to = 7>(in1)\nj = CastLike(in0, i)\nk = Add(i, j)\nout0 = Cast<to = 1>(k)",
                _IN * 2,
                values=(-9.0, 9.0),
            ),
            Sample("a stored number", "n = Constant<value_int = 3>()\nout0 = CastLike(in0, n)", _IN, values=(-9, 9)),
        ),
    ),
    Write(handed_on, ("Identity",), dtypes=ANY, samples=(Sample("alone", "out0 = Identity(in0)", _IN),)),
    Write(
        handed_on,
        ("Dropout",),
        neutral=("seed",),
        dtypes=ANY,
        samples=(
            Sample("alone", "out0 = Dropout(in0)", _IN),
            Sample("with its mask", "out0, m = Dropout(in0)\nout1 = Cast<to = 1>(m)", _IN, outputs=2),
        ),
    ),
)
