"""prototxt + caffemodel -> a SourceGraph: pruned for inference, in-place tops made SSA, weights in their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from converters.caffe import caffemodel, hdf5, parameters, phases, prototxt
from converters.caffe.inputs import declared
from converters.caffe.matching import match
from converters.caffe.prototxt import Prototxt, RawLayer
from converters.caffe.ssa import Ssa
from converters.diagnostic import Diagnostic, Where
from converters.hub.layer import Dim, Layer, SourceGraph
from converters.weights import Weight


def decode(files: Mapping[str, Path], inputs: Mapping[str, tuple[Dim, ...]]) -> SourceGraph:
    """Read a Caffe network. `files`: role "graph" -> prototxt, "weights" -> caffemodel (may be absent).

    `inputs` gives shapes that the prototxt lacks or that are to replace the declared ones.
    """
    if "graph" not in files:
        weights = files["weights"]
        raise Diagnostic(
            "graph-missing",
            "a caffemodel holds the weights; the network itself is in a prototxt",
            where=Where(file=str(weights)),
            hint=f"zoo convert deploy.prototxt {weights.name} --to onnx",
        )
    net = prototxt.read(files["graph"])
    layers = read_weights(files["weights"]) if "weights" in files else ()
    return assemble(net, layers, inputs)


def read_weights(path: Path) -> tuple[caffemodel.StoredLayer, ...]:
    """The layers of a weights file, binary or HDF5."""
    return hdf5.read(path) if hdf5.is_hdf5(path) else caffemodel.read(path)


def stored(files: Mapping[str, Path]) -> Iterator[tuple[str, int, Weight]]:
    """Every blob of the weights file: layer, position, weight."""
    for layer in read_weights(files["weights"]):
        for position, blob in enumerate(layer.blobs):
            yield layer.name, position, blob


def assemble(
    net: Prototxt, weights: Sequence[caffemodel.StoredLayer], inputs: Mapping[str, tuple[Dim, ...]]
) -> SourceGraph:
    """Put a parsed network and its stored layers together."""
    present = phases.at_inference(net.layers)
    pruned = [(layer.name, "not in the TEST phase") for layer in net.layers if layer not in present]
    pruned += [(layer.name, phases.TRAINING_ONLY[layer.kind]) for layer in present if _trains(layer)]
    kept = [_without_loss(layer, present) for layer in present if not _trains(layer)]
    ports = declared(net, kept, inputs)
    body = [layer for layer in kept if layer.kind not in phases.FEEDS]
    pruned += [(layer.name, f"feeds the network from outside ({layer.kind})") for layer in kept if layer not in body]
    matched = match(body, weights)
    ssa = Ssa((port.name for port in ports), body)
    layers = []
    for raw in body:
        bottoms, tops = ssa.enter(raw)
        attrs, blobs = parameters.attributes(raw), matched.weights[raw.name]
        layers.append(Layer(raw.kind, raw.name, bottoms, tops, attrs, blobs, raw.where))
    return SourceGraph(
        name=str(net.net.name),
        inputs=ports,
        outputs=ssa.outputs(),
        layers=tuple(layers),
        blobs=ssa.blobs,
        pruned=tuple(pruned),
        unused=matched.unused,
        surplus=matched.surplus,
    )


def _trains(layer: RawLayer) -> bool:
    return layer.kind in phases.TRAINING_ONLY


def _without_loss(layer: RawLayer, present: Sequence[RawLayer]) -> RawLayer:
    """SoftmaxWithLoss keeps its softmax at inference: its second top, or `prob`, or `<bottom>/softmax`."""
    if layer.kind != "SoftmaxWithLoss":
        return layer
    taken = {name for other in present for name in (*other.bottoms, *other.tops)}
    spare = "prob" if "prob" not in taken else f"{layer.bottoms[0]}/softmax"
    top = layer.tops[1] if len(layer.tops) > 1 else spare
    return replace(layer, kind="Softmax", bottoms=layer.bottoms[:1], tops=(top,))
