"""PReLU: a learned slope below zero, one a channel or one for all."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.caffe.fillers import fill
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read, Sample

DEFAULT_SLOPE = 0.25  # prelu_layer.cpp: the filler when none is given


def prelu(layer: Layer, emit: Emit) -> ir.Value:
    """Reads PReLU as PRelu with the slope as [C, 1, 1], so that it lies along axis 1 whatever the other sizes are."""
    (data,) = emit.inputs
    spec = layer.attrs.record("filler")
    shared = layer.attrs.flag("channel_shared")
    shape = () if shared else (emit.size(data, 1),)
    view = (1,) if shared else shape + (1,) * (emit.rank(data) - 2)
    return emit("PRelu", data, emit.weight(0, shape, role="slope", view=view, fill=fill(spec, shape, DEFAULT_SLOPE)))


SAMPLES = (
    Sample("per channel where C = H = W", "", ((2, 3, 3, 3),), ((3,),)),
    Sample(
        "per channel",
        "",
        ((2, 3, 4, 5),),
        ((3,),),
        formula=lambda x, w: np.where(x[0] > 0, x[0], x[0] * w[0].reshape(1, 3, 1, 1)),
    ),
    Sample("shared", "prelu_param { channel_shared: true }", ((2, 3, 4, 5),), ((),)),
    Sample("vectors", "", ((4, 3),), ((3,),)),
)

READ = {"PReLU": Read(prelu, neutral=("filler",), samples=SAMPLES)}
