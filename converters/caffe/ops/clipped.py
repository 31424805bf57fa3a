"""Element-wise layers with straight pieces: ReLU6, Clip, HardSigmoid, HardSwish, Threshold."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample


def relu6(layer: Layer, emit: Emit) -> ir.Value:
    """Reads ReLU6 as Clip from 0 to `threshold`, or as LeakyRelu and Min where `negative_slope` is not 0."""
    slope, top = layer.attrs.number("negative_slope"), layer.attrs.number("threshold")
    if slope == 0:
        return clipped(emit, 0.0, top)
    return emit("Min", emit("LeakyRelu", *emit.inputs, alpha=slope), emit.constant(np.float32(top), "threshold"))


def clip(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Clip as Clip."""
    if not {"min", "max"} <= layer.attrs.explicit:
        emit.refuse("must set both min and max; Caffe refuses it too")
    return clipped(emit, layer.attrs.number("min"), layer.attrs.number("max"))


def clipped(emit: Emit, low: float, high: float) -> ir.Value:
    """The layer's input, kept between two numbers."""
    (data,) = emit.inputs
    return emit("Clip", data, emit.constant(np.float32(low), "min"), emit.constant(np.float32(high), "max"))


def hard_sigmoid(layer: Layer, emit: Emit) -> ir.Value:
    """Reads HardSigmoid as HardSigmoid: alpha * x + beta between 0 and 1."""
    return emit("HardSigmoid", *emit.inputs, alpha=layer.attrs.number("alpha"), beta=layer.attrs.number("beta"))


def hard_swish(layer: Layer, emit: Emit) -> ir.Value:
    """Reads HardSwish as HardSwish: x times x / 6 + 1/2 between 0 and 1."""
    return emit("HardSwish", *emit.inputs)


def threshold(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Threshold as Greater: 1 above the threshold, else 0."""
    (data,) = emit.inputs
    above = emit("Greater", data, emit.constant(np.float32(layer.attrs.number("threshold")), "threshold"))
    return emit("Cast", above, to=1)


_IMAGE = ((2, 3, 4, 5),)
_WIDE = (-9.0, 9.0)

READ = {
    "ReLU6": Read(
        relu6,
        samples=(
            Sample("plain", "", _IMAGE, values=_WIDE, formula=lambda x, _: np.clip(x[0], 0, 6), judge="caffe-ssd"),
            Sample(
                "threshold and slope",
                "relu6_param { threshold: 2 negative_slope: 0.1 }",
                _IMAGE,
                values=_WIDE,
                judge="caffe-ssd",
            ),
        ),
    ),
    "Clip": Read(
        clip,
        samples=(
            Sample(
                "plain",
                "clip_param { min: -1 max: 0.5 }",
                _IMAGE,
                formula=lambda x, _: np.clip(x[0], -1, 0.5),
                judge=FORMULA,
            ),
        ),
    ),
    "HardSigmoid": Read(
        hard_sigmoid,
        samples=(
            Sample(
                "plain",
                "",
                _IMAGE,
                values=_WIDE,
                formula=lambda x, _: np.clip(0.2 * x[0] + 0.5, 0, 1),
                judge="caffe-ssd",
            ),
            Sample(
                "other name, other line",
                "hardsigmoid_param { alpha: 0.1 beta: 0.3 }",
                _IMAGE,
                values=_WIDE,
                judge="caffe-ssd",
            ),
            Sample(
                "alpha and beta",
                "hard_sigmoid_param { alpha: 0.1 beta: 0.3 }",
                _IMAGE,
                values=_WIDE,
                formula=lambda x, _: np.clip(0.1 * x[0] + 0.3, 0, 1),
                judge=FORMULA,
            ),
        ),
    ),
    "HardSwish": Read(
        hard_swish,
        samples=(
            Sample(
                "plain",
                "",
                _IMAGE,
                values=_WIDE,
                formula=lambda x, _: x[0] * np.clip(x[0] / 6 + 0.5, 0, 1),
                judge="caffe-ssd",
            ),
        ),
    ),
    "Threshold": Read(
        threshold, samples=(Sample("default", "", _IMAGE), Sample("set", "threshold_param { threshold: 0.7 }", _IMAGE))
    ),
}
