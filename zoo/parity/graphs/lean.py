"""ONNX messages whose large numbers stay in the files that they came from until somebody reads or writes them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from converters import wire
from converters.onnxfile.loading import Place, lean

Array = NDArray[np.generic]

_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9  # fields of ModelProto, GraphProto and TensorProto
_SMALL = 4096  # bytes that are read at once: shape inference looks into them
_BLOCK = 1 << 24


def opened(path: Path) -> onnx.ModelProto:
    """The message of a file; an initializer of 4 kB or more says in `external_data` where its numbers lie.

    Such a message is of use to `numbers`, `written` and `size` alone: its places are no relative ones.
    """
    model, places = lean(path)
    for tensor, place in zip(model.graph.initializer, places, strict=True):
        if place is None:
            continue
        del tensor.external_data[:]
        if place.size < _SMALL:
            tensor.data_location = TensorProto.DEFAULT
            tensor.raw_data = b"".join(_bytes(place))
            continue
        tensor.data_location = TensorProto.EXTERNAL
        told = {"location": str(place.file.resolve()), "offset": str(place.offset), "length": str(place.size)}
        for key, value in told.items():
            tensor.external_data.add(key=key, value=value)
    return model


def numbers(tensor: TensorProto) -> Array:
    """The numbers of a tensor, mapped where they lie in a file."""
    place = _place(tensor)
    if place is None:
        return numpy_helper.to_array(tensor)
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type)).newbyteorder("<")
    return np.asarray(np.memmap(place.file, dtype, "r", offset=place.offset, shape=tuple(tensor.dims)))


def size(model: onnx.ModelProto) -> int:
    """Bytes of the message with all its numbers in it."""
    places = (_place(tensor) for tensor in model.graph.initializer)
    return int(model.ByteSize()) + sum(place.size for place in places if place is not None)


def written(model: onnx.ModelProto) -> Iterator[bytes]:
    """The message with all its numbers in it, in blocks; `model` stays as it is."""
    shell, graph = onnx.ModelProto(), onnx.GraphProto()
    shell.CopyFrom(model)
    shell.ClearField("graph")
    graph.CopyFrom(model.graph)
    del graph.initializer[:]
    graph.initializer.extend(tensor for tensor in model.graph.initializer if _place(tensor) is None)
    heads = [(_head(tensor, place), place) for tensor in model.graph.initializer if (place := _place(tensor))]
    body = graph.SerializeToString()
    yield shell.SerializeToString()
    yield wire.header(_GRAPH, len(body) + sum(len(head) + place.size for head, place in heads)) + body
    for head, place in heads:
        yield head
        yield from _bytes(place)


def _head(tensor: TensorProto, place: Place) -> bytes:
    """All of an initializer's bytes in its graph that come before the numbers."""
    bare = TensorProto()
    bare.CopyFrom(tensor)
    bare.ClearField("external_data")
    bare.ClearField("data_location")
    body = bare.SerializeToString() + wire.header(_RAW_DATA, place.size)
    return wire.header(_INITIALIZER, len(body) + place.size) + body


def _place(tensor: TensorProto) -> Place | None:
    if tensor.data_location != TensorProto.EXTERNAL:
        return None
    told = {entry.key: entry.value for entry in tensor.external_data}
    return Place(Path(told["location"]), int(told["offset"]), int(told["length"]))


def _bytes(place: Place) -> Iterator[bytes]:
    with place.file.open("rb") as file:
        for start in range(0, place.size, _BLOCK):
            yield os.pread(file.fileno(), min(_BLOCK, place.size - start), place.offset + start)
