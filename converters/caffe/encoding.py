"""A SourceGraph of Caffe layers -> prototxt and caffemodel, both or none, the weights in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from converters import wire
from converters.caffe.printing import text
from converters.diagnostic import Diagnostic, OutputFault, Where
from converters.hub.attributes import Attributes
from converters.hub.layer import Layer, SourceGraph
from converters.outputs import together
from converters.weights import Weight, cast, nbytes

# Field numbers of NetParameter, LayerParameter, BlobProto and BlobShape.
_NET_NAME, _NET_LAYER = 1, 100
_NAME, _TYPE, _BOTTOM, _TOP, _BLOBS = 1, 2, 3, 4, 7
_DATA, _SHAPE, _DIM = 5, 7, 1
MAX_BYTES = (1 << 31) - 1
"""Protobuf reads no larger message, so no Caffe loads a larger file."""


def encode(graph: SourceGraph, out: Path) -> dict[str, str]:
    """Write `<out>/<out>.prototxt` and `.caffemodel` (or beside it, where `out` ends so); file name -> sha256."""
    stem, folder = (out.stem, out.parent) if out.suffix in (".prototxt", ".caffemodel") else (out.name, out)
    if folder.exists() and not folder.is_dir():
        raise OutputFault("unwritable", "is a file; Caffe's two files go into a folder", where=Where(file=str(folder)))
    whole = finished(graph)
    messages = [_message(layer) for layer in whole.layers]
    head = _string(_NET_NAME, whole.name)
    size = len(head) + sum(message.framed_size for message in messages)
    if size > MAX_BYTES:
        raise Diagnostic("too-large", f"a caffemodel of {size:,} bytes is beyond the {MAX_BYTES:,} that Caffe reads")
    paths = folder / f"{stem}.prototxt", folder / f"{stem}.caffemodel"
    with together(*paths) as (prototxt, caffemodel):
        prototxt.write(text(whole).encode("utf-8"))
        caffemodel.write(head)
        for message in messages:
            for chunk in message.chunks():
                caffemodel.write(chunk)
        return {path.name: sink.digest() for path, sink in zip(paths, (prototxt, caffemodel), strict=True)}


def finished(graph: SourceGraph) -> SourceGraph:
    """The graph with exactly its outputs: Caffe's are the tops that no layer reads, neither more nor fewer.

    An output that is also read is handed out through a Split; a top that is neither goes into a Silence.
    """
    read = {name for layer in graph.layers for name in layer.inputs}
    layers = list(graph.layers)
    names = {name for layer in layers for name in (layer.name, *layer.outputs)} | {port.name for port in graph.inputs}
    inner = {name: _free(f"{name}/inner", names) for name in graph.outputs if name in read}
    layers = [_renamed(layer, inner) for layer in layers]
    for name, source in inner.items():
        position = next(position for position, layer in enumerate(layers) if source in layer.outputs)
        layers.insert(position + 1, Layer("Split", _free(f"{name}/output", names), (source,), (name,)))
    made = [*(port.name for port in graph.inputs), *(name for layer in graph.layers for name in layer.outputs)]
    unread = tuple(name for name in made if name not in read and name not in graph.outputs)
    if unread:
        layers.append(Layer("Silence", _free("silence", names), unread, ()))
    ports = [
        Layer(
            "Input",
            _free(port.name, {layer.name for layer in layers}),
            (),
            (port.name,),
            Attributes({"shape": {"dim": port.shape}}),
        )
        for port in graph.inputs
    ]
    return replace(graph, layers=(*ports, *layers))


def _renamed(layer: Layer, names: dict[str, str]) -> Layer:
    inputs = tuple(names.get(name, name) for name in layer.inputs)
    outputs = tuple(names.get(name, name) for name in layer.outputs)
    return replace(layer, inputs=inputs, outputs=outputs)


def _free(name: str, taken: set[str]) -> str:
    candidate, number = name, 0
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate


class _Message:
    """One LayerParameter: what comes before its blobs, and the blobs, whose numbers are written from where they are."""

    def __init__(self, head: bytes, blobs: list[Weight]) -> None:
        self._head = head
        self._blobs = [(self._before(blob), blob) for blob in blobs]
        self.size = len(head) + sum(len(before) + nbytes(blob) for before, blob in self._blobs)

    @property
    def framed_size(self) -> int:
        """Bytes with tag and length."""
        return len(wire.header(_NET_LAYER, self.size)) + self.size

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The message's bytes in order."""
        yield wire.header(_NET_LAYER, self.size) + self._head
        for before, blob in self._blobs:
            yield before
            yield from blob.chunks()

    @staticmethod
    def _before(blob: Weight) -> bytes:
        dims = b"".join(map(wire.varint, blob.shape))
        shape = wire.header(_DIM, len(dims)) + dims
        front = wire.header(_SHAPE, len(shape)) + shape + wire.header(_DATA, nbytes(blob))
        return wire.header(_BLOBS, len(front) + nbytes(blob)) + front


def _message(layer: Layer) -> _Message:
    head = _string(_NAME, layer.name) + _string(_TYPE, layer.kind)
    head += b"".join(_string(_BOTTOM, name) for name in layer.inputs)
    head += b"".join(_string(_TOP, name) for name in layer.outputs)
    blobs = [cast(layer.weights[position], np.dtype("<f4")) for position in range(len(layer.weights))]
    return _Message(head, blobs)


def _string(number: int, value: str) -> bytes:
    raw = value.encode("utf-8")
    return wire.header(number, len(raw)) + raw
