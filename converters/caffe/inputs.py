"""The network's inputs, in each of the styles that prototxts use, and the shapes a person gives instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from converters.caffe import phases
from converters.caffe.prototxt import Prototxt, RawLayer
from converters.hub.layer import Dim, Port
from converters.hub.ports import settle

Shape = tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A blob that comes from outside; `shape` is None where the file does not say it."""

    name: str
    shape: Shape | None
    required: bool  # an Input layer's blob is an input even where nobody reads it


def declared(net: Prototxt, layers: Sequence[RawLayer], given: Mapping[str, Shape]) -> tuple[Port, ...]:
    """The inputs of the network made of `layers`; `given` shapes replace the file's and may add inputs.

    Refuses what `settle` refuses: inputs without a shape and given names that are no input, all at once.
    """
    body = [layer for layer in layers if not phases.feeds(layer)]
    made = {top for layer in body for top in layer.tops}
    read = {bottom for layer in body for bottom in layer.bottoms}
    found = {blob.name: blob for blob in _found(net, layers) if blob.required or blob.name in read}
    for name in given:
        if name in read and name not in made:
            found.setdefault(name, _Found(name, None, required=True))
    return settle({name: blob.shape for name, blob in found.items()}, given, net.file)


def _found(net: Prototxt, layers: Sequence[RawLayer]) -> Iterator[_Found]:
    yield from _net_inputs(net)
    for layer in layers:
        if not phases.feeds(layer):
            continue
        shapes = _SHAPES.get(layer.kind, _no_shapes)(layer)
        for position, top in enumerate(layer.tops):
            shape = shapes[min(position, len(shapes) - 1)] if shapes else None
            if position >= len(shapes) > 1:
                shape = None
            yield _Found(top, shape, required=layer.kind == "Input")


def _net_inputs(net: Prototxt) -> Iterator[_Found]:
    """The fields `input` with `input_shape` or four `input_dim` each, at the top of the file."""
    message = net.net
    shapes = [tuple(int(dim) for dim in shape.dim) for shape in message.input_shape]
    dims = [int(dim) for dim in message.input_dim]
    shapes = shapes or [tuple(dims[start : start + 4]) for start in range(0, len(dims), 4)]
    for position, name in enumerate(message.input):
        yield _Found(name, shapes[position] if position < len(shapes) else None, required=True)


def _input_shapes(layer: RawLayer) -> list[Shape]:
    return [tuple(int(dim) for dim in shape.dim) for shape in layer.message.input_param.shape]


def _memory_shapes(layer: RawLayer) -> list[Shape]:
    message = layer.message.memory_data_param
    return [(message.batch_size, message.channels, message.height, message.width), (message.batch_size,)]


def _dummy_shapes(layer: RawLayer) -> list[Shape]:
    message = layer.message.dummy_data_param
    if message.shape:
        return [tuple(int(dim) for dim in shape.dim) for shape in message.shape]
    return list(zip(message.num, message.channels, message.height, message.width, strict=False))


def _no_shapes(_layer: RawLayer) -> list[Shape]:
    return []


_SHAPES = {"Input": _input_shapes, "MemoryData": _memory_shapes, "DummyData": _dummy_shapes}
