"""SoftMax and its relatives: the dimension depends on how many there are."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read
from converters.torch7.reading import only

_AXIS = {1: 0, 2: 1, 3: 0, 4: 1, 5: 1}
"""Rank -> axis: a vector, a batch of vectors, an image, a batch of images or volumes (THNN SoftMax.c)."""


def softmax(op: str, *, negative: bool = False, instance: bool = False) -> Callable[[Layer, Emit], ir.Value]:
    """Reads a softmax over the channels; cudnn.SoftMax works on all values of one image (`instance`)."""

    def read(layer: Layer, emit: Emit) -> ir.Value:
        data = only(emit)
        if emit.rank(data) not in _AXIS:
            emit.refuse(f"its input has {emit.rank(data)} dimensions")
        at = _AXIS[emit.rank(data)]
        if negative:
            data = emit("Neg", data)
        if not instance or emit.rank(data) < 3:
            return emit(op, data, axis=at)
        shape = emit.shape(data)
        flat = emit.reshape(data, (*shape[:at], -1))
        return emit.unflatten(emit(op, flat, axis=at), shape)

    return read


_CHANNELS = (
    "nn.SoftMax",
    "nn.SpatialSoftMax",
    "cudnn.SpatialSoftMax",
    "cudnn.VolumetricSoftMax",
)
_LOG = (
    "nn.LogSoftMax", "nn.SpatialLogSoftMax", "cudnn.SpatialLogSoftMax", "cudnn.VolumetricLogSoftMax",
)  # fmt: skip

READ = {
    **dict.fromkeys(_CHANNELS, Read(softmax("Softmax"))),
    **dict.fromkeys(_LOG, Read(softmax("LogSoftmax"))),
    "nn.SoftMin": Read(softmax("Softmax", negative=True)),
    "cudnn.SoftMax": Read(softmax("Softmax", instance=True)),
    "cudnn.LogSoftMax": Read(softmax("LogSoftmax", instance=True)),
}
