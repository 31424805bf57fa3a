"""prototxt text -> a NetParameter of today's generation, with the line of each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from converters.binary import opened, unreadable
from converters.caffe import foreign, oldest, schema, upgrade
from converters.caffe.foreign import Foreign
from converters.caffe.places import layer_lines
from converters.diagnostic import Diagnostic, Where

MAX_BYTES = 256 << 20  # a prototxt is text that a person wrote or a script generated; nobody has one of this size
_SOLVER = frozenset(
    {"base_lr", "lr_policy", "max_iter", "solver_mode", "test_iter", "test_interval", "snapshot_prefix"}
)


@dataclass(frozen=True, slots=True)
class RawLayer:
    """A layer as the file has it: `message` is today's LayerParameter, `foreign` what it cannot hold."""

    name: str
    kind: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: Any
    where: Where
    foreign: tuple[Foreign, ...] = ()


@dataclass(frozen=True, slots=True)
class Prototxt:
    """A parsed network definition."""

    file: str
    net: Any
    layers: tuple[RawLayer, ...]
    notes: tuple[str, ...] = ()


def read(path: Path, fork: Path | None = None) -> Prototxt:
    """Parse a prototxt; syntax errors are refused with line and column. `fork`: the .proto file of a fork of Caffe."""
    return parse(_text(path), str(path), fork)


def parse(text: str, file: str, fork: Path | None = None) -> Prototxt:
    """Parse the text of a prototxt that is called `file` in messages.

    Fields that the schema lacks are kept with the layer (`RawLayer.foreign`) or, at the top, noted: a block there is
    refused, because it may be a misspelt layer.
    """
    net: Any = schema.new("NetParameter", fork)
    found: list[Foreign] = []
    try:
        try:
            text_format.Parse(text, net)
        except text_format.ParseError as fault:
            if "no field named" not in str(fault):
                raise
            net.Clear()
            found = foreign.find(text, net.DESCRIPTOR)
            text_format.Parse(text, net, allow_unknown_field=True)
    except text_format.ParseError as fault:
        raise _syntax_error(fault, file) from fault
    except RecursionError as fault:
        raise Diagnostic("prototxt-syntax", "blocks are nested too deeply", where=Where(file=file)) from fault
    top = [entry for entry in found if len(entry.path) == 1]
    _known_at_the_top(top, file)
    below = [entry for entry in found if len(entry.path) > 1]
    notes = tuple(f"{entry} is not known and says nothing about the layers" for entry in top)
    return Prototxt(file, net, _layers(text, net, file, below), notes)


def _known_at_the_top(found: Sequence[Foreign], file: str) -> None:
    """Refuse what cannot be a net: a solver's or an optimizer's file, and blocks of unknown names."""
    names = {entry.name for entry in found}
    if names & _SOLVER:
        raise Diagnostic(
            "solver-prototxt",
            f"is the prototxt of a solver ({', '.join(sorted(names & _SOLVER))}); it names the network's own in `net`",
            where=Where(file=file),
        )
    block = next((entry for entry in found if entry.value is None), None)
    if block is not None:
        raise Diagnostic(
            "prototxt-syntax",
            f'a block "{block.name}" means nothing at the top of a network',
            where=Where(file=file, line=block.line, column=block.column),
            hint="a misspelt `layer`? or a field of a fork: give its schema with --proto caffe.proto",
        )


def _layers(text: str, net: Any, file: str, found: Sequence[Foreign]) -> tuple[RawLayer, ...]:
    old, new = len(net.layers), len(net.layer)
    if old and new:
        raise Diagnostic(
            "mixed-generations",
            f"holds {old} blocks `layers` of the old generation and {new} blocks `layer` of the new one; "
            "Caffe would drop one of them",
            where=Where(file=file, line=layer_lines(text, "layers")[0]),
        )
    lines = layer_lines(text, "layers" if old else "layer")
    strangers: dict[int, list[Foreign]] = {}
    for entry in found:
        strangers.setdefault(entry.block, []).append(entry)
    if any(message.HasField("layer") for message in net.layers):
        pairs = oldest.upgrade(net, lines, file)
    elif old:
        pairs = [
            (number, upgrade.from_v1(net, message, file, line))
            for number, (message, line) in enumerate(zip(net.layers, lines, strict=True))
        ]
    else:
        pairs = list(enumerate(net.layer))
    return tuple(_raw(message, file, lines[number], strangers.get(number, ())) for number, message in pairs)


def _raw(message: Any, file: str, line: int, strangers: Sequence[Foreign]) -> RawLayer:
    where = Where(file=file, line=line, layer=f'"{message.name}" ({message.type})')
    bottoms, tops = tuple(message.bottom), tuple(message.top)
    return RawLayer(message.name, message.type, bottoms, tops, message, where, tuple(strangers))


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
    return Diagnostic("prototxt-syntax", message, where=Where(file=file, line=line, column=column))
