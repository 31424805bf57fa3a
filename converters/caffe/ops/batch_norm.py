"""BatchNorm: (x - mean) / sqrt(variance + eps); the file stores both sums and, in a third blob, their factor."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample
from converters.hub.passes.merge_scale import NEUTRAL
from converters.weights import ComputedWeight, Weight


def batch_norm(layer: Layer, emit: Emit) -> ir.Value:
    """Reads BatchNorm as BatchNormalization with scale 1 and shift 0 (Caffe keeps the learned ones in a Scale).

    mean and variance are divided by the third blob; a factor of 0 makes both 0 (batch_norm_layer.cpp:100).
    """
    (data,) = emit.inputs
    attrs = layer.attrs
    channels = 1 if emit.rank(data) == 1 else emit.size(data, 1)
    eps = attrs.number("eps")
    if "use_global_stats" in attrs.explicit and not attrs.flag("use_global_stats"):
        emit.refuse(
            "use_global_stats: false normalises by the batch's own statistics, as in training",
            "set it to true if the network is to use the statistics that it was trained with",
        )
    factor = emit.source(2, (1,), role="factor")
    statistics = [
        _scaled(emit.source(key, (channels,), role=role), factor) for key, role in enumerate(("mean", "variance"))
    ]
    scale, shift = (
        emit.constant(np.full(channels, value, np.float32), role) for value, role in ((1, "scale"), (0, "shift"))
    )
    scale.meta[NEUTRAL] = shift.meta[NEUTRAL] = True
    mean, variance = (emit.derived(weight, role) for weight, role in zip(statistics, ("mean", "variance"), strict=True))
    return emit("BatchNormalization", data, scale, shift, mean, variance, epsilon=eps)


def _scaled(total: Weight, factor: Weight) -> Weight:
    """The sum times 1 / factor in float32, as Caffe computes it."""

    def compute() -> np.ndarray:
        count = np.float32(factor.array().reshape(-1)[0])
        return total.array() * (np.float32(0) if count == 0 else np.float32(1) / count)

    return ComputedWeight(total.shape, np.dtype("<f4"), compute)


SAMPLES = (
    Sample("image", "", ((2, 3, 4, 5),), ((3,), (3,), (1,)), positive=(1, 2)),
    Sample(
        "eps",
        "batch_norm_param { eps: 0.1 use_global_stats: true }",
        ((2, 3, 4, 5),),
        ((3,), (3,), (1,)),
        positive=(1, 2),
    ),
    Sample("vectors", "", ((4, 3),), ((3,), (3,), (1,)), positive=(1, 2)),
)

READ = {"BatchNorm": Read(batch_norm, neutral=("moving_average_fraction",), samples=SAMPLES)}
