"""Caffe's messages as protobuf classes in a private descriptor pool: nothing is registered globally."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

_PACKAGE = "zoo_caffe"
_FIELD = re.compile(r"(\d+) (\w+|\{[\w=,]+\})(\*?) (\w+)(?:=(.*))?")
_Proto = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    name: getattr(_Proto, f"TYPE_{name.upper()}")
    for name in ("bool", "bytes", "double", "float", "int32", "int64", "string", "uint32", "uint64")
}


@cache
def message(name: str) -> type[Message]:
    """The class of one message, for example `NetParameter`."""
    descriptor = _pool().FindMessageTypeByName(f"{_PACKAGE}.{name}")
    return message_factory.GetMessageClass(descriptor)


def new(name: str) -> Message:
    """An empty message."""
    return message(name)()


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="zoo_caffe.proto", package=_PACKAGE, syntax="proto2")
    phase = file.enum_type.add(name="Phase")
    for number, name in enumerate(("TRAIN", "TEST")):
        phase.value.add(name=name, number=number)
    table = resources.files("converters.caffe").joinpath("caffe.schema").read_text("utf-8")
    current = None
    for line in table.splitlines():
        if line.startswith("  "):
            assert current is not None
            _add_field(current, line.strip())
        elif line and not line.startswith("#"):
            current = file.message_type.add(name=line)
    made = descriptor_pool.DescriptorPool()
    made.Add(file)
    return made


def _add_field(owner: descriptor_pb2.DescriptorProto, line: str) -> None:
    match = _FIELD.fullmatch(line)
    if match is None:
        raise ValueError(f"caffe.schema: {owner.name}: cannot read {line!r}")
    number, kind, star, name, default = match.groups()
    label = _Proto.LABEL_REPEATED if star else _Proto.LABEL_OPTIONAL
    field = owner.field.add(name=name, number=int(number), label=label)
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    elif kind == "Phase":
        field.type, field.type_name = _Proto.TYPE_ENUM, f".{_PACKAGE}.Phase"
    elif kind.startswith("{"):
        field.type, field.type_name = _Proto.TYPE_ENUM, f".{_PACKAGE}.{owner.name}.{_add_enum(owner, name, kind)}"
    else:
        field.type, field.type_name = _Proto.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    if default is not None:
        field.default_value = default


def _add_enum(owner: descriptor_pb2.DescriptorProto, field: str, body: str) -> str:
    """An enumeration for one field; its values are looked up by text format within the field, so none collide."""
    name = f"{field}_values"
    holder = owner.enum_type.add(name=name)
    for entry in body.strip("{}").split(","):
        label, _, number = entry.partition("=")
        holder.value.add(name=label, number=int(number))
    return name
