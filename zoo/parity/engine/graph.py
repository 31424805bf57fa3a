"""An ONNX file as a list of steps: each knows its node, what it reads, and which values nobody reads after it."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

import converters
from converters.hub.builder import WEIGHT
from converters.onnxfile.preparing import OLDEST, prepare
from converters.weights import FileWeight
from zoo.diagnostics import Diagnostic, Where
from zoo.parity.engine.arrays import Array


class _All(frozenset[tuple[str, str]]):
    """Every operator: none is expanded into its definition, which ONNX's reference does itself."""

    def __contains__(self, _item: object) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Step:
    """One node: `inputs` are value names ("" where one is left out), `captured` what graphs inside it read besides."""

    op: str
    domain: str
    version: int
    attrs: Mapping[str, object]
    inputs: tuple[str, ...]
    captured: tuple[str, ...]
    outputs: tuple[str, ...]
    proto: onnx.NodeProto
    frees: tuple[str, ...]

    @property
    def label(self) -> str:
        """The node's name, or that of its first output."""
        return self.proto.name or next((name for name in self.outputs if name), self.op)


@dataclass(frozen=True, slots=True)
class Graph:
    """A network to be run step by step; `stored` maps names to numbers that stay in the file until they are read."""

    inputs: Mapping[str, tuple[int | str | None, ...]]
    outputs: tuple[str, ...]
    steps: tuple[Step, ...]
    stored: Mapping[str, Array]
    opsets: Mapping[str, int]


def load(path: Path) -> Graph:
    """The main graph of an ONNX file, local functions inlined, nothing expanded, folded or reordered."""
    model = converters.read([path]).ir
    if model.functions or model.opset_imports.get("", OLDEST) < OLDEST:
        model = prepare(model, _All())
    stored = {name: _numbers(value, path) for name, value in model.graph.initializers.items()}
    opsets = {"" if domain == "ai.onnx" else domain: version for domain, version in model.opset_imports.items()}
    outputs = tuple(str(value.name) for value in model.graph.outputs)
    protos = [ir.serde.serialize_node(node) for node in model.graph]
    return Graph(
        inputs={str(port.name): _shape(port) for port in model.graph.inputs if port.name not in stored},
        outputs=outputs,
        steps=tuple(_steps(protos, opsets, keep=set(outputs))),
        stored=stored,
        opsets=opsets,
    )


def release(graph: Graph, step: Step) -> None:
    """Give the pages of a file that a step has read back to the system, which keeps them at hand."""
    advice = getattr(mmap, "MADV_DONTNEED", None)  # Linux: a mapping for reading loses nothing
    for name in (*step.inputs, *step.captured):
        base = graph.stored[name].base if name in graph.stored else None
        if isinstance(base, mmap.mmap) and advice is not None:
            base.madvise(advice)


def _steps(protos: list[onnx.NodeProto], opsets: Mapping[str, int], keep: set[str]) -> Iterator[Step]:
    reads = [tuple(dict.fromkeys([*proto.input, *_captured(proto)])) for proto in protos]
    last = {name: index for index, names in enumerate(reads) for name in names}
    for index, proto in enumerate(protos):
        made = tuple(proto.output)
        gone = [name for name in reads[index] if name and last[name] == index and name not in keep]
        gone += [name for name in made if name and name not in last and name not in keep]
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        attrs = {attribute.name: _plain(onnx.helper.get_attribute_value(attribute)) for attribute in proto.attribute}
        yield Step(
            proto.op_type, domain, opsets.get(domain, 1), attrs, tuple(proto.input), tuple(_captured(proto)), made,
            proto, tuple(gone),
        )  # fmt: skip


def _captured(proto: onnx.NodeProto) -> list[str]:
    """Values of the main graph that the graphs inside a node read."""
    found: list[str] = []
    for attribute in proto.attribute:
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            own = {port.name for port in inner.input} | {tensor.name for tensor in inner.initializer}
            own |= {name for node in inner.node for name in node.output}
            read = [name for node in inner.node for name in (*node.input, *_captured(node))]
            read += [port.name for port in inner.output]
            found += [name for name in read if name and name not in own]
    return list(dict.fromkeys(found))


def _plain(value: object) -> object:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _shape(port: ir.Value) -> tuple[int | str | None, ...]:
    if port.shape is None:
        return ()
    return tuple(size if isinstance(size, int) else size.value for size in port.shape)


def _numbers(value: ir.Value, path: Path) -> Array:
    """A weight of one piece is mapped, so that reading a graph of any size costs nothing."""
    tensor = value.const_value
    if tensor is None:
        raise Diagnostic("damaged-file", f'the weight "{value.name}" has no numbers', where=Where(file=str(path)))
    weight = tensor.meta.get(WEIGHT)
    if isinstance(weight, FileWeight) and len(weight.pieces) == 1:
        return np.memmap(weight.path, weight.dtype, "r", offset=weight.pieces[0][0], shape=weight.shape)
    return np.asarray(weight.array() if weight is not None else tensor.numpy())
