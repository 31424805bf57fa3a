"""BatchNormalization, LRN, InstanceNormalization, and Normalize of SSD."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match, Part
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write
from converters.weights import ArrayWeight, Weight, reshaped


def batch_normalization(match: Match, view: View) -> Sequence[Layer]:
    """Writes BatchNormalization as BatchNorm and, unless it does nothing, a Scale with the learned numbers."""
    attrs = match.attrs[0]
    if attrs.flag("training_mode"):
        raise Declined("it normalises by the batch's own statistics, as in training")
    scale, shift, mean, variance = (
        view.weight(match.operand(slot), what)
        for slot, what in enumerate(("scale", "shift", "mean", "variance"), start=1)
    )
    norm = Part("BatchNorm", _eps(attrs.number("epsilon")), {0: mean, 1: variance, 2: _one()})
    if bool(np.all(scale.array() == 1)) and not np.any(shift.array()):
        return match.series(norm)
    return match.series(norm, Part("Scale", {"bias_term": True}, {0: scale, 1: shift}, role="scale"))


def lrn(match: Match, view: View) -> Sequence[Layer]:
    """Writes LRN as LRN across channels; alpha is divided by the size in both."""
    attrs = match.attrs[0]
    size = attrs.integer("size")
    if size % 2 == 0 or view.rank(match.inputs[0]) != 4:
        raise Declined(f"size {size} over {view.rank(match.inputs[0])} dimensions; Caffe's is odd, over 4 dimensions")
    return [match.layer("LRN", {
        "local_size": size, "alpha": attrs.number("alpha"), "beta": attrs.number("beta"), "k": attrs.number("bias"),
    })]  # fmt: skip


def lrn_within(match: Match, view: View) -> Sequence[Layer]:
    """Writes x * (1 + alpha * mean(x * x)) ^ -beta over a square window as LRN within channels."""
    data, pool = match.inputs[0], match.attrs[1]
    kernel, pads = pool.integers("kernel_shape"), pool.integers("pads")
    size = kernel[0]
    alpha, one, minus_beta = (view.scalar(match.other(at)) for at in (2, 3, 4))
    square = all(value is data for value in match.nodes[0].inputs) and match.other(5) is data
    window = set(kernel) == {size} and size % 2 == 1 and tuple(pads) == ((size - 1) // 2,) * 4
    once = set(pool.integers("strides") or (1,)) == {1}
    if not (square and window and once and one == 1 and pool.flag("count_include_pad")) or alpha is None:
        raise Declined("it is no local response normalisation")
    if minus_beta is None or view.rank(data) != 4:
        raise Declined("it is no local response normalisation")
    fields = {"local_size": size, "alpha": alpha, "beta": -minus_beta, "norm_region": "WITHIN_CHANNEL"}
    return [match.layer("LRN", fields, inputs=[data])]


def instance_normalization(match: Match, view: View) -> Sequence[Layer]:
    """Writes InstanceNormalization as (x - mean) * (mean of its square + eps) ^ -0.5, scaled and shifted.

    MVN alone is no exact form: Caffe adds its eps behind the root.
    """
    data = match.inputs[0]
    if view.rank(data) != 4:
        raise Declined(f"its input has {view.rank(data)} dimensions; Caffe normalises over 4 (N, C, H, W)")
    scale, shift = view.weight(match.operand(1), "scale"), view.weight(match.operand(2), "shift")
    centred, inverse, even = (f"{match.name}/{role}" for role in ("centred", "inverse", "even"))
    deviation = match.series(
        Part("Power", {"power": 2.0}, role="square"),
        Part("Pooling", {"pool": "AVE", "global_pooling": True}, role="variance"),
        Part("Flatten", role="channels"),
        Part("Power", {"power": -0.5, "shift": match.attrs[0].number("epsilon")}, role="inverse"),
        inputs=[centred],
    )
    deviation[-1] = replace(deviation[-1], outputs=(inverse,))
    return [
        match.layer("MVN", {"normalize_variance": False}, inputs=[data], outputs=[centred], role="centred"),
        *deviation,
        match.layer("Scale", {"axis": 0}, inputs=[centred, inverse], outputs=[even], role="even"),
        match.layer("Scale", {"bias_term": True}, {0: scale, 1: shift}, inputs=[even]),
    ]


def _eps(epsilon: float) -> dict[str, object]:
    return {} if np.float32(epsilon) == np.float32(1e-5) else {"eps": epsilon}


def _one() -> Weight:
    return ArrayWeight(np.ones(1, np.float32))


_BN = "out0 = BatchNormalization<epsilon = 0.001>(in0, w0, w1, w2, w3)"
_WITHIN = (
    "a = Mul(in0, in0)\n"
    "b = AveragePool<kernel_shape = [3, 3], pads = [1, 1, 1, 1], count_include_pad = 1>(a)\n"
    "alpha = Constant<value_float = 0.5>()\nc = Mul(b, alpha)\none = Constant<value_float = 1.0>()\nd = Add(c, one)\n"
    "beta = Constant<value_float = -0.75>()\ne = Pow(d, beta)\nout0 = Mul(in0, e)"
)


def normalize(match: Match, view: View) -> Sequence[Layer]:
    """Writes x / sqrt(sum of x^2 + eps) * scale, summed over channels or over all of an item, as Normalize of SSD."""
    data, rank = match.inputs[0], view.rank(match.inputs[0])
    axes = sorted(axis % rank for axis in view.integers(match.operand(1), "axes"))
    eps, scale = view.scalar(match.other_constant(1)), match.other_constant(4)
    divided = match.operand(0, at=3) is data and match.attrs[0].flag("keepdims")
    if view.dialect != "ssd" or rank != 4 or axes not in ([1], [1, 2, 3]) or eps is None or not divided:
        raise Declined("it is no length over channels or items, or the dialect has no Normalize", "--dialect ssd")
    number = view.scalar(scale)
    weight = view.channels(data, scale) if number is None else reshaped(view.weight(scale), ())
    if weight is None:
        raise Declined("its scale is not one number a channel, nor one for all")
    fields = {"across_spatial": len(axes) == 3, "channel_shared": number is not None, "eps": eps}
    return [match.layer("Normalize", fields, {0: weight}, inputs=[data])]


WRITE = (
    Write(batch_normalization, ("BatchNormalization",), neutral=("momentum",), samples=(
        Sample("image", _BN, ((2, 3, 4, 5),), ((3,),) * 4, positive=(3,)),
        Sample("vectors", _BN, ((4, 3),), ((3,),) * 4, positive=(3,)),
    )),
    Write(lrn, ("LRN",), samples=(
        Sample("across", "out0 = LRN<size = 3, alpha = 0.5, beta = 0.6, bias = 2.0>(in0)", ((2, 7, 3, 4),)),
    )),
    Write(lrn_within, ("Mul", "AveragePool", "Mul", "Add", "Pow", "Mul"), neutral=("ceil_mode", "auto_pad"), samples=(
        Sample("within", _WITHIN, ((2, 3, 6, 5),)),
    )),
    Write(normalize, ("ReduceSumSquare", "Add", "Sqrt", "Div", "Mul"), neutral=("noop_with_empty_axes",)),
    Write(instance_normalization, ("InstanceNormalization",), samples=(
        Sample("image", "out0 = InstanceNormalization<epsilon = 0.01>(in0, w0, w1)", ((2, 3, 4, 5),), ((3,), (3,))),
    )),
)  # fmt: skip
