"""Softmax along one axis."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample


def softmax(layer: Layer, emit: Emit) -> ir.Value:
    """Reads Softmax as Softmax along `axis` (1 unless told otherwise)."""
    (data,) = emit.inputs
    return emit("Softmax", data, axis=emit.axis(data, layer.attrs.integer("axis")))


SAMPLES = (
    Sample("vectors", "", ((3, 5),), formula=lambda x, _: np.exp(x[0]) / np.exp(x[0]).sum(1, keepdims=True)),
    Sample("image", "", ((2, 3, 4, 5),)),
    Sample("axis 2", "softmax_param { axis: 2 }", ((2, 3, 4),)),
    Sample("last axis", "softmax_param { axis: -1 }", ((2, 3, 4),)),
)

READ = {"Softmax": Read(softmax, neutral=("engine",), samples=SAMPLES)}
