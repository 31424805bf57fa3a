"""A layer's parameters as plain values, defaults filled in: which message belongs to which kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from converters.caffe import schema
from converters.caffe.foreign import Foreign
from converters.caffe.prototxt import RawLayer
from converters.hub.attributes import Attributes

_MESSAGES_OF = {
    "ArgMax": ("argmax_param",),
    "CReLU": ("crelu_param",),
    "ConvolutionDepthwise": ("convolution_param",),
    "Deconvolution": ("convolution_param",),
    "DepthwiseConvolution": ("convolution_param",),
    "HDF5Data": ("hdf5_data_param",),
    "HardSigmoid": ("hard_sigmoid_param", "hardsigmoid_param"),
    "Im2col": ("convolution_param",),
    "LSTM": ("recurrent_param",),
    "Normalize": ("norm_param",),
    "PReLU": ("prelu_param",),
    "PixelShuffle": ("pixelshuffle_param",),
    "PriorBoxClustered": ("prior_box_param",),
    "RNN": ("recurrent_param",),
    "ReLU": ("relu_param",),
    "ReLU6": ("relu6_param",),
    "SeLU": ("selu_param",),
    "SeLu": ("selu_param",),
    "SeLuDropout": ("selu_dropout_param",),
    "TanH": ("tanh_param",),
}
"""Kinds whose messages are not called after them; forks may know one under two names."""

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def message_fields(kind: str) -> tuple[str, ...]:
    """The fields of LayerParameter that may hold a kind's parameters: InnerProduct -> inner_product_param."""
    return _MESSAGES_OF.get(kind) or (_WORD.sub("_", kind).lower() + "_param",)


HARMLESS = frozenset({
    "backward_math", "backward_type", "blobs_lr", "debug", "engine", "forward_math", "forward_type", "freeze",
    "weight_decay",
})  # fmt: skip
"""Fields of a layer itself that forks add and that change no formula: how fast, how precise, how it learns."""


def attributes(raw: RawLayer, dialect: str | None = None) -> Attributes:
    """All fields of the kind's message by name; repeated fields are tuples, messages dicts, enumerations names.

    A message of another kind on the same layer is left out, as Caffe leaves it unread. What the schema lacks of the
    kind's own message or of the layer itself comes as text under its name and line, for nobody reads it: the layer
    is refused. `dialect` is there under that name, unset.
    """
    own, _ = _sorted_foreign(raw)
    strangers: dict[str, object] = {f"{entry.name} (line {entry.line})": entry.value for entry in own}
    extra = {**strangers, "dialect": dialect}
    known = raw.message.DESCRIPTOR.fields_by_name
    fields = [known[name] for name in message_fields(raw.kind) if name in known]
    if not fields:
        return Attributes(extra, frozenset(strangers))
    field = next((field for field in fields if raw.message.HasField(field.name)), fields[0])
    message = getattr(raw.message, field.name)
    explicit = frozenset(found.name for found, _ in message.ListFields())
    values = {known.name: _plain(message, known) for known in message.DESCRIPTOR.fields}
    return Attributes({**values, **extra}, explicit | strangers.keys())


def names(kind: str) -> tuple[str, ...]:
    """Every parameter of a kind's message, in the order of the schema."""
    known = schema.new("LayerParameter").DESCRIPTOR.fields_by_name
    messages = [known[name].message_type for name in message_fields(kind) if name in known]
    return tuple(dict.fromkeys(field.name for message in messages if message for field in message.fields))


def ignored(raw: RawLayer) -> Iterator[str]:
    """A line for each field of the layer that nobody knows and that its kind does not read."""
    _, others = _sorted_foreign(raw)
    for entry in others:
        field = ".".join(entry.path[1:])
        yield f"{raw.name} ({raw.kind}): {field} (line {entry.line}) is not known; the layer does not read it"


def _sorted_foreign(raw: RawLayer) -> tuple[list[Foreign], list[Foreign]]:
    """Unknown fields that may matter to the layer, and those that cannot: other kinds' messages, fillers, HARMLESS."""
    messages = message_fields(raw.kind)
    own: list[Foreign] = []
    others: list[Foreign] = []
    for entry in raw.foreign:
        first, *rest = entry.path[1:]
        mine = first in messages if rest or entry.value is None else first not in HARMLESS
        (own if mine else others).append(entry)
    return own, others


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
