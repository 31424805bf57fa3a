"""Caffe's messages as protobuf classes in a private descriptor pool: nothing is registered globally."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from converters.caffe import forkproto

_PACKAGE = "zoo_caffe"
_FIELD = re.compile(r"(\d+) (\w+|\{[\w=,]+\})(\*?) (\w+)(?:=(.*))?")
_Proto = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    name: getattr(_Proto, f"TYPE_{name.upper()}")
    for name in ("bool", "bytes", "double", "float", "int32", "int64", "string", "uint32", "uint64")
}


def new(name: str, fork: Path | None = None) -> Message:
    """An empty message; with `fork`, a .proto file, of a schema that has that file's fields too."""
    descriptor = _pool(fork).FindMessageTypeByName(f"{_PACKAGE}.{name}")
    return message_factory.GetMessageClass(descriptor)()


@cache
def _pool(fork: Path | None) -> descriptor_pool.DescriptorPool:
    table = _table()
    if fork is not None:
        known = {owner: frozenset(_name(line) for line in fields) for owner, fields in table.items()}
        for owner, fields in forkproto.lines(forkproto.read(fork), known).items():
            table.setdefault(owner, []).extend(fields)
    file = descriptor_pb2.FileDescriptorProto(name="zoo_caffe.proto", package=_PACKAGE, syntax="proto2")
    phase = file.enum_type.add(name="Phase")
    for number, name in enumerate(("TRAIN", "TEST")):
        phase.value.add(name=name, number=number)
    for owner, fields in table.items():
        message = file.message_type.add(name=owner)
        for line in fields:
            _add_field(message, line)
    made = descriptor_pool.DescriptorPool()
    made.Add(file)
    return made


def _table() -> dict[str, list[str]]:
    """caffe.schema: message -> the lines of its fields."""
    table: dict[str, list[str]] = {}
    fields: list[str] = []
    for line in resources.files("converters.caffe").joinpath("caffe.schema").read_text("utf-8").splitlines():
        if line.startswith("  "):
            fields.append(line.strip())
        elif line and not line.startswith("#"):
            fields = table.setdefault(line, [])
    return table


def _name(line: str) -> str:
    match = _FIELD.fullmatch(line)
    assert match is not None
    return match[4]


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
    numbers = [entry.partition("=")[2] for entry in body.strip("{}").split(",")]
    holder.options.allow_alias = len(set(numbers)) < len(numbers)
    for entry in body.strip("{}").split(","):
        label, _, number = entry.partition("=")
        holder.value.add(name=label, number=int(number))
    return name
