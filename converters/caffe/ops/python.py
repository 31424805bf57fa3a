"""Python layers whose code is published under a name that says what they do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from converters.caffe.ops.proposal import PYTHON_SAMPLES, proposal_of_python
from converters.caffe.ops.rearrangements import darknet_order, reorganised
from converters.hub.emit import Emit
from converters.hub.layer import Layer
from converters.hub.optable import FORMULA, Read, Sample

Known = Callable[[Layer, Emit], ir.Value | Sequence[ir.Value]]


def python(layer: Layer, emit: Emit) -> ir.Value | Sequence[ir.Value]:
    """Reads py-faster-rcnn's proposals, darknet's reorg, PadTensor and ENet's dropout, by module and layer name.

    The others are refused: their code is not in the file.
    """
    name = f"{layer.attrs.text('module')}.{layer.attrs.text('layer')}"
    if name not in KNOWN:
        emit.refuse(
            f"is code in Python ({name}), which is not in the file",
            f"--cut-at {','.join(layer.inputs)} converts all before it",
        )
    return KNOWN[name](layer, emit)


def _darknet_reorg(_layer: Layer, emit: Emit) -> ir.Value:
    """Synopsys' yolov2.py: its stride is 2."""
    return reorganised(emit, 2)


def _spatial_dropout(layer: Layer, emit: Emit) -> ir.Value:
    """ENet's spatial_dropout.py: its phase is in its param_str; at inference it multiplies by 1 / (1 - p)."""
    text = layer.attrs.text("param_str")
    phase = re.search(r"phase['\"]?\s*:\s*['\"](\w+)", text)
    share = re.search(r"['\"]p['\"]\s*:\s*['\"]?(0?\.\d+)", text)
    if phase is None or share is None or phase[1] == "TRAIN":
        emit.refuse(f"its param_str {text!r} drops at random", "write 'phase': 'TEST' there")
    return emit("Mul", emit.inputs[0], emit.constant(np.float32(1 / (1 - float(share[1]))), "scale"))


def _pad_tensor(layer: Layer, emit: Emit) -> ir.Value:
    """Synopsys' pad.py: numpy.pad of height and width with a mode of numpy's."""
    text = layer.attrs.text("param_str")
    sides = [re.search(rf"pad_{side}['\"]?\s*:\s*['\"]?(\d+)", text) for side in "tlbr"]
    mode = re.search(r"pad_mode['\"]?\s*:\s*['\"](\w+)", text)
    if mode is None or mode[1] not in ("constant", "edge", "reflect") or None in sides:
        emit.refuse(f"its param_str {text!r} does not say pad_t, pad_b, pad_l, pad_r and a pad_mode of ONNX's")
    top, left, bottom, right = (int(side[1]) for side in sides if side)
    ends = emit.constant([0, 0, top, left, 0, 0, bottom, right], "pads")
    return emit("Pad", emit.inputs[0], ends, mode=mode[1])


KNOWN: dict[str, Known] = {
    "rpn.proposal_layer.ProposalLayer": proposal_of_python,
    "yolov2.darknet_reorg": _darknet_reorg,
    "pad.PadTensor": _pad_tensor,
    "spatial_dropout.SpatialDropoutLayer": _spatial_dropout,
}
"""Module and layer -> what reads it."""

_DROPOUT = "{'phase': 'TEST', 'p': '0.1'}"
_PAD = "{'pad_t': 1, 'pad_b': 2, 'pad_l': 0, 'pad_r': 3, 'pad_mode': 'constant'}"

READ = {
    "Python": Read(
        python,
        neutral=("share_in_parallel",),
        samples=(
            *PYTHON_SAMPLES,
            Sample(
                "darknet's reorg",
                "python_param { module: 'yolov2' layer: 'darknet_reorg' }",
                ((2, 8, 4, 6),),
                formula=lambda x, _: darknet_order(x[0], 2),
                judge=FORMULA,
            ),
            Sample(
                "PadTensor",
                f'python_param {{ module: "pad" layer: "PadTensor" param_str: "{_PAD}" }}',
                ((2, 3, 4, 5),),
                formula=lambda x, _: np.pad(x[0], ((0, 0), (0, 0), (1, 2), (0, 3))),
                judge=FORMULA,
            ),
            Sample(
                "ENet's dropout scales at inference",
                f'python_param {{ module: "spatial_dropout" layer: "SpatialDropoutLayer" param_str: "{_DROPOUT}" }}',
                ((2, 3, 4, 5),),
                formula=lambda x, _: x[0] / 0.9,
                judge=FORMULA,
            ),
        ),
    ),
}
