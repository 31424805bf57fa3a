"""BatchNorm, as at inference: with the moving statistics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Formula, Read, Sample
from converters.mxnet.operands import parameter, value


def batch_norm(layer: Layer, emit: Emit) -> ir.Value:
    """Reads BatchNorm as BatchNormalization; fix_gamma, the default, makes gamma 1 whatever the file holds.

    The axis of the channels is 1 unless `axis` says otherwise.
    """
    data = value(layer, emit, "data")
    attrs = layer.attrs
    if attrs.flag("output_mean_var"):
        emit.refuse("hands out mean and variance, which are for training", "set output_mean_var to False")
    axis = emit.axis(data, attrs.integer("axis")) if "axis" in attrs else 1
    front = data if axis == 1 or emit.rank(data) == 1 else emit("Transpose", data, perm=_swapped(emit, data, axis))
    channels = emit.size(data, axis)
    gamma = _ones(layer, emit, channels) if attrs.flag("fix_gamma") else parameter(layer, emit, "gamma", (channels,))
    statistics = [parameter(layer, emit, role, (channels,)) for role in ("beta", "moving_mean", "moving_var")]
    normal = emit("BatchNormalization", front, gamma, *statistics, epsilon=attrs.number("eps"))
    return normal if front is data else emit("Transpose", normal, perm=_swapped(emit, data, axis))


def batch_norm_relu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads BatchNormWithReLU as BatchNorm and Relu."""
    return emit("Relu", batch_norm(layer, emit))


def _ones(layer: Layer, emit: Emit, channels: int) -> ir.Value:
    """A gamma of ones in the place of the stored one, which is checked and noted where it differs."""
    stored = layer.weights.get("gamma")
    if stored is not None:
        numbers = emit.source("gamma", (channels,), role="gamma")
        if numbers.shape == (channels,) and not bool(np.all(numbers.array() == 1)):
            emit.note("fix_gamma: gamma is 1, though the file holds other numbers; MXNet ignores them too")
    return emit.constant(np.ones(channels, np.float32), "gamma")


def _swapped(emit: Emit, data: ir.Value, axis: int) -> list[int]:
    order = list(range(emit.rank(data)))
    order[1], order[axis] = order[axis], order[1]
    return order


_STATS = ((3,), (3,), (3,), (3,))


def _normal(gamma: bool, eps: float, axis: int = 1) -> Formula:  # noqa: FBT001 - private
    def formula(x: Sequence[np.ndarray], w: Sequence[np.ndarray]) -> np.ndarray:
        shape = [1] * x[0].ndim
        shape[axis] = -1
        scale, beta, mean, variance = (item.reshape(shape) for item in w)
        result: np.ndarray = (scale if gamma else 1) * (x[0] - mean) / np.sqrt(variance + eps) + beta
        return result

    return formula


SAMPLES = (
    Sample("fixed gamma", "{}", ((2, 3, 4, 5),), _STATS, positive=(3,), formula=_normal(gamma=False, eps=1e-3)),
    Sample("learned gamma", '{"fix_gamma": "False", "eps": "2e-05"}', ((2, 3, 4, 5),), _STATS, positive=(3,),
           formula=_normal(gamma=True, eps=2e-5)),
    Sample("global statistics", '{"fix_gamma": "0", "use_global_stats": "True", "momentum": "0.99", "cudnn_off": "1"}',
           ((2, 3, 4),), _STATS, positive=(3,)),
    Sample("channels last", '{"fix_gamma": "False", "axis": "-1"}', ((2, 4, 5, 3),), _STATS, positive=(3,),
           formula=_normal(gamma=True, eps=1e-3, axis=3)),
    Sample("vectors", '{"fix_gamma": "False", "eps": "0.01"}', ((2, 3),), _STATS, positive=(3,)),
)  # fmt: skip

NEUTRAL = ("momentum", "cudnn_off", "use_global_stats", "min_calib_range", "max_calib_range", "ndev", "key")

READ = {
    "BatchNorm": Read(batch_norm, neutral=NEUTRAL, samples=SAMPLES),
    "BatchNorm_v1": Read(
        batch_norm,
        neutral=NEUTRAL,
        samples=(
            Sample("fixed gamma", "{}", ((2, 3, 4, 5),), _STATS, positive=(3,), formula=_normal(gamma=False, eps=1e-3)),
            Sample("learned gamma", '{"fix_gamma": "False", "eps": "0.01"}', ((2, 3, 4, 5),), _STATS, positive=(3,),
                   formula=_normal(gamma=True, eps=0.01)),
        ),
    ),
    "_contrib_SyncBatchNorm": Read(
        batch_norm,
        neutral=NEUTRAL,
        samples=(
            Sample("learned gamma", '{"fix_gamma": "False", "key": "bn"}', ((2, 3, 4, 5),), _STATS, positive=(3,)),
        ),
    ),
    "_contrib_BatchNormWithReLU": Read(
        batch_norm_relu,
        neutral=NEUTRAL,
        samples=(Sample("learned gamma", '{"fix_gamma": "False"}', ((2, 3, 4, 5),), _STATS, positive=(3,)),),
    ),
}  # fmt: skip
