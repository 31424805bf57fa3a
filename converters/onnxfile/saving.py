"""Hub -> ONNX file: the graph is serialised, the weights go from source to target in chunks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx_ir as ir
from onnx import helper

from converters import wire
from converters.hub.builder import WEIGHT
from converters.outputs import Sink, together
from converters.weights import Weight, nbytes

ONE_FILE_LIMIT = (2 << 30) - (1 << 20)
"""Bytes of weights up to which one file can hold the model: protobuf's limit of 2 GiB less room for the graph."""
_ALIGN = 4096  # bytes; runtimes map external tensors page by page
_INITIALIZER, _GRAPH, _RAW_DATA = 5, 7, 9
_BEFORE_GRAPH = ("ir_version", "producer_name", "producer_version")

Closing = Callable[[], Mapping[str, str]]


def save(model: ir.Model, path: Path, *, external_data: bool = False, closing: Closing | None = None) -> dict[str, str]:
    """Write the model; beyond 2 GiB (or when asked) the weights go to `<path>.data` beside it.

    `closing` gives metadata that is asked for last, when the weights are written: digests that are still computed.
    Returns file name -> sha256. Nothing is left behind when it fails.
    """
    parts = [_part(str(name), value) for name, value in model.graph.initializers.items()]
    split = external_data or sum(part.size for part in parts) > ONE_FILE_LIMIT
    side_path = path.with_name(f"{path.name}.data")
    paths = (path, side_path) if split else (path,)
    with together(*paths) as (main, *sides):
        for side in sides:
            parts = [_moved(part, side, side_path.name) for part in parts]
        _write(main, model, parts, closing)
        return {place.name: sink.digest() for place, sink in zip(paths, (main, *sides), strict=True)}


@dataclass(frozen=True, slots=True)
class _Part:
    """One initializer: its message, and the weight whose bytes follow as raw data (None: the message has them)."""

    message: onnx.TensorProto
    weight: Weight | None

    @property
    def size(self) -> int:
        """Bytes of numbers that the message does not hold yet."""
        return nbytes(self.weight) if self.weight is not None else 0

    def head(self) -> bytes:
        """Everything before the raw data."""
        head = self.message.SerializeToString(deterministic=True)
        return head + wire.header(_RAW_DATA, self.size) if self.weight is not None else head


def _part(name: str, value: ir.Value) -> _Part:
    tensor = value.const_value
    assert tensor is not None
    weight = tensor.meta.get(WEIGHT)
    if not isinstance(weight, Weight):
        message = ir.serde.serialize_tensor(tensor)
        message.name = name
        return _Part(message, None)
    element = helper.np_dtype_to_tensor_dtype(weight.dtype)
    return _Part(onnx.TensorProto(name=name, data_type=element, dims=weight.shape), weight)


def _moved(part: _Part, side: Sink, location: str) -> _Part:
    """The same initializer with its bytes written to the side file."""
    if part.weight is None:
        return part
    side.write(bytes(-side.size % _ALIGN))
    message = part.message
    message.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", side.size), ("length", part.size)):
        message.external_data.add(key=key, value=str(value))
    for chunk in part.weight.chunks():
        side.write(chunk)
    return _Part(message, None)


def _write(sink: Sink, model: ir.Model, parts: list[_Part], closing: Closing | None) -> None:
    """The fields of the model in the order of their numbers: the graph, its weights last, and then the metadata."""
    proto = skeleton(model)
    graph = proto.graph.SerializeToString(deterministic=True)
    proto.ClearField("graph")
    opening = onnx.ModelProto(**{name: getattr(proto, name) for name in _BEFORE_GRAPH})
    heads = [part.head() for part in parts]
    frames = [wire.header(_INITIALIZER, len(head) + part.size) for head, part in zip(heads, parts, strict=True)]
    length = len(graph) + sum(map(len, heads)) + sum(map(len, frames)) + sum(part.size for part in parts)
    sink.write(opening.SerializeToString(deterministic=True) + wire.header(_GRAPH, length) + graph)
    for frame, head, part in zip(frames, heads, parts, strict=True):
        sink.write(frame + head)
        for chunk in part.weight.chunks() if part.weight is not None else ():
            sink.write(chunk)
    for name in _BEFORE_GRAPH:
        proto.ClearField(name)
    if closing is not None:
        helper.set_model_props(proto, dict(sorted({**model.metadata_props, **closing()}.items())))
    sink.write(proto.SerializeToString(deterministic=True))


def skeleton(model: ir.Model) -> onnx.ModelProto:
    """The model without the numbers of its initializers: nodes, types, metadata."""
    proto = onnx.ModelProto()
    proto.ir_version = model.ir_version
    proto.producer_name = model.producer_name or ""
    proto.producer_version = model.producer_version or ""
    for domain, version in sorted(model.opset_imports.items()):
        proto.opset_import.add(domain=domain, version=version)
    helper.set_model_props(proto, dict(sorted(model.metadata_props.items())))
    graph = proto.graph
    graph.name = model.graph.name or "network"
    graph.doc_string = model.graph.doc_string or ""
    graph.node.extend(ir.serde.serialize_node(node) for node in model.graph)
    graph.input.extend(ir.serde.serialize_value(value) for value in model.graph.inputs)
    graph.output.extend(ir.serde.serialize_value(value) for value in model.graph.outputs)
    ends = {*model.graph.inputs, *model.graph.outputs}
    graph.value_info.extend(
        ir.serde.serialize_value(value)
        for node in model.graph
        for value in node.outputs
        if value not in ends and value.type is not None and value.name
    )
    for function in model.functions.values():
        proto.functions.append(ir.serde.serialize_function(function))
    return proto
