"""Parts of a value: Slice layers that hand on a stretch of some axes; what they cut off goes to nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Match

Stretch = tuple[int, int]
"""Where the wanted part begins, and how many it takes."""


def crop(
    match: Match,
    source: ir.Value | str,
    sizes: Sequence[int],
    wanted: Mapping[int, Stretch],
    out: ir.Value | str,
    *,
    alone: bool = False,
) -> list[Layer]:
    """Slice layers that make `out` from the stretches of `source`, whose dimensions are `sizes`.

    An axis that is wanted whole needs no layer; at least one must be cut. The encoder silences what nobody reads.
    `alone`: the last layer bears the node's name.
    """
    cut = {axis: stretch for axis, stretch in wanted.items() if stretch != (0, sizes[axis])}
    layers: list[Layer] = []
    for axis, (start, count) in cut.items():
        last = len(layers) + 1 == len(cut)
        made = out if last else f"{match.name}/axis{axis}"
        tops: list[ir.Value | str] = [f"{match.name}/before{axis}"] if start else []
        tops.append(made)
        if start + count < sizes[axis]:
            tops.append(f"{match.name}/after{axis}")
        points = tuple(point for point in (start, start + count) if 0 < point < sizes[axis])
        attrs: dict[str, object] = {} if axis == 1 else {"axis": axis}
        layers.append(
            match.layer(
                "Slice",
                {**attrs, "slice_point": points},
                inputs=[source],
                outputs=tops,
                role="" if last and alone else f"crop{axis}",
            )
        )
        source = made
    return layers
