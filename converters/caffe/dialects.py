"""Forks that gave one name to two things: which of them a file means, when the caller says so."""

from __future__ import annotations

from collections.abc import Sequence

from converters.caffe.prototxt import RawLayer
from converters.diagnostic import Diagnostic

DIALECTS = {
    "bvlc": "BVLC Caffe 1.0: a layer of a fork is refused",
    "deeplab": "BN holds slope, bias, mean and variance, as PSPNet's, which grew out of it",
    "faceboxes": "PriorBox sets boxes of 32 and 64 closer, whether it says faceboxes: true or not",
    "pspnet": "BN holds slope, bias, mean and variance",
    "segnet": "BN holds scale and shift",
    "ssd": "SSD's own Caffe: a layer of another fork is refused",
}
"""Name -> what it decides. Without one, the number of blobs and the parameters of a layer decide.

The numbers that forks gave to their fields, often the same ones, decide nothing: settings are read from the prototxt,
where fields have names, and of a caffemodel only what all Caffes number alike: names, types and blobs.
"""

BVLC = frozenset({
    "AbsVal", "Accuracy", "ArgMax", "BatchNorm", "BatchReindex", "Bias", "BNLL", "Clip", "Concat", "ContrastiveLoss",
    "Convolution", "Crop", "Data", "Deconvolution", "Dropout", "DummyData", "Eltwise", "ELU", "Embed", "EuclideanLoss",
    "Exp", "Filter", "Flatten", "HDF5Data", "HDF5Output", "HingeLoss", "Im2col", "ImageData", "InfogainLoss",
    "InnerProduct", "Input", "Log", "LRN", "LSTM", "LSTMUnit", "MemoryData", "MultinomialLogisticLoss", "MVN",
    "Parameter", "Pooling", "Power", "PReLU", "Python", "Reduction", "ReLU", "Reshape", "RNN", "Scale", "Sigmoid",
    "SigmoidCrossEntropyLoss", "Silence", "Slice", "Softmax", "SoftmaxWithLoss", "Split", "SPP", "Swish", "TanH",
    "Threshold", "Tile", "WindowData",
})  # fmt: skip
"""The layer types of BVLC/caffe's master branch."""

SSD = BVLC | {
    "AnnotatedData",
    "DetectionEvaluate",
    "DetectionOutput",
    "MultiBoxLoss",
    "Normalize",
    "Permute",
    "PriorBox",
    "ReLU6",
    "SmoothL1Loss",
    "VideoData",
}
"""Those of SSD's branch, and the ReLU6 that its descendants share and that `--dialect ssd` writes."""  # fmt: skip

_KNOWN = {"bvlc": BVLC, "ssd": SSD}
_CALLED = {"bvlc": "BVLC Caffe", "ssd": "SSD's Caffe"}


def check(dialect: str | None, layers: Sequence[RawLayer]) -> None:
    """Refuse an unknown dialect, and under `bvlc` and `ssd` the layers of other forks, all at once."""
    if dialect is None:
        return
    if dialect not in DIALECTS:
        told = [f"{name}: {what}" for name, what in DIALECTS.items()]
        raise Diagnostic("unknown-dialect", f"there is no dialect {dialect} of Caffe", details=told)
    known = _KNOWN.get(dialect)
    strange = [layer for layer in layers if layer.kind not in known] if known is not None else []
    if strange:
        raise Diagnostic(
            "fork-layers",
            f"{_CALLED[dialect]} has no layers of {len({layer.kind for layer in strange})} kinds that it uses",
            where=strange[0].where,
            details=[str(layer.where) for layer in strange[:100]],
            hint=f"leave out --dialect {dialect}",
        )
