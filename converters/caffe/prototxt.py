"""prototxt text -> a NetParameter of today's generation, with the line of each layer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from converters.binary import opened, unreadable
from converters.caffe import schema, upgrade
from converters.caffe.places import layer_lines
from converters.diagnostic import Diagnostic, Where

MAX_BYTES = 256 << 20  # a prototxt is text that a person wrote or a script generated; nobody has one of this size


@dataclass(frozen=True, slots=True)
class RawLayer:
    """A layer as the file has it: `message` is a LayerParameter of today's generation."""

    name: str
    kind: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: Any
    where: Where


@dataclass(frozen=True, slots=True)
class Prototxt:
    """A parsed network definition."""

    file: str
    net: Any
    layers: tuple[RawLayer, ...]


def read(path: Path) -> Prototxt:
    """Parse a prototxt; syntax errors and unknown fields are refused with line and column."""
    return parse(_text(path), str(path))


def parse(text: str, file: str) -> Prototxt:
    """Parse the text of a prototxt that is called `file` in messages."""
    net: Any = schema.new("NetParameter")
    try:
        text_format.Parse(text, net)
    except text_format.ParseError as fault:
        raise _syntax_error(fault, file) from fault
    except RecursionError as fault:
        raise Diagnostic("prototxt-syntax", "blocks are nested too deeply", where=Where(file=file)) from fault
    return Prototxt(file, net, _layers(text, net, file))


def _layers(text: str, net: Any, file: str) -> tuple[RawLayer, ...]:
    old, new = len(net.layers), len(net.layer)
    if old and new:
        raise Diagnostic(
            "mixed-generations",
            f"holds {old} blocks `layers` of the old generation and {new} blocks `layer` of the new one; "
            "Caffe would drop one of them",
            where=Where(file=file, line=layer_lines(text, "layers")[0]),
        )
    lines = layer_lines(text, "layers" if old else "layer")
    if old:
        messages = [upgrade.from_v1(message, file, line) for message, line in zip(net.layers, lines, strict=True)]
    else:
        messages = list(net.layer)
    return tuple(_raw(message, file, line) for message, line in zip(messages, lines, strict=True))


def _raw(message: Any, file: str, line: int) -> RawLayer:
    where = Where(file=file, line=line, layer=f'"{message.name}" ({message.type})')
    return RawLayer(message.name, message.type, tuple(message.bottom), tuple(message.top), message, where)


def _text(path: Path) -> str:
    try:
        with opened(path):
            size = path.stat().st_size
            if size > MAX_BYTES:
                raise Diagnostic("not-a-prototxt", f"{size:,} bytes are no prototxt", where=Where(file=str(path)))
            raw = path.read_bytes()
    except OSError as fault:
        raise unreadable(path, fault) from fault
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")  # names in another encoding stay distinct, and the caffemodel's match them


def _syntax_error(fault: text_format.ParseError, file: str) -> Diagnostic:
    line, column = fault.GetLine(), fault.GetColumn()
    message = str(fault)
    if line is not None:
        message = message.removeprefix(f"{line}:{column} :").strip()
    message = message.replace("zoo_caffe.", "")
    hint = (
        "a field of a fork of Caffe? remove it if it means nothing at inference"
        if "no field named" in message
        else None
    )
    return Diagnostic("prototxt-syntax", message, where=Where(file=file, line=line, column=column), hint=hint)
