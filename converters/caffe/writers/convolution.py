"""Convolutions and their transposes: padding must be the same at both ends of a dimension."""

from __future__ import annotations

from collections.abc import Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write


def conv(match: Match, view: View) -> Sequence[Layer]:
    """Writes Conv as Convolution."""
    attrs = match.attrs[0]
    data, weight = match.inputs[0], view.weight(match.operand(1))
    group, out = attrs.integer("group"), weight.shape[0]
    dims = view.rank(data) - 2
    kernel = attrs.integers("kernel_shape") or weight.shape[2:]
    strides, dilations = attrs.integers("strides") or (1,) * dims, attrs.integers("dilations") or (1,) * dims
    pads = _symmetric(attrs.integers("pads") or (0,) * 2 * dims)
    window = {"kernel_size": kernel, "stride": strides, "pad": pads, "dilation": dilations}
    bias = match.operand(2)
    weights = {0: weight} if bias is None else {0: weight, 1: view.weight(bias, "bias")}
    return [
        match.layer(
            "Convolution", {"num_output": out, "bias_term": bias is not None, **window, "group": group}, weights
        )
    ]


def _symmetric(pads: Sequence[int]) -> tuple[int, ...]:
    half = len(pads) // 2
    if pads[:half] != pads[half:]:
        raise Declined(f"its padding {list(pads)} differs at both ends")
    return tuple(pads[:half])


WRITE = (
    Write(
        conv,
        ("Conv",),
        neutral=("auto_pad",),
        samples=(
            Sample(
                "asymmetric",
                "out0 = Conv<strides = [2, 1], pads = [0, 1, 0, 1]>(in0, w0, w1)",
                ((2, 3, 9, 7),),
                ((4, 3, 3, 2), (4,)),
            ),
        ),
    ),
)
