"""A layer's parameters as plain values, defaults filled in: which message belongs to which kind."""

from __future__ import annotations

import re
from typing import Any

from converters.caffe.prototxt import RawLayer
from converters.hub.attributes import Attributes

_MESSAGE_OF = {
    "ArgMax": "argmax_param",
    "Deconvolution": "convolution_param",
    "HDF5Data": "hdf5_data_param",
    "Im2col": "convolution_param",
    "LSTM": "recurrent_param",
    "Normalize": "norm_param",
    "RNN": "recurrent_param",
    "PReLU": "prelu_param",
    "ReLU": "relu_param",
    "TanH": "tanh_param",
}
"""Kinds whose message is not called after them."""

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def message_field(kind: str) -> str:
    """The field of LayerParameter that holds a kind's parameters: InnerProduct -> inner_product_param."""
    return _MESSAGE_OF.get(kind) or _WORD.sub("_", kind).lower() + "_param"


def attributes(raw: RawLayer) -> Attributes:
    """All fields of the kind's message by name; repeated fields are tuples, messages dicts, enumerations names.

    A message of another kind on the same layer is left out, as Caffe leaves it unread.
    """
    field = raw.message.DESCRIPTOR.fields_by_name.get(message_field(raw.kind))
    if field is None:
        return Attributes({})
    message = getattr(raw.message, field.name)
    explicit = frozenset(found.name for found, _ in message.ListFields())
    values = {known.name: _plain(message, known) for known in message.DESCRIPTOR.fields}
    return Attributes(values, explicit)


def _plain(message: Any, field: Any) -> object:
    value = getattr(message, field.name)
    if field.is_repeated:
        return tuple(_item(item, field) for item in value)
    if field.message_type is not None and not message.HasField(field.name):
        return None
    if not field.has_default_value and field.message_type is None and not message.HasField(field.name):
        return None
    return _item(value, field)


def _item(value: Any, field: Any) -> object:
    if field.message_type is not None:
        return {found.name: _plain(value, found) for found in value.DESCRIPTOR.fields}
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return value


def blob_shape(message: Any) -> tuple[int, ...]:
    """The dimensions of a BlobShape."""
    return tuple(int(dim) for dim in message.dim)
