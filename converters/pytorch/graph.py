"""A file of weights -> a SourceGraph: which tensors, of which architecture, and each in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from converters.diagnostic import Diagnostic, Where
from converters.hub.layer import Dim, Layer, SourceGraph
from converters.hub.ports import settle
from converters.pytorch import checkpoint, graphs
from converters.pytorch.checkpoint import State
from converters.pytorch.network import Module, attributes
from converters.pytorch.recognition import Recognised, recognise
from converters.pytorch.tensors import weight
from converters.weights import Weight, cast

_FLOAT = np.dtype("<f4")
_FLOATS = ("float16", "bfloat16", "float32", "float64")


def decode(
    files: Mapping[str, Path],
    inputs: Mapping[str, tuple[Dim, ...]],
    *,
    key: str | None = None,
    arch: str | None = None,
) -> SourceGraph:
    """The network whose weights a file holds; `key` picks one of several in it, `arch` names its architecture."""
    path = files["weights"]
    scripted = graphs.kind(path) == "script"
    if scripted and arch is None:
        raise Diagnostic(
            "graph-in-code",
            "it is a TorchScript archive: its graph is code, which its weights alone do not tell",
            where=Where(file=str(path)),
            hint="zoo convert --trust runs the code and exports its graph; --arch NAME reads the weights alone",
        )
    state = checkpoint.select(checkpoint.load(path), key, str(path))
    found = recognise({name: tensor.shape for name, tensor in state.items()}, arch, str(path))
    network = found.network
    weights = _weights(found, state, str(path))
    layers = tuple(_layer(module, weights, str(path)) for module in network.modules)
    unneeded = ((name, found.network.ignored[name]) for name in found.tensors if name in found.network.ignored)
    return SourceGraph(
        name=found.name,
        inputs=settle(network.inputs, inputs, str(path)),
        outputs=tuple(network.outputs),
        layers=layers,
        blobs={name: name for layer in layers for name in layer.outputs},
        pruned=tuple(unneeded),
        notes=(f"the architecture is {found.name}{'' if arch else ', by its tensors'}",
               *(["the archive's own graph, which is code, was not read"] if scripted else []),
               *network.notes, *_precision(found, state)),
    )  # fmt: skip


def stored(files: Mapping[str, Path]) -> Iterator[tuple[str, str, Weight]]:
    """Every tensor in the file, the optimizer's too: its owner, its last name, its weight."""
    path = files["weights"]
    for name, tensor in checkpoint.tensors(checkpoint.load(path)).items():
        owner, _, last = name.rpartition(".")
        yield owner, last, weight(name, tensor, str(path))


def _weights(found: Recognised, state: State, file: str) -> dict[str, Weight]:
    """The network's weights in float32, as PyTorch's load_state_dict gives them to a module."""
    quantised, strange = [], []
    weights: dict[str, Weight] = {}
    for name in found.network.wanted:
        original = found.tensors[name]
        tensor = state[original]
        if tensor.quantised:
            quantised.append(f"{original}: {tensor.quantised}")
        elif tensor.element not in _FLOATS:
            strange.append(f"{original}: {tensor.element}")
        else:
            weights[name] = cast(weight(original, tensor, file), _FLOAT)
    if quantised or strange:
        raise Diagnostic(
            "quantised-weights" if quantised else "unsupported-type",
            f"{len(quantised or strange)} weights are {'quantised' if quantised else 'no floating-point numbers'}",
            where=Where(file=file),
            details=(quantised or strange)[:100],
            hint="convert the network before it was quantised" if quantised else None,
        )
    return weights


def _layer(module: Module, weights: Mapping[str, Weight], file: str) -> Layer:
    own = {role: weights[name] for role, name in module.weights.items()}
    where = Where(file=file, layer=f'"{module.name}" ({module.kind})')
    return Layer(module.kind, module.name, module.inputs, module.outputs, attributes(module), own, where)


def _precision(found: Recognised, state: State) -> Iterator[str]:
    kinds = {state[found.tensors[name]].element for name in found.network.wanted} - {"float32"}
    if kinds:
        yield f"weights stored as {', '.join(sorted(kinds))} are read as float32, as PyTorch loads them into a module"
