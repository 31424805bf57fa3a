"""What goes into a network's last softmax, and an ONNX file in which that is an output too."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx_ir as ir

from converters import wire
from converters.hub.builder import WEIGHT
from converters.weights import FileWeight
from zoo.parity.graphs.reading import graph_of

_GRAPH, _OUTPUT = 7, 12  # fields of ModelProto and GraphProto
_SQUASHES = frozenset({"Softmax", "LogSoftmax", "Sigmoid"})
_PASSES_ON = frozenset({"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout"})


@dataclass(frozen=True, slots=True)
class Tap:
    """An inner value and the node that makes it: some backends know values by one name, some by the other."""

    value: str
    node: str


def logits(model: Path) -> dict[str, Tap]:
    """Output name -> the value that its last softmax (or sigmoid) is computed from; only outputs that have one."""
    graph = graph_of(model)
    found = {str(value.name): _before(value) for value in graph.outputs}
    outputs = {str(value.name) for value in graph.outputs}
    return {name: tap for name, tap in found.items() if tap is not None and tap.value not in outputs}


def _before(value: ir.Value) -> Tap | None:
    node = value.producer()
    while node is not None and node.op_type in _PASSES_ON and node.inputs and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    if node is None or node.op_type not in _SQUASHES or node.inputs[0] is None:
        return None
    inner = node.inputs[0]
    maker = inner.producer()
    return None if maker is None else Tap(str(inner.name), str(maker.name or ""))


def visible(files: Mapping[str, Path], names: Sequence[str], folder: Path) -> dict[str, Path]:
    """The artifact's files with these values as further outputs of the graph, in `folder`.

    Concatenated protobuf messages are merged, so the new outputs are a few bytes behind a copy of the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = files["model"]
    made = folder / model.name
    shutil.copyfile(model, made)
    with made.open("ab") as file:
        for name in names:
            text = name.encode()
            port = wire.header(1, len(text)) + text
            body = wire.header(_OUTPUT, len(port)) + port
            file.write(wire.header(_GRAPH, len(body)) + body)
    for beside in _external(model):
        place = folder / beside.relative_to(model.parent.resolve())
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(beside, place)  # ONNX Runtime and onnx refuse links: they might lead out of the folder
    return {**files, "model": made}


def _external(model: Path) -> set[Path]:
    """The files that hold weights of the model outside of it."""
    weights = (
        value.const_value.meta.get(WEIGHT)
        for value in graph_of(model).initializers.values()
        if value.const_value is not None
    )
    paths = {weight.path.resolve() for weight in weights if isinstance(weight, FileWeight)}
    return paths - {model.resolve()}
