"""Flatten, Reshape, Squeeze, Unsqueeze, Transpose, Tile and Expand: the numbers stay."""

from __future__ import annotations

from collections.abc import Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write


def reshape(match: Match, view: View) -> Sequence[Layer]:
    """Writes Flatten, Reshape, Squeeze and Unsqueeze as Flatten or Reshape, whatever way they say the shape."""
    for slot in range(1, len(match.nodes[0].inputs)):
        view.integers(match.operand(slot))
    return [flattened(match, view)]


def flattened(match: Match, view: View) -> Layer:
    """Flatten where all dimensions behind the batch become one, else Reshape; a batch that stays is written as 0."""
    before, after = view.sizes(match.inputs[0]), view.sizes(match.output)
    keeps_batch = bool(before) and bool(after) and before[0] == after[0]
    if keeps_batch and len(after) == 2 and len(before) > 2:
        return match.layer("Flatten")
    dims = (0, *after[1:]) if keeps_batch else after
    return match.layer("Reshape", {"shape": {"dim": dims}})


def transpose(match: Match, view: View) -> Sequence[Layer]:
    """Writes Transpose as Permute where the dialect has it, as Reshape where only dimensions of 1 move."""
    data = match.inputs[0]
    sizes = view.sizes(data)
    order = match.attrs[0].integers("perm") or tuple(reversed(range(len(sizes))))
    moving = [axis for axis in order if sizes[axis] != 1 or axis == 0]
    if moving == sorted(moving) and order[:1] == (0,):
        return [flattened(match, view)]
    if view.dialect != "ssd":
        raise Declined(
            f"it moves axes {list(order)}, and plain BVLC Caffe has no Permute", "--dialect ssd for forks that have it"
        )
    return [match.layer("Permute", {"order": order})]


def tile(match: Match, view: View) -> Sequence[Layer]:
    """Writes Tile and Expand as one Tile an axis."""
    view.integers(match.operand(1), "repeats")
    before, after = view.sizes(match.inputs[0]), view.sizes(match.output)
    parts = []
    if len(after) > len(before):
        before = (1,) * (len(after) - len(before)) + before
        parts.append(Part("Reshape", {"shape": {"dim": before}}, role="rank"))
    counts = {axis: new // old for axis, (old, new) in enumerate(zip(before, after, strict=True)) if new != old}
    for axis, count in counts.items():
        role = "" if axis == max(counts) else f"axis{axis}"
        parts.append(Part("Tile", {**({} if axis == 1 else {"axis": axis}), "tiles": count}, role=role))
    return match.series(*parts) if counts else [flattened(match, view)]


_IN = ((2, 3, 4, 5),)


def _to(dims: str) -> str:
    return f"s = Constant<value_ints = [{dims}]>()\n"


WRITE = (
    Write(reshape, ("Flatten",), neutral=("axis",), samples=(
        Sample("image", "out0 = Flatten(in0)", _IN),
        Sample("axis 2", "out0 = Flatten<axis = 2>(in0)", _IN),
        Sample("axis 0", "out0 = Flatten<axis = 0>(in0)", _IN),
    )),
    Write(reshape, ("Reshape",), neutral=("allowzero",), samples=(
        Sample("keep and infer", f"{_to('0, -1, 5')}out0 = Reshape(in0, s)", _IN),
        Sample("into the batch", f"{_to('-1, 5')}out0 = Reshape(in0, s)", _IN),
    )),
    Write(reshape, ("Squeeze",), samples=(Sample("axes", f"{_to('2, 3')}out0 = Squeeze(in0, s)", ((2, 3, 1, 1),)),)),
    Write(reshape, ("Unsqueeze",), samples=(Sample("axes", f"{_to('2, -1')}out0 = Unsqueeze(in0, s)", ((2, 3, 4),)),)),
    Write(transpose, ("Transpose",), samples=(
        Sample("dimensions of 1", "out0 = Transpose<perm = [0, 2, 3, 1]>(in0)", ((2, 1, 4, 5),)),
    )),
    Write(tile, ("Tile",), samples=(Sample("two axes", f"{_to('1, 2, 1, 3')}out0 = Tile(in0, s)", _IN),)),
    Write(tile, ("Expand",), samples=(Sample("two axes", f"{_to('3, 4, 5')}out0 = Expand(in0, s)", ((2, 3, 1, 1),)),)),
)  # fmt: skip
