"""BN: learned scale and shift in the same layer as the statistics; two forks lay out its blobs in two ways."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.caffe.fillers import fill
from converters.caffe.ops.batch_norm import by_batch
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample

_SEGNET_EPS = 1e-9  # var_eps_ of SegNet's bn_layer.cpp
_SEGNET = frozenset({"bn_mode", "scale_filler", "shift_filler"})
_PSPNET = frozenset({"slope_filler", "bias_filler", "momentum", "eps", "frozen", "icnet"})
_LAYOUTS = ("deeplab", "pspnet", "segnet")


def bn(layer: Layer, emit: Emit) -> ir.Value:
    """Reads BN as BatchNormalization (PSPNet: slope, bias, mean, variance) or Mul and Add (SegNet: scale, shift).

    The layout follows from the number of blobs, then from the parameters that the layer sets. With SegNet's bn_mode:
    LEARN, the default, the batch's own statistics come first, in testing as in training.
    """
    explicit = layer.attrs.explicit
    dialect = layer.attrs["dialect"]
    segnet = len(layer.weights) == 2 or (not layer.weights and bool(explicit & _SEGNET))
    if layer.attrs.flag("icnet"):  # Synopsys' name for PSPNet's layout
        segnet = False
    if dialect in _LAYOUTS:
        segnet = dialect == "segnet"
    elif not segnet and len(layer.weights) != 4 and not explicit & _PSPNET:
        emit.refuse(
            f"has {len(layer.weights)} blobs; SegNet's BN has 2 and PSPNet's 4",
            "--dialect segnet or --dialect pspnet",
        )
    return _segnet(layer, emit) if segnet else _pspnet(layer, emit)


def _segnet(layer: Layer, emit: Emit) -> ir.Value:
    (data,) = emit.inputs
    if len(layer.outputs) > 1:
        emit.refuse("shows its statistics as further tops, which only training reads")
    channels = emit.size(data, 1)
    view = (channels, *(1,) * (emit.rank(data) - 2))
    shape = _stored(layer, channels)
    scale, shift = (
        emit.weight(key, shape, role=role, view=view, fill=fill(layer.attrs.record(filler), shape, start))
        for key, (role, filler, start) in enumerate((("scale", "scale_filler", 1.0), ("shift", "shift_filler", 0.0)))
    )
    if layer.attrs.text("bn_mode") == "LEARN":
        data = by_batch(emit, data, _SEGNET_EPS, "bn_mode: LEARN")
    return emit("Add", emit("Mul", data, scale), shift)


def _pspnet(layer: Layer, emit: Emit) -> ir.Value:
    (data,) = emit.inputs
    channels = emit.size(data, 1)
    starts = (("scale", 1.0), ("shift", 0.0), ("mean", 0.0), ("variance", 0.0))
    shape = _stored(layer, channels)
    weights = [
        emit.weight(key, shape, role=role, fill=fill(None, shape, start), view=(channels,))
        for key, (role, start) in enumerate(starts)
    ]
    return emit("BatchNormalization", data, *weights, epsilon=layer.attrs.number("eps"))


def _stored(layer: Layer, channels: int) -> tuple[int, ...]:
    """The shape of the blobs: [1, C, 1, 1] in both forks, [C] in files that other programs wrote."""
    found = {weight.shape for weight in layer.weights.values()}
    return (channels,) if found == {(channels,)} else (1, channels, 1, 1)


def _learning(data: np.ndarray) -> np.ndarray:
    flat = data.transpose(0, 2, 3, 1).reshape(-1, data.shape[1])
    mean, spread = flat.mean(0), np.sqrt((flat**2).mean(0) - flat.mean(0) ** 2)
    normal: np.ndarray = (data - mean[:, None, None]) / spread[:, None, None]
    return normal


def _frozen(inputs: Sequence[np.ndarray], weights: Sequence[np.ndarray]) -> np.ndarray:
    scale, shift, mean, variance = weights
    normal: np.ndarray = (inputs[0] - mean) / np.sqrt(variance + 0.01) * scale + shift
    return normal


SAMPLES = (
    Sample(
        "PSPNet",
        "bn_param { frozen: true eps: 0.01 }",
        ((2, 3, 4, 5),),
        ((1, 3, 1, 1),) * 4,
        positive=(3,),
        formula=_frozen,
        judge=FORMULA,
    ),
    Sample(
        "icnet",
        "bn_param { icnet: true frozen: true eps: 0.01 }",
        ((2, 3, 4, 5),),
        ((1, 3, 1, 1),) * 4,
        positive=(3,),
        formula=_frozen,
        judge=FORMULA,
    ),
    Sample(
        "statistics of the batch",
        "bn_param { bn_mode: LEARN }",
        ((2, 3, 4, 5),),
        ((1, 3, 1, 1),) * 2,
        formula=lambda x, w: _learning(x[0]) * w[0] + w[1],
        judge=FORMULA,
    ),
    Sample(
        "SegNet",
        "bn_param { bn_mode: INFERENCE }",
        ((2, 3, 4, 5),),
        ((1, 3, 1, 1),) * 2,
        formula=lambda x, w: x[0] * w[0] + w[1],
        judge=FORMULA,
    ),
)

READ = {"BN": Read(bn, neutral=("momentum", "frozen", "engine", "slope_filler", "bias_filler"), samples=SAMPLES)}
