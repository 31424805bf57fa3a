"""Which stored blobs belong to which layer: by name, as Caffe's CopyTrainedLayersFrom does, but nothing is ignored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from converters.caffe.caffemodel import StoredLayer
from converters.caffe.prototxt import RawLayer
from converters.weights import Weight


@dataclass(frozen=True, slots=True)
class Matched:
    """The blobs of each layer by position, what no layer asks for, and what the network must have lost.

    `unused` are heads and tails that the prototxt leaves out (a training head, a cut classifier). `surplus` are
    layers that, by the weights file's own account, feed a layer of the network: the two files do not fit.
    """

    weights: Mapping[str, Mapping[int | str, Weight]]
    tied: Mapping[str, Mapping[int | str, str]]
    unused: tuple[str, ...]
    surplus: tuple[str, ...]


def match(layers: Sequence[RawLayer], stored: Sequence[StoredLayer]) -> Matched:
    """Pair a network's layers with stored ones."""
    wanted = {layer.name for layer in layers}
    by_name = {layer.name: layer.blobs for layer in stored if layer.blobs}
    weights: dict[str, dict[int | str, Weight]] = {}
    owners: dict[str, tuple[str, int]] = {}
    tied: dict[str, dict[int | str, str]] = {}
    for layer in layers:
        own = dict[int | str, Weight](enumerate(by_name.get(layer.name, ())))
        weights[layer.name], tied[layer.name] = own, {}
        for position, spec in enumerate(layer.message.param):
            if spec.name:
                _share(layer.name, position, owners.setdefault(spec.name, (layer.name, position)), weights, tied)
    feeding = _feeding(stored, wanted)
    unused = tuple(name for name in by_name if name not in wanted and name not in feeding)
    return Matched(weights, tied, unused, tuple(name for name in by_name if name in feeding))


def _share(
    layer: str,
    position: int,
    owner: tuple[str, int],
    weights: dict[str, dict[int | str, Weight]],
    tied: dict[str, dict[int | str, str]],
) -> None:
    """`param { name: "w" }`: the first layer that names a parameter owns it, the others use the owner's."""
    name, place = owner
    if layer == name:
        return
    tied[layer][position] = name
    if place in weights[name]:
        weights[layer][position] = weights[name][place]


def _feeding(stored: Sequence[StoredLayer], wanted: set[str]) -> set[str]:
    """Stored layers with blobs that the network lacks although one of its layers depends on them."""
    behind: dict[str, frozenset[str]] = {}
    feeding: set[str] = set()
    for layer in stored:
        depends = frozenset[str]().union(*(behind.get(bottom, frozenset()) for bottom in layer.bottoms))
        if layer.name in wanted:
            feeding |= depends
            depends = frozenset()  # said once; what follows is as it should be
        elif layer.blobs:
            depends |= {layer.name}
        for top in layer.tops:
            behind[top] = depends
    return feeding
