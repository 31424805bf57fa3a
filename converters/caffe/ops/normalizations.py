"""MVN and Normalize: each item brought to one mean, variance or length by its own numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.caffe.fillers import fill
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Formula, Read, Sample


def mvn(layer: Layer, emit: Emit) -> ir.Value:
    """Reads MVN as ReduceMean, Sub and Div; eps is added to the standard deviation, not under the root (mvn_layer.cpp).

    A fork's `add_eps_before_sqrt` puts it under the root.
    """
    (data,) = emit.inputs
    attrs = layer.attrs
    first = 1 if attrs.flag("across_channels") else 2
    axes = emit.constant(list(range(first, emit.rank(data))), "axes")
    centred = emit("Sub", data, emit("ReduceMean", data, axes))
    if not attrs.flag("normalize_variance"):
        return centred
    variance = emit("ReduceMean", emit("Mul", centred, centred), axes)
    eps = emit.constant(np.float32(attrs.number("eps")), "eps")
    if attrs.flag("add_eps_before_sqrt"):
        return emit("Div", centred, emit("Sqrt", emit("Add", variance, eps)))
    return emit("Div", centred, emit("Add", emit("Sqrt", variance), eps))


def normalize(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Normalize (SSD) as x / sqrt(sum of x^2 + eps) * scale; the sum over channels, or over all of an item."""
    (data,) = emit.inputs
    attrs = layer.attrs
    if not attrs.flag("add_eps_before_sqrt"):
        emit.refuse("add_eps_before_sqrt: false is a fork's own; no other reader knows it")
    channels = emit.size(data, 1)
    axes = list(range(1, emit.rank(data))) if attrs.flag("across_spatial") else [1]
    square = emit("ReduceSumSquare", data, emit.constant(axes, "axes"))
    norm = emit("Sqrt", emit("Add", square, emit.constant(np.float32(attrs.number("eps")), "eps")))
    shape = () if attrs.flag("channel_shared") else (channels,)
    view = (1,) if attrs.flag("channel_shared") else (channels, *(1,) * (emit.rank(data) - 2))
    scale = emit.weight(0, shape, role="scale", view=view, fill=fill(attrs.record("scale_filler"), shape, 1.0))
    return emit("Mul", emit("Div", data, norm), scale)


def _normalized(axes: tuple[int, ...], eps: float) -> Formula:
    def formula(inputs: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> np.ndarray:
        x = inputs[0]
        unit: np.ndarray = x / np.sqrt((x**2).sum(axes, keepdims=True) + eps)
        result: np.ndarray = unit * weights[0].reshape(1, -1, 1, 1)
        return result

    return formula


_IMAGE = ((2, 3, 4, 5),)

_MVN = (
    Sample("plain", "", _IMAGE),
    Sample("large eps", "mvn_param { eps: 0.5 }", _IMAGE),
    Sample("across channels", "mvn_param { across_channels: true }", _IMAGE),
    Sample("mean alone", "mvn_param { normalize_variance: false }", _IMAGE),
)

_NORMALIZE = (
    Sample(
        "along channels",
        "norm_param { across_spatial: false channel_shared: false }",
        _IMAGE,
        ((3,),),
        formula=_normalized((1,), 1e-10),
        judge="caffe-ssd",
    ),
    Sample(
        "whole item, one scale, large eps",
        "norm_param { eps: 0.5 }",
        _IMAGE,
        ((),),
        formula=_normalized((1, 2, 3), 0.5),
        judge="caffe-ssd",
    ),
)

READ = {
    "MVN": Read(mvn, samples=_MVN),
    "Normalize": Read(normalize, neutral=("scale_filler",), samples=_NORMALIZE),
}
