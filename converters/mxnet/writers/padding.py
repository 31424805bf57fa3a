"""Pad: MXNet pads the last two or three axes of images and volumes; other tensors are brought to that form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.mxnet.assembly import FLOATS, Assembly, Operand, codes


def pad(match: Match, view: View) -> Sequence[Layer]:
    """Writes Pad as Pad; where other axes are padded than those of an image, between Reshape and transpose."""
    data, attrs = match.inputs[0], match.attrs[0]
    rank, mode = view.rank(data), attrs.text("mode")
    widths = _widths(match, view, rank)
    fill = 0.0 if match.operand(2) is None else view.scalar(match.operand(2))
    if min(min(pair) for pair in widths) < 0 or mode == "wrap" or fill is None:
        raise Declined(
            f"it pads by {widths} in the mode {mode}; MXNet pads by a stored number, an edge or a reflection"
        )
    assembly = Assembly(match, view)
    attrs_of: dict[str, Any] = {"mode": mode, "constant_value": repr(fill)}
    if rank in (4, 5) and not any(map(any, widths[:2])):
        assembly.add("Pad", data, pad_width=_flat(widths), **attrs_of)
    else:
        _moved(assembly, match, view, widths, attrs_of)
    return assembly.layers


def _widths(match: Match, view: View, rank: int) -> list[tuple[int, int]]:
    """Before and after, for each axis."""
    pads = view.integers(match.operand(1), "pads")
    axes = view.integers(match.operand(3), "axes") or tuple(range(rank))
    widths = [(0, 0)] * rank
    for place, axis in enumerate(axes):
        widths[axis % rank] = pads[place], pads[len(axes) + place]
    return widths


def _moved(
    assembly: Assembly, match: Match, view: View, widths: Sequence[tuple[int, int]], attrs: dict[str, Any]
) -> None:
    """The padded axes behind all others, which become two; then back."""
    sizes = view.sizes(match.inputs[0])
    padded = [axis for axis, pair in enumerate(widths) if any(pair)]
    if len(padded) > 3:
        raise Declined(f"it pads {len(padded)} axes; MXNet pads three at most")
    if len(padded) < 2:
        padded = [*[axis for axis in range(len(sizes)) if axis not in padded][-1:], *padded]
    others = [axis for axis in range(len(sizes)) if axis not in padded]
    order = (*others, *padded)
    data: Operand = match.inputs[0]
    if order != tuple(range(len(sizes))):
        data = assembly.add("transpose", data, role="behind", axes=order)
    inner = [sizes[axis] for axis in padded]
    inner, pairs = [1] * (2 - len(inner)) + inner, [(0, 0)] * (2 - len(padded)) + [widths[axis] for axis in padded]
    stack = (1, math.prod(sizes[axis] for axis in others), *inner)
    data = assembly.add("Reshape", data, role="stack", shape=stack)
    data = assembly.add("Pad", data, role="padded", pad_width=_flat([(0, 0), (0, 0), *pairs]), **attrs)
    after = view.sizes(match.output)
    if order == tuple(range(len(sizes))):
        assembly.add("Reshape", data, shape=codes(view, match.output))
        return
    data = assembly.add("Reshape", data, role="unstacked", shape=tuple(after[axis] for axis in order))
    assembly.add("transpose", data, axes=tuple(order.index(axis) for axis in range(len(order))))


def _flat(widths: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    return tuple(width for pair in widths for width in pair)


_IMAGE = ((2, 4, 6, 5),)


def _ints(name: str, *numbers: int) -> str:
    return f"{name} = Constant<value_ints = [{', '.join(map(str, numbers))}]>()\n"


WRITE = (
    Write(
        pad,
        ("Pad",),
        dtypes=FLOATS,
        samples=(
            Sample("constant", f"{_ints('p', 0, 0, 1, 0, 0, 0, 2, 3)}c = Constant<value_float = 1.5>()\n"
                   "out0 = Pad(in0, p, c)", _IMAGE),
            Sample("edge", f"{_ints('p', 0, 0, 1, 0, 0, 0, 2, 3)}out0 = Pad<mode = \"edge\">(in0, p)", _IMAGE),
            Sample("channels", f"{_ints('p', 0, 1, 0, 0, 0, 2, 0, 0)}out0 = Pad(in0, p)", _IMAGE),
            Sample("batch and width", f"{_ints('p', 1, 0, 0, 2, 0, 0, 0, 1)}out0 = Pad(in0, p)", _IMAGE),
            Sample("rows", f"{_ints('p', 1, 2)}{_ints('a', 1)}n = Constant<value_float = 2.0>()\n"
                   "out0 = Pad(in0, p, n, a)", ((2, 4),)),
            Sample("steps", f"{_ints('p', 0, 0, 2, 0, 0, 1)}out0 = Pad<mode = \"reflect\">(in0, p)", ((2, 4, 6),)),
        ),
    ),
)  # fmt: skip
