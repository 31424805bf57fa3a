"""LRN: local response normalisation, across channels or within one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def lrn(layer: Layer, emit: Emit) -> ir.Value:
    """Reads LRN as LRN across channels; within a channel as x * (1 + alpha * mean(x^2)) ^ -beta.

    alpha is divided by the window's size in both; `k` has no meaning within a channel (lrn_layer.cpp).
    """
    (data,) = emit.inputs
    attrs = layer.attrs
    size, alpha, beta, k = attrs.integer("local_size"), attrs.number("alpha"), attrs.number("beta"), attrs.number("k")
    if size % 2 == 0:
        emit.refuse(f"local_size {size} is even; Caffe refuses it too")
    if attrs.text("norm_region") == "ACROSS_CHANNELS":
        return emit("LRN", data, size=size, alpha=alpha, beta=beta, bias=k)
    pad = (size - 1) // 2
    square = emit("Mul", data, data)
    mean = emit("AveragePool", square, kernel_shape=(size, size), pads=(pad,) * 4, count_include_pad=1)
    base = emit("Add", emit("Mul", mean, emit.constant([alpha], "alpha")), emit.constant([1.0], "one"))
    return emit("Mul", data, emit("Pow", base, emit.constant([-beta], "minus_beta")))


def _across(inputs: Sequence[np.ndarray], _weights: Sequence[np.ndarray]) -> np.ndarray:
    """X / (2 + 0.5 / 3 * sum of squares over three channels) ^ 0.75."""
    x = inputs[0]
    square = np.pad(x**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    total = square[:, :-2] + square[:, 1:-1] + square[:, 2:]
    normalised: np.ndarray = x / (2 + 0.5 / 3 * total) ** 0.75
    return normalised


SAMPLES = (
    Sample("across", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 k: 2 }", ((2, 7, 3, 4),), formula=_across),
    Sample("defaults", "", ((1, 8, 3, 4),)),
    Sample("within", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.6 norm_region: WITHIN_CHANNEL }", ((2, 3, 6, 5),)),
)

READ = {"LRN": Read(lrn, neutral=("engine",), samples=SAMPLES)}
