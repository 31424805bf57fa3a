"""V1 layers -> today's layers, as Caffe's own upgrade_proto.cpp does it (UpgradeV1LayerParameter)."""

from __future__ import annotations

from typing import Any

from converters.diagnostic import Diagnostic, Where

KINDS = {
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "CROP": "Crop",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "WINDOW_DATA": "WindowData",
}

_TRAINING = {"param", "blob_share_mode", "blobs_lr", "weight_decay", "layer", "type", "blobs"}


def from_v1(net: Any, old: Any, file: str, line: int) -> Any:
    """A LayerParameter that says what the V1LayerParameter `old` of `net` says."""
    where = Where(file=file, line=line, layer=f'"{old.name}"')
    label = old.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[old.type].name
    if label not in KINDS:
        raise Diagnostic("v1-type", f"has the type {label}, which Caffe cannot upgrade either", where=where)
    new = type(net)().layer.add()
    new.type = KINDS[label]
    for field, value in old.ListFields():
        if field.name in _TRAINING:
            continue
        if field.is_repeated:
            getattr(new, field.name).extend(value)
        elif field.message_type is not None:
            getattr(new, field.name).CopyFrom(value)
        else:
            setattr(new, field.name, value)
    for name in old.param:
        new.param.add(name=name)
    return new
