"""Normalisations and softmax."""

from __future__ import annotations

from collections.abc import Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write


def batch_norm(match: Match, view: View) -> Sequence[Layer]:
    """Writes BatchNormalization as BatchNorm with fix_gamma off."""
    attrs = match.attrs[0]
    if attrs.flag("training_mode") or len(match.outputs) > 1:
        raise Declined("it normalises by the batch's own statistics, as in training")
    weights = {place: view.weight(match.operand(place)) for place in range(1, 5)}
    eps = repr(attrs.number("epsilon"))
    return [match.layer("BatchNorm", {"eps": eps, "fix_gamma": False, "use_global_stats": True}, weights)]


def instance_norm(match: Match, view: View) -> Sequence[Layer]:
    """Writes InstanceNormalization as InstanceNorm."""
    weights = {place: view.weight(match.operand(place)) for place in (1, 2)}
    return [match.layer("InstanceNorm", {"eps": repr(match.attrs[0].number("epsilon"))}, weights)]


def layer_norm(match: Match, view: View) -> Sequence[Layer]:
    """Writes LayerNormalization over the last axis as LayerNorm."""
    attrs = match.attrs[0]
    if view.axis(match.inputs[0], attrs.integer("axis")) != view.rank(match.inputs[0]) - 1 or len(match.outputs) > 1:
        raise Declined("it normalises several axes, or hands out mean and deviation")
    if match.operand(2) is None:
        raise Declined("it has no shift; MXNet's has one")
    weights = {place: view.weight(match.operand(place)) for place in (1, 2)}
    return [match.layer("LayerNorm", {"axis": -1, "eps": repr(attrs.number("epsilon"))}, weights)]


def lrn(match: Match, view: View) -> Sequence[Layer]:
    """Writes LRN as LRN; alpha is divided by the size in both."""
    attrs = match.attrs[0]
    size = attrs.integer("size")
    if size % 2 == 0:
        raise Declined(f"its size {size} is even; MXNet's must be odd")
    numbers = {
        name: repr(attrs.number(theirs)) for name, theirs in (("alpha", "alpha"), ("beta", "beta"), ("knorm", "bias"))
    }
    return [match.layer("LRN", {"nsize": size, **numbers})]


def softmax(match: Match, view: View) -> Sequence[Layer]:
    """Writes Softmax and LogSoftmax along their axis."""
    kind = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[match.nodes[0].op_type]
    return [match.layer(kind, {"axis": match.attrs[0].integer("axis")})]


_IMAGE = ((2, 4, 3, 5),)

WRITE = (
    Write(
        batch_norm,
        ("BatchNormalization",),
        neutral=("momentum",),
        samples=(
            Sample("image", "out0 = BatchNormalization<epsilon = 0.001>(in0, w0, w1, w2, w3)", _IMAGE, ((4,),) * 4,
                   positive=(3,)),
            Sample("rows", "out0 = BatchNormalization(in0, w0, w1, w2, w3)", ((2, 4),), ((4,),) * 4, positive=(3,)),
        ),
    ),
    Write(
        instance_norm,
        ("InstanceNormalization",),
        samples=(Sample("image", "out0 = InstanceNormalization<epsilon = 0.01>(in0, w0, w1)", _IMAGE, ((4,), (4,))),),
    ),
    Write(
        layer_norm,
        ("LayerNormalization",),
        neutral=("stash_type",),
        samples=(Sample("last axis", "out0 = LayerNormalization<epsilon = 0.01>(in0, w0, w1)", _IMAGE, ((5,), (5,))),),
    ),
    Write(
        lrn,
        ("LRN",),
        samples=(Sample("three", "out0 = LRN<size = 3, alpha = 0.5, beta = 0.6, bias = 1.5>(in0)", _IMAGE),),
    ),
    Write(
        softmax,
        ("Softmax",),
        samples=(
            Sample("last axis", "out0 = Softmax(in0)", _IMAGE),
            Sample("axis 1", "out0 = Softmax<axis = 1>(in0)", _IMAGE),
        ),
    ),
    Write(softmax, ("LogSoftmax",), samples=(Sample("axis 1", "out0 = LogSoftmax<axis = 1>(in0)", _IMAGE),)),
)  # fmt: skip
