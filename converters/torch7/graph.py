"""A .t7 file -> a SourceGraph: the module found, its tree unrolled, its inputs settled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from converters.diagnostic import Diagnostic, Where
from converters.hub import reading
from converters.hub.layer import Dim, Layer, Port, SourceGraph
from converters.hub.optable import gather
from converters.hub.ports import settle
from converters.hub.probe import Probe
from converters.torch7 import checkpoint, inputs, numbers, t7
from converters.torch7.containers import CONTAINERS
from converters.torch7.modules import Parameters
from converters.torch7.objects import Object, Tensor
from converters.torch7.unroll import Network, Tree
from converters.weights import Weight

OPS = "converters.torch7.ops"
Shapes = Mapping[str, tuple[Dim, ...]]


def decode(files: Mapping[str, Path], given: Shapes, key: str | None = None) -> SourceGraph:
    """Read a Torch7 network. `given` are the shapes of its inputs, which the file seldom tells.

    One input is called `input`; the entries of a table are `input1`, `input2`, and in nested tables `input2.1`.
    """
    path = files["model"]
    document = t7.read(path)
    module, place = checkpoint.model(document.value, key, str(path))
    notes = [f'the model is the value under "{place}"'] if place else []
    if document.rest:
        notes.append(f"{document.rest} bytes after the first object are not read; torch.load does not read them either")
    names = inputs.names(module, given)
    if not given:
        shape, how = inputs.derive(module, Parameters(path), lambda shape: _readable(module, path, shape))
        if shape is not None:
            given = {inputs.ONLY: shape}
            notes.append(f"the input's shape {_show(shape)} is derived: {how}")
        else:
            _demand_known(module, path, names)
    ports = settle(dict.fromkeys(names), given, str(path))
    return _graph(module, path, ports, notes)


def tensor(files: Mapping[str, Path], key: str | None) -> Weight:
    """The tensor at `key`, or the file's own; refuses everything else."""
    path = files["model"]
    value = t7.read(path).value
    found = checkpoint.pick(value, key, str(path)) if key else value
    if not isinstance(found, Tensor):
        place = f'the value under "{key}"' if key else "the file"
        raise Diagnostic(
            "no-tensor",
            f"{place} is {checkpoint.describe(found)}, not a tensor",
            where=Where(file=str(path)),
            hint=f"zoo inspect {path} lists what it holds; --key picks a tensor",
        )
    return numbers.weight(found, path)


def _readable(module: Object, path: Path, shape: tuple[Dim, ...]) -> bool:
    """Whether the whole network accepts an input of this shape, for every batch size."""
    from converters.hub.report import Report

    try:
        graph = _graph(module, path, [Port(inputs.ONLY, ("N", *shape[1:]))], [])
        reading.read(graph, gather(OPS), Report(), file=str(path), allow_missing=True)
    except Diagnostic:
        return False
    return True


def _demand_known(module: Object, path: Path, names: Sequence[str]) -> None:
    """Refuses unknown classes before missing shapes: no shape would help."""
    network = _network(path, lambda _layers, _value: None)
    network.run(module, inputs.tree(names))
    reading.preflight(SourceGraph("", (), (), tuple(network.layers), network.blobs), gather(OPS), str(path))


def _graph(module: Object, path: Path, ports: Sequence[Port], notes: Sequence[str]) -> SourceGraph:
    probe = Probe(ports, gather(OPS))
    network = _network(path, probe.shape)
    output = network.run(module, inputs.tree([port.name for port in ports]))
    outputs, layers = _named(network, output)
    stored = sorted(network.parameters.cast)
    more = [f"numbers stored as {', '.join(stored)} become float32"] if stored else []
    return SourceGraph(
        name=path.name.split(".")[0],
        inputs=tuple(ports),
        outputs=outputs,
        layers=layers,
        blobs={**{port.name: port.name for port in ports}, **network.blobs},
        pruned=tuple(network.pruned),
        notes=(*notes, *more),
    )


def _named(network: Network, output: Tree) -> tuple[tuple[str, ...], tuple[Layer, ...]]:
    """Outputs called `output`, or `output1`, `output2.1` in tables; one that is an input or comes twice is copied."""
    wanted = dict(inputs.paths(output, "output"))
    made = {value for layer in network.layers for value in layer.outputs}
    renamed: dict[str, str] = {}
    copies = []
    for name, value in wanted.items():
        if value in made and value not in renamed:
            renamed[value] = name
            network.blobs[name] = network.blobs.pop(value)
        else:
            copies.append(Layer("nn.Identity", name, (renamed.get(value, value),), (name,)))
            network.blobs[name] = name
    layers = [
        replace(
            layer,
            inputs=tuple(renamed.get(value, value) for value in layer.inputs),
            outputs=tuple(renamed.get(value, value) for value in layer.outputs),
        )
        for layer in network.layers
    ]
    return tuple(wanted), (*layers, *copies)


def _network(path: Path, shape: Callable[[list[Layer], str], tuple[Dim, ...] | None]) -> Network:
    return Network(str(path), Parameters(path), CONTAINERS, shape)


def _show(shape: Sequence[Dim]) -> str:
    return ",".join(str(dim) for dim in shape)
