"""Mistakes in the Torch7 reader that show where no Lua Torch is: at the outputs that the real one recorded once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch7_goldens

import converters
from converters.diagnostic import Diagnostic
from converters.torch7.ops import activations, constants, convolution, linear, norm, padding, pooling, softmax, tables
from planting.conversions import torch7
from planting.conversions.caffe import flipped
from planting.conversions.mistake import instead, misread, weighed


@dataclass(frozen=True)
class Recorded:
    """A wrong rule, and a case of the goldens that shows it."""

    name: str
    case: str
    planted: Callable[[], Any]

    def differs(self, *, plant: bool = True) -> bool:
        """Whether the conversion computes other outputs than Torch recorded; what is refused differs, too."""
        (case,) = (one for one in torch7_goldens.cases("model") if one.name == self.case)
        with tempfile.TemporaryDirectory() as place, self.planted() if plant else nullcontext():
            out = Path(place) / "model.onnx"
            try:
                converters.convert([case.path], "onnx", out, options=case.options())
                mine = _ran(out, case.inputs())
            except (Diagnostic, onnxruntime.capi.onnxruntime_pybind11_state.Fail):
                return True
        theirs = case.outputs()
        return len(mine) != len(theirs) or not all(map(torch7_goldens.agrees, mine, theirs))


def _ran(path: Path, fed: dict[str, np.ndarray]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, fed)


def there() -> Iterator[Recorded]:
    """Those whose goldens lie in the shared folder."""
    names = {case.name for case in torch7_goldens.cases("model")}
    return (one for one in RECORDED if one.case in names)


RECORDED = (
    Recorded("SpatialConvolution's bias is dropped", "conv_stridepad",
             weighed(convolution, "nn.SpatialConvolution", bias=np.zeros_like)),
    Recorded("SpatialConvolution's kernels are flipped", "conv",
             weighed(convolution, "nn.SpatialConvolution", weight=flipped)),
    Recorded("padW and padH are exchanged", "conv_stridepad", instead(convolution, "window", torch7.crossed)),
    Recorded("SpatialFullConvolution's kernels are flipped", "fullconv_nobias",
             weighed(convolution, "nn.SpatialFullConvolution", weight=flipped)),
    Recorded("SpatialFullConvolution's adjW is ignored", "fullconv_adj",
             misread(convolution, "nn.SpatialFullConvolution", adjW=0)),
    Recorded("SpatialBatchNormalization's eps is 1e-3", "spatialbn",
             misread(norm, "nn.SpatialBatchNormalization", eps=1e-3)),
    Recorded("running_std of old files is taken for a variance", "legacy_bn_v1",
             instead(norm, "_variance", torch7.kept)),
    Recorded("LRN's alpha is not divided by n", "lrn_wide",
             misread(norm, "nn.SpatialCrossMapLRN", alpha=torch7.times_size)),
    Recorded("LRN's k is 2 by default", "lrn_size3_default_k", misread(norm, "nn.SpatialCrossMapLRN", k=2)),
    Recorded("ceil_mode is ignored", "maxpool_ceil", misread(pooling, "nn.SpatialMaxPooling", ceil_mode=False)),
    Recorded("count_include_pad is ignored", "avgpool_floor_exc",
             misread(pooling, "nn.SpatialAveragePooling", count_include_pad=True)),
    Recorded("count_include_pad is off by default", "avgpool_floor_inc",
             misread(pooling, "nn.SpatialAveragePooling", count_include_pad=False)),
    Recorded("an average without `divide` is divided", "avgpool_nodivide",
             misread(pooling, "nn.SpatialAveragePooling", divide=True)),
    Recorded("PReLU has one slope", "prelu_channel",
             weighed(activations, "nn.PReLU", weight=lambda array: np.full_like(array, array.flat[0]))),
    Recorded("Concat's dimension counts from 0", "concat_spatial", misread(tables, "nn.Concat", dimension=3)),
    Recorded("JoinTable's nInputDims is ignored", "jointable_ndims", misread(tables, "nn.JoinTable", nInputDims=0)),
    Recorded("SpatialZeroPadding's left and right are exchanged", "zeropad",
             misread(padding, "nn.SpatialZeroPadding", pad_l=lambda layer: layer.attrs.integer("pad_r"),
                     pad_r=lambda layer: layer.attrs.integer("pad_l"))),
    Recorded("Linear's bias is dropped", "linear", weighed(linear, "nn.Linear", bias=np.zeros_like)),
    Recorded("Linear's weight is transposed", "linear",
             weighed(linear, "nn.Linear", weight=lambda array: array.T.reshape(array.shape))),
    Recorded("Dropout of old files does not scale", "legacy_dropout", misread(constants, "nn.Dropout", v2=True)),
    Recorded("LogSoftMax is read as SoftMax", "logsoftmax_2d",
             torch7.read_as("nn.LogSoftMax", "nn.SoftMax", softmax)),
    Recorded("LeakyReLU's slope is 0.01", "leakyrelu", misread(activations, "nn.LeakyReLU", negval=0.01)),
)  # fmt: skip
