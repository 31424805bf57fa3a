"""What is in a model's files: graph, tensors, and whether it can be converted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from converters.conversion import Options, decode, read
from converters.diagnostic import Diagnostic
from converters.format import Format, resolve
from converters.hub.layer import Dim
from converters.identify import identify
from converters.tree import Entry
from converters.weights import Weight, nbytes


@dataclass(frozen=True, slots=True)
class Tensor:
    """One stored tensor; `layer` is the layer that owns it, `bytes` its size."""

    name: str
    layer: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """The contents of one artifact; `blockers` say what keeps it from being converted (empty: it can be).

    A format whose files hold any value (a checkpoint) has a `tree`; whether it can be converted is then only found
    out when somebody asks (`checked`), for it takes much longer than to list it.
    """

    format: str
    title: str
    inputs: Mapping[str, tuple[Dim, ...]]
    outputs: tuple[str, ...]
    kinds: Mapping[str, int]
    tensors: tuple[Tensor, ...]
    blockers: tuple[str, ...]
    tree: tuple[Entry, ...] = ()
    checked: bool = True


def inspect(paths: Sequence[Path | str], options: Options | None = None, *, support: bool = False) -> Inspection:
    """List what the files of one artifact hold, reading no weights. Broken files are refused as `read` does.

    `support` asks whether it can be converted where listing alone does not tell.
    """
    options = options or Options()
    card, files = identify(paths)
    if card.tree is not None:
        return _inspect_tree(card, card.tree, files, _blockers(paths, options) if support else None)
    if card.decode is None:
        return _inspect_onnx(card, files)
    graph_free = "graph" in card.roles and "graph" not in files
    if graph_free:
        return Inspection(card.name, card.title, {}, (), {}, _stored(card, files), (_no_graph(card),))
    try:
        graph = decode(card, files, options)
    except Diagnostic as fault:
        if "graph" in card.roles or card.stored is None:
            raise
        return Inspection(card.name, card.title, {}, (), {}, _stored(card, files), (f"{fault.code}: {fault}",))
    tensors = tuple(
        _tensor(card, layer.name, key, weight) for layer in graph.layers for key, weight in layer.weights.items()
    )
    return Inspection(
        card.name,
        card.title,
        {port.name: port.shape for port in graph.inputs},
        graph.outputs,
        dict(Counter(layer.kind for layer in graph.layers).most_common()),
        tensors,
        _blockers(paths, options),
    )


def _inspect_tree(
    card: Format, address: str, files: Mapping[str, Path], blockers: tuple[str, ...] | None
) -> Inspection:
    entries = tuple(cast("Iterable[Entry]", resolve(address)(files)))
    tensors = tuple(
        Tensor(entry.path, entry.path.rpartition(".")[0], entry.shape, entry.dtype, entry.bytes)
        for entry in entries
        if entry.shape is not None
    )
    kinds = Counter(entry.what for entry in entries if "." in entry.what and entry.shape is None)
    return Inspection(
        card.name,
        card.title,
        {},
        (),
        dict(kinds.most_common()),
        tensors,
        blockers or (),
        entries,
        checked=blockers is not None,
    )


def _blockers(paths: Sequence[Path | str], options: Options) -> tuple[str, ...]:
    try:
        read(paths, options)
    except Diagnostic as fault:
        return (f"{fault.code}: {fault}",)
    return ()


def _stored(card: Format, files: Mapping[str, Path]) -> tuple[Tensor, ...]:
    """The tensors of a weights file that came without its graph."""
    if card.stored is None:
        return ()
    found = cast("Iterable[tuple[str, int | str, Weight]]", resolve(card.stored)(files))
    return tuple(_tensor(card, layer, key, weight) for layer, key, weight in found)


def _no_graph(card: Format) -> str:
    return f"graph-missing: the weights alone; {card.title} keeps the network in {' or '.join(card.roles['graph'])}"


def _tensor(card: Format, layer: str, key: int | str, weight: Weight) -> Tensor:
    name = f"{layer}{card.joiner}{key}" if layer else str(key)
    return Tensor(name, layer, weight.shape, weight.dtype.name, nbytes(weight))


def _inspect_onnx(card: Format, files: Mapping[str, Path]) -> Inspection:
    model = read([files["model"]]).ir
    tensors = []
    for name, value in model.graph.initializers.items():
        tensor = value.const_value
        if tensor is not None:
            shape = tuple(int(str(dim)) for dim in tensor.shape)
            tensors.append(Tensor(str(name), "", shape, tensor.dtype.name.lower(), tensor.nbytes))
    inputs = {
        str(value.name): tuple(dim if isinstance(dim, int) else str(dim) for dim in value.shape or ())
        for value in model.graph.inputs
        if value.name not in model.graph.initializers
    }
    kinds = dict(Counter(node.op_type for node in model.graph).most_common())
    outputs = tuple(str(value.name) for value in model.graph.outputs)
    return Inspection(card.name, card.title, inputs, outputs, kinds, tuple(tensors), ())
