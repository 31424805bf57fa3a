"""What a codec hands over: layers of the source, decoded but not yet understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from converters.diagnostic import NOWHERE, Where
from converters.hub.attributes import Attributes
from converters.weights import Weight

Dim = int | str | None
"""A dimension: a number, a symbol such as "N", or None where nobody knows."""


@dataclass(frozen=True, slots=True)
class Port:
    """An input of the network: its name, shape and element type (numpy's name)."""

    name: str
    shape: tuple[Dim, ...]
    dtype: str = "float32"


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of the source graph, its values named once (SSA).

    Weights are keyed by role, or by position where the source only numbers them. `tied` names, by key, the layer whose
    weight this one is to share even where no file holds either.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Attributes = field(default_factory=lambda: Attributes({}))
    weights: Mapping[int | str, Weight] = field(default_factory=dict)
    where: Where = NOWHERE
    tied: Mapping[int | str, str] = field(default_factory=dict)


INPUTS = "zoo.inputs"
"""Key of the metadata that says how each input is fed; its value is JSON in the words of zoo's registry."""


@dataclass(frozen=True, slots=True)
class SourceGraph:
    """A whole network: values in SSA form, layers in topological order.

    `blobs` maps each value to the name that the source uses for it (two values of one in-place chain share it);
    `pruned` lists (layer, reason) that the codec left out; `unused` lists weights in the file that no layer asks for;
    `notes` are decisions of the codec that a reader should know;
    `metadata` is what a converted file should carry beside the network;
    `surplus` lists stored layers that the network must have lost: graph and weights do not fit;
    `dialect` is the variant of the target that the layers are written for.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[str, ...]
    layers: tuple[Layer, ...]
    blobs: Mapping[str, str] = field(default_factory=dict)
    pruned: tuple[tuple[str, str], ...] = ()
    unused: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    dialect: str = ""
