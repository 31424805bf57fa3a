"""Normalisation with stored statistics, and local responses."""

from __future__ import annotations

from collections.abc import Sequence

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.optable import Sample
from converters.hub.view import View
from converters.hub.writetable import Write

_KINDS = {
    2: "nn.BatchNormalization", 4: "nn.SpatialBatchNormalization", 5: "nn.VolumetricBatchNormalization",
}  # fmt: skip


def batch_norm(match: Match, view: View) -> Sequence[Layer]:
    """Writes BatchNormalization by the number of dimensions."""
    attrs, data = match.attrs[0], match.inputs[0]
    if attrs.integer("training_mode"):
        raise Declined("it normalises by the batch's own statistics, as in training")
    kind = _KINDS.get(view.rank(data))
    if kind is None:
        raise Declined(f"nn normalises 2, 4 or 5 dimensions, not {view.rank(data)}")
    names = ("weight", "bias", "running_mean", "running_var")
    weights = {name: view.weight(match.operand(slot), name) for slot, name in enumerate(names, 1)}
    return [match.layer(kind, {"eps": attrs.number("epsilon"), "momentum": 0.1, "affine": True}, weights)]


def lrn(match: Match, view: View) -> Sequence[Layer]:
    """Writes LRN as SpatialCrossMapLRN."""
    attrs = match.attrs[0]
    size = attrs.integer("size")
    if size % 2 == 0 or view.rank(match.inputs[0]) != 4:
        raise Declined("nn.SpatialCrossMapLRN takes images and an odd size")
    fields = {"size": size, "alpha": attrs.number("alpha"), "beta": attrs.number("beta"), "k": attrs.number("bias")}
    return [match.layer("nn.SpatialCrossMapLRN", fields)]


_BN = "out0 = BatchNormalization<epsilon = 0.01>(in0, w0, w1, w2, w3)"

WRITE = (
    Write(
        batch_norm,
        ("BatchNormalization",),
        neutral=("momentum",),
        samples=(
            Sample("images", _BN, ((2, 3, 4, 5),), ((3,), (3,), (3,), (3,)), positive=(3,)),
            Sample("vectors", _BN, ((4, 3),), ((3,), (3,), (3,), (3,)), positive=(3,)),
            Sample("volumes", _BN, ((1, 3, 2, 4, 5),), ((3,), (3,), (3,), (3,)), positive=(3,)),
        ),
    ),
    Write(
        lrn,
        ("LRN",),
        samples=(Sample("wide", "out0 = LRN<size = 3, alpha = 0.5, beta = 0.6, bias = 2.0>(in0)", ((2, 7, 3, 4),)),),
    ),
)
