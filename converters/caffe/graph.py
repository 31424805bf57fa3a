"""prototxt + caffemodel -> a SourceGraph: pruned for inference, in-place tops made SSA, weights in their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from converters.caffe import caffemodel, dialects, hdf5, mean, parameters, phases, prototxt
from converters.caffe.inputs import declared
from converters.caffe.matching import match
from converters.caffe.prototxt import Prototxt, RawLayer
from converters.caffe.ssa import Ssa
from converters.diagnostic import Diagnostic, Where
from converters.hub.layer import Dim, Layer, SourceGraph
from converters.weights import Weight


def decode(
    files: Mapping[str, Path],
    inputs: Mapping[str, tuple[Dim, ...]],
    *,
    phase: str = "TEST",
    stage: Sequence[str] = (),
    dialect: str | None = None,
    proto: Path | None = None,
) -> SourceGraph:
    """Read a Caffe network. `files`: role "graph" -> prototxt, and where there are "weights" and "mean".

    `inputs` gives shapes that the prototxt lacks or that are to replace the declared ones; `phase` and `stage` choose
    the layers, `dialect` says which fork's meaning a layer has, `proto` is the fork's own caffe.proto.
    """
    _demand_network(files)
    if phase not in phases.PHASES:
        raise Diagnostic("unknown-phase", f"there is no phase {phase}", hint="--phase TEST or --phase TRAIN")
    net = prototxt.read(files["graph"], proto)
    layers = read_weights(files["weights"]) if "weights" in files else ()
    graph = assemble(net, layers, inputs, phases.State(phase, stages=frozenset(stage)), dialect)
    if "mean" not in files:
        return graph
    metadata, note = mean.described(files["mean"], graph.inputs)
    return replace(graph, notes=(*graph.notes, note), metadata=metadata)


def _demand_network(files: Mapping[str, Path]) -> None:
    """Refuse, each by its name, the files of Caffe that are no network."""
    for role, (code, what, hint) in _NO_NETWORK.items():
        if role in files and (role in _NEVER or "graph" not in files):
            file = files[role]
            raise Diagnostic(code, what, where=Where(file=str(file)), hint=hint.format(name=file.name))


_NEVER = ("state", "solver")
_NO_NETWORK = {
    "state": (
        "solver-state",
        "is the state of a training, which holds no weights",
        "its caffemodel has the same number",
    ),
    "solver": ("solver-prototxt", "says how to train; it names the network's prototxt in `net`", "give that prototxt"),
    "weights": (
        "graph-missing",
        "a caffemodel holds the weights; the network itself is in a prototxt",
        "zoo convert deploy.prototxt {name} --to onnx",
    ),
    "mean": ("graph-missing", "is an average image", "zoo convert {name} --to npy"),
}
"""Role -> code, what the file is, and what to type instead."""


def tensor(files: Mapping[str, Path], key: str | None) -> Weight:
    """The average image [channels, height, width] of a .binaryproto, or the blob `layer/position` of a weights file."""
    blobs = {f"{layer}/{position}": weight for layer, position, weight in stored(files)}
    if key is None and len(blobs) == 1:
        return next(iter(blobs.values()))
    if key in blobs:
        return blobs[str(key)]
    near = get_close_matches(key or "", blobs, n=3) or list(blobs)[:3]
    raise Diagnostic(
        "no-tensor",
        f"holds {len(blobs)} tensors and none called {key}" if key else f"holds {len(blobs)} tensors",
        where=Where(file=str(next(iter(files.values())))),
        hint=f"--key {near[0]}" if near else None,
    )


def read_weights(path: Path) -> tuple[caffemodel.StoredLayer, ...]:
    """The layers of a weights file, binary or HDF5."""
    return hdf5.read(path) if hdf5.is_hdf5(path) else caffemodel.read(path)


def stored(files: Mapping[str, Path]) -> Iterator[tuple[str, int, Weight]]:
    """Every blob of the weights file: layer, position, weight; an average image is one blob."""
    if "mean" in files:
        yield "mean", 0, caffemodel.average(files["mean"])
    if "weights" not in files:
        return
    for layer in read_weights(files["weights"]):
        for position, blob in enumerate(layer.blobs):
            yield layer.name, position, blob


def assemble(
    net: Prototxt,
    weights: Sequence[caffemodel.StoredLayer],
    inputs: Mapping[str, tuple[Dim, ...]],
    state: phases.State = phases.State(),  # noqa: B008 - frozen
    dialect: str | None = None,
) -> SourceGraph:
    """Put a parsed network and its stored layers together."""
    present = phases.present(net.layers, state)
    dialects.check(dialect, present)
    there = {id(layer) for layer in present}
    pruned = [(layer.name, f"not in the {state.phase} phase") for layer in net.layers if id(layer) not in there]
    pruned += [(layer.name, phases.TRAINING_ONLY[layer.kind]) for layer in present if _trains(layer)]
    kept = _without_losses([layer for layer in present if not _trains(layer)])
    ports = declared(net, kept, inputs)
    body = [layer for layer in kept if not phases.feeds(layer)]
    fed = [layer for layer in kept if phases.feeds(layer)]
    pruned += [(layer.name, f"feeds the network from outside ({layer.kind})") for layer in fed]
    matched = match(body, weights)
    elsewhere = frozenset(top for layer in net.layers if id(layer) not in there for top in layer.tops)
    ssa = Ssa((port.name for port in ports), body, elsewhere)
    layers = []
    for raw in body:
        bottoms, tops = ssa.enter(raw)
        attrs, blobs = parameters.attributes(raw, dialect), matched.weights[raw.name]
        layers.append(Layer(raw.kind, raw.name, bottoms, tops, attrs, blobs, raw.where, matched.tied[raw.name]))
    return SourceGraph(
        name=str(net.net.name),
        inputs=ports,
        outputs=ssa.outputs(),
        layers=tuple(layers),
        blobs=ssa.blobs,
        pruned=tuple(pruned),
        unused=matched.unused,
        surplus=matched.surplus,
        notes=(*net.notes, *(note for raw in body for note in parameters.ignored(raw))),
    )


def _trains(layer: RawLayer) -> bool:
    return layer.kind in phases.TRAINING_ONLY


def _without_losses(layers: Sequence[RawLayer]) -> list[RawLayer]:
    """A loss keeps its prediction: as its second top, or `prob` where it is the only one, or `<bottom>/softmax`."""
    losses = [layer for layer in layers if layer.kind in phases.KEPT_PART and layer.bottoms]
    taken = {name for layer in layers for name in (*layer.bottoms, *layer.tops)}
    kept = []
    for layer in layers:
        part = phases.KEPT_PART.get(layer.kind)
        if part is None or not layer.bottoms:
            kept.append(layer)
            continue
        spare = "prob" if len(losses) == 1 and "prob" not in taken else f"{layer.bottoms[0]}/{part.lower()}"
        while spare in taken:
            spare += "_"
        top = layer.tops[1] if len(layer.tops) > 1 else spare
        taken.add(top)
        kept.append(replace(layer, kind=part, bottoms=layer.bottoms[:1], tops=(top,)))
    return kept
