"""Layers -> one nn module: Sequential where the graph is a chain, ConcatTable where it branches and joins again.

A graph of chains that part and meet (residual and dense blocks, inception modules) nests exactly so. Any other graph
becomes an nn.gModule. Where nngraph cannot take it, or is not wanted (dialect `nn`), it becomes a Sequential of steps
that hand a table of the values still needed from one to the next (docs/decisions/0134-which-graph-becomes-what.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from converters.diagnostic import Diagnostic
from converters.hub.attributes import Attributes
from converters.hub.layer import Layer, SourceGraph
from converters.torch7.classes import container, from_layer, module
from converters.torch7.graphing import gmodule
from converters.torch7.saving import Made

SOURCE = ""
"""What the whole module gets: the only input, or the table of all inputs."""
_DEEPEST = 100
_LONGEST = 700
"""Layers of an nn.gModule: real Torch follows its links by recursion. Measured: it saves a chain of 700, not of 800."""
_NO_GRAPH = (
    f"has more than {_LONGEST} layers, or an input that nothing uses: real Torch does not load such an nn.gModule"
)


class _NotNested(Exception):
    """The graph's branches do not nest."""


def compose(graph: SourceGraph) -> Made:
    """The module that computes the graph: a table of inputs or outputs where there are several.

    The dialect says how: `auto` nests what nests, `nn` needs no nngraph, `nngraph` wants nn.gModule.
    """
    layers, outputs = _with_source(graph)
    nested = None if graph.dialect == "nngraph" else _nested(layers, outputs)
    if nested is not None:
        return container("nn.Sequential", tuple(nested))
    drawn = None if graph.dialect == "nn" else _drawn(graph)
    if drawn is not None:
        return drawn
    if graph.dialect == "nngraph":
        raise Diagnostic("unwritable-graph", _NO_GRAPH, hint="without --dialect nngraph it becomes plain nn")
    return container("nn.Sequential", tuple(_steps(layers, outputs)))


def _nested(layers: Sequence[Layer], outputs: Sequence[str]) -> list[Made] | None:
    try:
        return _Nesting(layers).series(outputs)
    except _NotNested:
        return None


def _drawn(graph: SourceGraph) -> Made | None:
    return None if len(graph.layers) > _LONGEST else gmodule(graph)


def _with_source(graph: SourceGraph) -> tuple[list[Layer], tuple[str, ...]]:
    """The layers with all inputs taken from SOURCE, and the outputs so named."""
    names = [port.name for port in graph.inputs]
    if len(names) == 1:
        rename = {names[0]: SOURCE}
        selects: list[Layer] = []
    else:
        rename = {}
        selects = [
            Layer("nn.SelectTable", name, (SOURCE,), (name,), Attributes({"index": position}))
            for position, name in enumerate(names, 1)
        ]
    layers = [
        Layer(
            layer.kind, layer.name, tuple(rename.get(name, name) for name in layer.inputs), layer.outputs, layer.attrs,
            layer.weights, layer.where,
        )
        for layer in graph.layers
    ]  # fmt: skip
    return [*selects, *layers], tuple(rename.get(name, name) for name in graph.outputs)


class _Nesting:
    """Finds, for each layer that joins values, the one value from which all its branches come."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._maker = {layer.outputs[0]: layer for layer in layers}
        self._parent: dict[str, str] = {}
        self._depth = {SOURCE: 0}
        self._used: set[str] = set()
        for layer in layers:
            parent = self._common(layer.inputs)
            self._parent[layer.outputs[0]] = parent
            self._depth[layer.outputs[0]] = self._depth[parent] + 1

    def series(self, outputs: Sequence[str]) -> list[Made]:
        """Modules one behind the other that make the outputs out of SOURCE."""
        if len(outputs) == 1:
            return self._between(SOURCE, outputs[0], 0)
        common = self._common(outputs)
        return [*self._between(SOURCE, common, 0), self._branches(common, outputs, 0)]

    def _between(self, start: str, end: str, depth: int) -> list[Made]:
        if depth > _DEEPEST:
            raise _NotNested
        parts: list[Made] = []
        while end != start:
            layer = self._maker[end]
            if layer.name in self._used:
                raise _NotNested
            self._used.add(layer.name)
            parts.append(from_layer(layer))
            parent = self._parent[end]
            if len(layer.inputs) > 1:
                parts.append(self._branches(parent, layer.inputs, depth))
            end = parent
        parts.reverse()
        return parts

    def _branches(self, start: str, ends: Sequence[str], depth: int) -> Made:
        return container("nn.ConcatTable", tuple(_single(self._between(start, end, depth + 1)) for end in ends))

    def _common(self, values: Sequence[str]) -> str:
        """The nearest value through which all ways to these values lead."""
        first = values[0]
        for value in values[1:]:
            other = value
            while first != other:
                if self._depth[first] >= self._depth[other]:
                    first = self._parent[first]
                else:
                    other = self._parent[other]
        return first


def _steps(layers: Sequence[Layer], outputs: Sequence[str]) -> list[Made]:
    """One step a layer: a ConcatTable that hands on what is still needed and adds what the layer makes."""
    last = {name: position for position, layer in enumerate(layers) for name in layer.inputs}
    last |= dict.fromkeys(outputs, len(layers))
    live = [SOURCE]
    parts = [container("nn.ConcatTable", (module("nn.Identity", {}),))]
    for position, layer in enumerate(layers):
        made = layer.outputs[0]
        if made not in last:
            continue
        branch = _single([*_picked(live, layer.inputs), from_layer(layer)])
        kept = [name for name in live if last.get(name, -1) > position]
        parts.append(container("nn.ConcatTable", (*(_select(live, name) for name in kept), branch)))
        live = [*kept, made]
    return [*parts, *_picked(live, outputs)]


def _picked(live: Sequence[str], names: Sequence[str]) -> list[Made]:
    if len(names) == 1:
        return [_select(live, names[0])]
    return [container("nn.ConcatTable", tuple(_select(live, name) for name in names))]


def _select(live: Sequence[str], name: str) -> Made:
    return module("nn.SelectTable", {"index": live.index(name) + 1})


def _single(parts: list[Made]) -> Made:
    if not parts:
        return module("nn.Identity", {})
    return parts[0] if len(parts) == 1 else container("nn.Sequential", tuple(parts))
