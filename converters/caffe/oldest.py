"""V0 nets (2013): a layer's parameters lie flat in a nested message, and padding is a layer of its own.

upgrade_proto.cpp (UpgradeV0Net, UpgradeV0PaddingLayers) says where each field goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.diagnostic import Diagnostic, Where

KINDS = {
    "accuracy": "Accuracy",
    "bnll": "BNLL",
    "concat": "Concat",
    "conv": "Convolution",
    "data": "Data",
    "dropout": "Dropout",
    "euclidean_loss": "EuclideanLoss",
    "flatten": "Flatten",
    "hdf5_data": "HDF5Data",
    "hdf5_output": "HDF5Output",
    "im2col": "Im2col",
    "images": "ImageData",
    "infogain_loss": "InfogainLoss",
    "innerproduct": "InnerProduct",
    "lrn": "LRN",
    "memory_data": "MemoryData",
    "multinomial_logistic_loss": "MultinomialLogisticLoss",
    "pool": "Pooling",
    "relu": "ReLU",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "softmax_loss": "SoftmaxWithLoss",
    "split": "Split",
    "tanh": "TanH",
    "window_data": "WindowData",
}

_LEARNED = {
    "num_output": "num_output",
    "biasterm": "bias_term",
    "weight_filler": "weight_filler",
    "bias_filler": "bias_filler",
}
_WINDOW = {"pad": "pad", "kernelsize": "kernel_size", "stride": "stride"}
_FEED = {"source": "source", "batchsize": "batch_size"}
_FIELDS: dict[str, tuple[str, dict[str, str]]] = {
    "conv": ("convolution_param", {**_LEARNED, **_WINDOW, "group": "group"}),
    "im2col": ("convolution_param", _WINDOW),
    "innerproduct": ("inner_product_param", _LEARNED),
    "pool": ("pooling_param", {**_WINDOW, "pool": "pool"}),
    "dropout": ("dropout_param", {"dropout_ratio": "dropout_ratio"}),
    "lrn": ("lrn_param", {name: name for name in ("local_size", "alpha", "beta", "k")}),
    "concat": ("concat_param", {"concat_dim": "concat_dim"}),
    "data": ("data_param", {**_FEED, "rand_skip": "rand_skip"}),
    "hdf5_data": ("hdf5_data_param", _FEED),
    "images": (
        "image_data_param",
        {
            **_FEED,
            "rand_skip": "rand_skip",
            "shuffle_images": "shuffle",
            "new_height": "new_height",
            "new_width": "new_width",
        },
    ),
    "window_data": ("window_data_param", _FEED),
    "infogain_loss": ("infogain_loss_param", {"source": "source"}),
}
"""Type -> the message of today and where each old field goes in it."""

_FEEDS_ONLY = frozenset({
    "scale", "meanfile", "cropsize", "mirror", "det_fg_threshold", "det_bg_threshold", "det_fg_fraction",
    "det_context_pad", "det_crop_mode", "new_num", "new_channels", "new_height", "new_width", "shuffle_images",
    "rand_skip", "hdf5_output_param", "source", "batchsize",
})  # fmt: skip
"""What only data layers read: how they feed is the caller's business."""
_NEUTRAL = frozenset({"name", "type", "blobs_lr", "weight_decay", "blobs"}) | _FEEDS_ONLY


def upgrade(net: Any, lines: Sequence[int], file: str) -> list[tuple[int, Any]]:
    """The layers of a net as today's messages with their numbers; padding layers go into the layers that read them."""
    made: list[tuple[int, Any]] = []
    paddings: dict[str, Any] = {}
    today = type(net)()
    for number, (connection, line) in enumerate(zip(net.layers, lines, strict=True)):
        old = connection.layer
        where = Where(file=file, line=line, layer=f'"{old.name}" ({old.type})')
        if not connection.HasField("layer"):
            raise Diagnostic(
                "mixed-generations", "is no layer of Caffe's first generation (V0), as the others are", where=where
            )
        if old.type == "padding":
            paddings[connection.top[0] if connection.top else ""] = connection
            continue
        made.append((number, _upgraded(today.layer.add(), connection, paddings, where)))
    return made


def _upgraded(new: Any, connection: Any, paddings: dict[str, Any], where: Where) -> Any:
    old = connection.layer
    if old.type not in KINDS:
        raise Diagnostic("v0-type", f"has the type {old.type}, which Caffe cannot upgrade either", where=where)
    new.name, new.type = old.name, KINDS[old.type]
    new.bottom.extend(connection.bottom)
    new.top.extend(connection.top)
    field, places = _FIELDS.get(old.type, ("", {}))
    for found, value in old.ListFields():
        if found.name in places:
            _set(getattr(new, field), places[found.name], value)
        elif found.name not in _NEUTRAL:
            raise Diagnostic(
                "v0-field",
                f"sets {found.name}, which a layer of this type cannot have; Caffe refuses it too",
                where=where,
            )
    _pad(new, old, paddings, where)
    return new


def _set(message: Any, name: str, value: Any) -> None:
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.is_repeated:
        getattr(message, name).append(value)
    elif field.message_type is not None:
        getattr(message, name).CopyFrom(value)
    else:
        setattr(message, name, value)


def _pad(new: Any, old: Any, paddings: dict[str, Any], where: Where) -> None:
    """Take over what a padding layer in front adds; only convolutions and poolings of one bottom can."""
    padding = next((paddings[bottom] for bottom in new.bottom if bottom in paddings), None)
    if padding is None:
        return
    if old.type not in ("conv", "pool") or len(new.bottom) != 1 or len(padding.bottom) != 1:
        raise Diagnostic(
            "v0-padding", "reads a padding layer, which only conv and pool can; Caffe refuses it too", where=where
        )
    message = getattr(new, _FIELDS[old.type][0])
    if old.type == "conv":
        del message.pad[:]
    _set(message, "pad", padding.layer.pad)
    new.bottom[0] = padding.bottom[0]
