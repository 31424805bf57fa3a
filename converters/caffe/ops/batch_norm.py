"""BatchNorm: (x - mean) / sqrt(variance + eps); the file stores both sums and, in a third blob, their factor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample
from converters.hub.passes.merge_scale import NEUTRAL
from converters.weights import ComputedWeight, Weight, reshaped


def batch_norm(layer: Layer, emit: Emit) -> ir.Value:
    """Reads BatchNorm as BatchNormalization with scale 1 and shift 0 (Caffe keeps the learned ones in a Scale).

    mean and variance are divided by the third blob; a factor of 0 makes both 0 (batch_norm_layer.cpp:100). With
    use_global_stats: false the batch's own statistics take their place, as ReduceMean.
    """
    (data,) = emit.inputs
    attrs = layer.attrs
    channels = 1 if emit.rank(data) == 1 else emit.size(data, 1)
    eps = attrs.number("eps")
    filled = bool(attrs.explicit & {"filler", "scale_filler", "bias_filler"})
    learned = attrs.flag("scale_bias") or (len(layer.weights) == 5 if layer.weights else filled)
    factor = emit.source(2, (1,), role="factor")
    of_batch = "use_global_stats" in attrs.explicit and not attrs.flag("use_global_stats")
    statistics = [
        _scaled(emit.source(key, (channels,), role=role), factor) for key, role in enumerate(("mean", "variance"))
    ]
    inside = attrs.flag("add_eps_before_sqrt")
    if learned + of_batch + (not inside) > 1:
        emit.refuse("scale_bias, use_global_stats: false and add_eps_before_sqrt: false are of different forks")
    if not inside:
        return _eps_outside(emit, data, statistics, eps)
    if of_batch:
        return by_batch(emit, data, eps, "use_global_stats: false")
    scale, shift = (
        emit.constant(np.full(channels, value, np.float32), role) for value, role in ((1, "scale"), (0, "shift"))
    )
    scale.meta[NEUTRAL] = shift.meta[NEUTRAL] = True
    if learned:  # NVCaffe and Intel's engines keep what a Scale layer would hold as blobs 3 and 4
        scale, shift = (emit.weight(key, (channels,), role=role) for key, role in ((3, "scale"), (4, "shift")))
    mean, variance = (emit.derived(weight, role) for weight, role in zip(statistics, ("mean", "variance"), strict=True))
    return emit("BatchNormalization", data, scale, shift, mean, variance, epsilon=eps)


def by_batch(emit: Emit, data: ir.Value, eps: float, said: str) -> ir.Value:
    """The batch that is given, normalised by its own mean and variance, because the file has `said` so."""
    emit.note(f"{said}: each batch is normalised by its own statistics, so its items depend on each other")
    axes = emit.constant([0, *range(2, emit.rank(data))], "axes")
    centred = emit("Sub", data, emit("ReduceMean", data, axes))
    variance = emit("ReduceMean", emit("Mul", centred, centred), axes)
    return emit("Div", centred, emit("Sqrt", emit("Add", variance, emit.constant(np.float32(eps), "eps"))))


def _eps_outside(emit: Emit, data: ir.Value, statistics: list[Weight], eps: float) -> ir.Value:
    """A fork's add_eps_before_sqrt: false adds eps to the standard deviation instead of the variance."""
    mean, variance = statistics
    view = (mean.shape[0], *(1,) * (emit.rank(data) - 2))
    deviation = ComputedWeight(mean.shape, mean.dtype, lambda: np.sqrt(variance.array()) + np.float32(eps))
    centred = emit("Sub", data, emit.derived(reshaped(mean, view), "mean"))
    return emit("Div", centred, emit.derived(reshaped(deviation, view), "deviation"))


def _scaled(total: Weight, factor: Weight) -> Weight:
    """The sum times 1 / factor in float32, as Caffe computes it."""

    def compute() -> np.ndarray:
        count = np.float32(factor.array().reshape(-1)[0])
        return total.array() * (np.float32(0) if count == 0 else np.float32(1) / count)

    return ComputedWeight(total.shape, np.dtype("<f4"), compute)


def _five_blobs(data: np.ndarray, weights: Sequence[np.ndarray]) -> np.ndarray:
    factor = weights[2]
    mean, variance, scale, shift = (weights[key].reshape(-1, 1, 1) for key in (0, 1, 3, 4))
    result: np.ndarray = (data - mean / factor) / np.sqrt(variance / factor + 0.01) * scale + shift
    return result


SAMPLES = (
    Sample("image", "", ((2, 3, 4, 5),), ((3,), (3,), (1,)), positive=(1, 2)),
    Sample(
        "eps",
        "batch_norm_param { eps: 0.1 use_global_stats: true }",
        ((2, 3, 4, 5),),
        ((3,), (3,), (1,)),
        positive=(1, 2),
    ),
    Sample(
        "statistics of the batch",
        "batch_norm_param { use_global_stats: false eps: 0.01 }",
        ((2, 3, 4, 5),),
        ((3,), (3,), (1,)),
        positive=(1, 2),
        formula=lambda x, _: (
            (x[0] - x[0].mean((0, 2, 3), keepdims=True)) / np.sqrt(x[0].var((0, 2, 3), keepdims=True) + 0.01)
        ),
        judge="caffe-ssd",
    ),
    Sample("vectors", "", ((4, 3),), ((3,), (3,), (1,)), positive=(1, 2)),
    Sample(
        "eps outside the root",
        "batch_norm_param { eps: 0.1 add_eps_before_sqrt: false }",
        ((2, 3, 4, 5),),
        ((3,), (3,), (1,)),
        positive=(1, 2),
        formula=lambda x, w: (
            (x[0] - (w[0] / w[2]).reshape(-1, 1, 1)) / (np.sqrt((w[1] / w[2]).reshape(-1, 1, 1)) + 0.1)
        ),
        judge=FORMULA,
    ),
    Sample(
        "scale and shift of NVCaffe",
        "batch_norm_param { scale_bias: true eps: 0.01 }",
        ((2, 3, 4, 5),),
        ((3,), (3,), (1,), (3,), (3,)),
        positive=(1, 2),
        formula=lambda x, w: _five_blobs(x[0], w),
        judge=FORMULA,
    ),
    Sample(
        "five blobs of Intel's engines",
        'batch_norm_param { filler { type: "constant" value: 1 } eps: 0.01 }',
        ((2, 3, 4, 5),),
        ((3,), (3,), (1,), (3,), (3,)),
        positive=(1, 2),
        formula=lambda x, w: _five_blobs(x[0], w),
        judge=FORMULA,
    ),
)

READ = {
    "BatchNorm": Read(
        batch_norm,
        neutral=("moving_average_fraction", "update_global_stats", "filler", "scale_filler", "bias_filler", "icnet"),
        samples=SAMPLES,
    )
}
