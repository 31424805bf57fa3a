"""Layers of forks that have no exact ONNX form: named, with the reason and what to do instead."""

from __future__ import annotations

from collections.abc import Callable

import onnx_ir as ir

from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import Read

_POSE = "a script after the network does this work in every program that uses such models"
_YOLO = "decodes and thins out boxes by rules that each fork has for itself"

REASONS = {
    "DenseCRF": "is an iterative solver over all pairs of pixels",
    "MultiStageMeanfield": "is an iterative solver over all pairs of pixels",
    "ImResize": f"is OpenPose's enlargement of heat maps; {_POSE}",
    "Nms": f"is OpenPose's search for peaks; {_POSE}",
    "Region": _YOLO,
    "RegionOutput": _YOLO,
    "DeformableConvolution": "reads between pixels by rules in which its published sources differ",
    "CTCGreedyDecoder": "decodes a sequence; a script after the network does it",
    "ICNetSubgraph": "hides a part of the network in a file of its own",
}
"""Kind -> why it is refused."""


def _refusal(reason: str) -> Callable[[Layer, Emit], ir.Value]:
    def refused(layer: Layer, emit: Emit) -> ir.Value:
        return emit.refuse(
            f"{reason}; it has no exact ONNX form", f"--cut-at {','.join(layer.inputs)} converts all before it"
        )

    return refused


READ = {kind: Read(_refusal(reason)) for kind, reason in REASONS.items()}
