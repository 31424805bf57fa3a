"""A SourceGraph of MXNet nodes -> prefix-symbol.json and prefix-0000.params, both or none, the weights in chunks."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from converters.diagnostic import Diagnostic
from converters.hub.attributes import Attributes
from converters.hub.layer import Layer, Port, SourceGraph
from converters.mxnet.params import DTYPES, LIST_MAGIC, V2
from converters.mxnet.schema import find
from converters.outputs import together
from converters.weights import Weight, cast

VERSION = 10901
_AUXILIARY = ("moving_mean", "moving_var")
_FLAGS = {np.dtype(code): number for number, code in enumerate(DTYPES)}
_CPU = (1, 0)


def encode(graph: SourceGraph, out: Path) -> dict[str, str]:
    """Write what `load_checkpoint(prefix, 0)` and `SymbolBlock.imports` read; file name -> sha256.

    MXNet's symbols know no value without dimensions: a lone number is a vector of one (decision 0105).

    `out` is the prefix. A layer's `weights` are keyed by their place among its operands. A node bears its value's name
    without the ending `_output` that MXNet gives to every output.
    """
    symbol = _Symbol(graph)
    prefix = out.with_name(out.name.removesuffix(".json").removesuffix("-symbol"))
    paths = prefix.with_name(f"{prefix.name}-symbol.json"), prefix.with_name(f"{prefix.name}-0000.params")
    with together(*paths) as (text, numbers):
        text.write(symbol.text().encode("utf-8"))
        for chunk in _chunks(symbol.arrays):
            numbers.write(chunk)
        return {path.name: sink.digest() for path, sink in zip(paths, (text, numbers), strict=True)}


class _Symbol:
    """The nodes of a symbol in order, and the arrays that its variables stand for."""

    def __init__(self, graph: SourceGraph) -> None:
        self.nodes: list[dict[str, object]] = []
        self.arrays: dict[str, Weight] = {}
        self._values: dict[str, tuple[int, int]] = {}
        self._names: set[str] = set()
        self._shared: dict[int, int] = {}
        for port in graph.inputs:
            self._input(port)
        for layer in _apart(graph):
            self._layer(layer)
        self._heads = [[*self._values[name], 0] for name in graph.outputs]

    def text(self) -> str:
        """The JSON as MXNet 1.9 writes it."""
        variables = [place for place, node in enumerate(self.nodes) if node["op"] == "null"]
        document = {
            "nodes": self.nodes,
            "arg_nodes": variables,
            "node_row_ptr": list(range(len(self.nodes) + 1)),
            "heads": self._heads,
            "attrs": {"mxnet_version": ["int", VERSION]},
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    def _input(self, port: Port) -> None:
        shape = tuple(dim if isinstance(dim, int) else 0 for dim in port.shape) or (1,)
        attrs = {"__shape__": _text(shape)}
        if port.dtype != "float32":
            attrs["__dtype__"] = str(_flag(np.dtype(port.dtype), port.name))
        self._values[port.name] = (self._add("null", self._unique(port.name), attrs, []), 0)

    def _layer(self, layer: Layer) -> None:
        """A node behind the variables of its weights; `inputs` fill the places that no weight takes."""
        made = [name.removesuffix("_output") for name in layer.outputs]
        name = self._unique(made[0] if len(made) == 1 else layer.name)
        total = len(layer.inputs) + len(layer.weights)
        given = iter(layer.inputs)
        operands = [
            (self._weight(layer, name, place), 0) if place in layer.weights else self._values[next(given)]
            for place in range(total)
        ]
        attrs = {key: _text(value) for key, value in layer.attrs.items() if value is not None}
        node = self._add(layer.kind, name, attrs, [[*operand, 0] for operand in operands])
        for place, value in enumerate(layer.outputs):
            self._values[value] = (node, place)

    def _weight(self, layer: Layer, name: str, place: int) -> int:
        """The variable of a weight; a weight that several nodes share is one variable."""
        weight = layer.weights[place]
        if id(weight) not in self._shared:
            operator = find(layer.kind)
            role = operator.role(place) if operator else f"arg{place}"
            variable = self._unique(f"{name}_{role}")
            prefix = "aux" if role in _AUXILIARY else "arg"
            self.arrays[f"{prefix}:{variable}"] = weight
            self._shared[id(weight)] = self._add("null", variable, {}, [])
        return self._shared[id(weight)]

    def _add(self, op: str, name: str, attrs: Mapping[str, str], inputs: list[list[int]]) -> int:
        node: dict[str, object] = {"op": op, "name": name}
        self.nodes.append({**node, "attrs": dict(attrs), "inputs": inputs} if attrs else {**node, "inputs": inputs})
        return len(self.nodes) - 1

    def _unique(self, name: str) -> str:
        candidate, number = name, 0
        while candidate in self._names:
            number += 1
            candidate = f"{name}_{number}"
        self._names.add(candidate)
        return candidate


def _apart(graph: SourceGraph) -> Iterator[Layer]:
    """The layers, with a Reshape to the same shape behind each FullyConnected that several read.

    MXNet 1.9.1 fuses a function into the FullyConnected before it and hands the result to the other readers too
    (measured: tanh(x) + tanh(x) of such a layer becomes tanh(x) + x by its oneDNN backend, which is on by default and
    looks through _copy).
    """
    readers = Counter(name for layer in graph.layers for name in layer.inputs) + Counter(graph.outputs)
    for layer in graph.layers:
        if layer.kind != "FullyConnected" or readers[layer.outputs[0]] < 2:
            yield layer
            continue
        made = f"{layer.outputs[0]}/connected"
        yield replace(layer, outputs=(made,))
        yield replace(layer, kind="Reshape", inputs=(made,), attrs=Attributes({"shape": (-2,)}), weights={})


def _chunks(arrays: Mapping[str, Weight]) -> Iterator[bytes | memoryview]:
    """The file of parameters, version 2, dense, on the CPU (ndarray.cc, NDArray::Save)."""
    yield struct.pack("<QQQ", LIST_MAGIC, 0, len(arrays))
    for name, weight in arrays.items():
        shape = weight.shape or (1,)  # version 2 knows no rank 0
        flag = _flag(weight.dtype, name)
        yield struct.pack(f"<Iii{len(shape)}qiii", V2, 0, len(shape), *shape, *_CPU, flag)
        yield from cast(weight, weight.dtype.newbyteorder("<")).chunks()
    names = [name.encode("utf-8") for name in arrays]
    yield struct.pack("<Q", len(names)) + b"".join(struct.pack("<Q", len(name)) + name for name in names)


def _flag(dtype: np.dtype[np.generic], name: str) -> int:
    known = _FLAGS.get(np.dtype(dtype).newbyteorder("<"))
    if known is None:
        raise Diagnostic("unwritable-dtype", f"{name} holds {dtype}, which MXNet has no number for")
    return known


def _text(value: object) -> str:
    """An attribute as MXNet reads it: (3, 2), (3,), True, 0.5."""
    if isinstance(value, (tuple, list)):
        return str(tuple(value))
    return str(value)
