"""CReLU: what is positive and what is negative, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample


def c_relu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads CReLU as Relu (or LeakyRelu) of x and of -x, one behind the other along `concat_axis`."""
    (data,) = emit.inputs
    slope, axis = layer.attrs.number("negative_slope"), emit.axis(data, layer.attrs.integer("concat_axis"))
    both = emit("Concat", data, emit("Neg", data), axis=axis)
    return emit("LeakyRelu", both, alpha=slope) if slope else emit("Relu", both)


def _halves(x: Sequence[np.ndarray], slope: float, axis: int) -> np.ndarray:
    """crelu_layer.cpp: max(v, 0) + negative_slope * min(v, 0) for v = x, then for v = -x."""
    return np.concatenate([np.maximum(v, 0) + slope * np.minimum(v, 0) for v in (x[0], -x[0])], axis)


READ = {
    "CReLU": Read(
        c_relu,
        samples=(
            Sample("channels", "", ((2, 3, 4, 5),), formula=lambda x, _: _halves(x, 0, 1), judge=FORMULA),
            Sample(
                "leaky, axis 2",
                "crelu_param { negative_slope: 0.2 concat_axis: 2 }",
                ((2, 3, 4, 5),),
                formula=lambda x, _: _halves(x, 0.2, 2),
                judge=FORMULA,
            ),
        ),
    )
}
