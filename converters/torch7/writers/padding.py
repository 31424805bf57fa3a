"""Padding: nn pads images only, each side by its own number."""

from __future__ import annotations

from collections.abc import Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write

_KINDS = {
    "constant": "nn.SpatialZeroPadding",
    "reflect": "nn.SpatialReflectionPadding",
    "edge": "nn.SpatialReplicationPadding",
}


def symmetric(pads: Sequence[int], dims: int) -> tuple[tuple[int, ...], list[Part]]:
    """The padding that a window takes itself, and what must come before it where both ends differ."""
    if tuple(pads[:dims]) == tuple(pads[dims:]):
        return tuple(pads[:dims]), []
    if dims != 2:
        raise Declined(f"its padding {list(pads)} differs at both ends, and nn pads images only")
    return (0, 0), [zero_padding(pads)]


def zero_padding(pads: Sequence[int], kind: str = "nn.SpatialZeroPadding") -> Part:
    """A padding module for [top, left, bottom, right]."""
    top, left, bottom, right = pads
    return Part(kind, {"pad_t": top, "pad_l": left, "pad_b": bottom, "pad_r": right}, role="pad")


def pad(match: Match, view: View) -> Sequence[Layer]:
    """Writes Pad of images as SpatialZeroPadding, SpatialReflectionPadding or SpatialReplicationPadding."""
    data, mode = match.inputs[0], match.attrs[0].text("mode")
    if view.rank(data) != 4 or mode not in _KINDS:
        raise Declined(f"nn pads images (4 dimensions) with zeros, their border or its reflection, not {mode}")
    pads, axes = view.integers(match.operand(1), "pads"), view.integers(match.operand(3), "axes")
    value = match.operand(2)
    if value is not None and view.scalar(value) != 0 and mode == "constant":
        raise Declined("nn.SpatialZeroPadding pads with zero")
    at = [view.axis(data, axis) for axis in axes] or list(range(4))
    full = [0] * 8
    for position, axis in enumerate(at):
        full[axis], full[4 + axis] = pads[position], pads[len(at) + position]
    if any(full[0:2] + full[4:6]):
        raise Declined("it pads the batch or the channels")
    part = zero_padding((*full[2:4], *full[6:8]), _KINDS[mode])
    return [match.layer(part.kind, part.attrs)]


WRITE = (
    Write(
        pad,
        ("Pad",),
        samples=(
            Sample("reflection", 'pads = Constant<value_ints = [0, 0, 1, 2, 0, 0, 3, 0]>()\n'
                   'out0 = Pad<mode = "reflect">(in0, pads)', ((2, 3, 6, 7),)),
            Sample("zeros", "pads = Constant<value_ints = [0, 0, 1, 2, 0, 0, 3, 0]>()\nout0 = Pad(in0, pads)",
                   ((2, 3, 6, 7),)),
            Sample("border, cut on one side", 'pads = Constant<value_ints = [0, 0, 1, 2, 0, 0, 3, 0]>()\n'
                   'out0 = Pad<mode = "edge">(in0, pads)', ((2, 3, 6, 7),)),
        ),
    ),
)  # fmt: skip
