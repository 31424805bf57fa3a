"""BatchNorm2d at inference: (x - running_mean) / sqrt(running_var + eps) * weight + bias, a channel each."""

from __future__ import annotations

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample

ROLES = ("weight", "bias", "running_mean", "running_var")


def batch_norm2d(layer: Layer, emit: Emit) -> ir.Value:
    """Reads BatchNorm2d as BatchNormalization."""
    (data,) = emit.inputs
    channels = emit.size(data, 1)
    if layer.attrs.integer("num_features") != channels:
        emit.refuse(f"its input has {channels} channels, it wants {layer.attrs.integer('num_features')}")
    weights = [emit.weight(role, (channels,)) for role in ROLES]
    return emit("BatchNormalization", data, *weights, epsilon=layer.attrs.number("eps"))


READ = {
    "BatchNorm2d": Read(
        batch_norm2d,
        samples=(
            Sample("image", "num_features=3, eps=1e-05", ((2, 3, 4, 5),), ((3,),) * 4, positive=(3,)),
            Sample("eps", "num_features=3, eps=0.1", ((2, 3, 4, 5),), ((3,),) * 4, positive=(3,)),
        ),
    )
}
