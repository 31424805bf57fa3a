"""Which part of a network is wanted: the layers behind chosen outputs, or all that comes before a cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from converters.diagnostic import Diagnostic
from converters.hub.layer import Layer, SourceGraph


def pick(graph: SourceGraph, outputs: Sequence[str]) -> SourceGraph:
    """The graph that computes `outputs` (blob or layer names) and nothing else."""
    wanted = tuple(_value(graph, name) for name in outputs)
    return _only_needed(graph, wanted)


def cut(graph: SourceGraph, at: Sequence[str]) -> SourceGraph:
    """The graph without what is computed from the values named `at`.

    Its outputs are those values, the old outputs that do not depend on them, and whatever else the part that was
    cut off would have used: nothing that the caller needs to finish the work is lost. What a caller feeds is no output.
    """
    named = tuple(_value(graph, name) for name in at)
    tainted = set(named)
    removed: list[Layer] = []
    for layer in graph.layers:
        if tainted.intersection(layer.inputs):
            tainted.update(layer.outputs)
            removed.append(layer)
    made = tainted - set(named)
    used = (name for layer in removed for name in layer.inputs if name not in made)
    old = (name for name in graph.outputs if name not in made)
    given = {port.name for port in graph.inputs}
    outputs = tuple(name for name in dict.fromkeys((*named, *used, *old)) if name not in given)
    if not outputs:
        raise Diagnostic("no-output", f"nothing is computed before {', '.join(at)}")
    return _only_needed(graph, outputs)


def _only_needed(graph: SourceGraph, outputs: tuple[str, ...]) -> SourceGraph:
    needed = set(outputs)
    kept: list[Layer] = []
    for layer in reversed(graph.layers):
        if needed.intersection(layer.outputs):
            needed.update(layer.inputs)
            kept.append(layer)
    kept.reverse()
    inputs = tuple(port for port in graph.inputs if port.name in needed)
    gone = tuple((layer.name, "not needed for the chosen outputs") for layer in graph.layers if layer not in kept)
    return replace(graph, layers=tuple(kept), outputs=outputs, inputs=inputs, pruned=(*graph.pruned, *gone))


def _value(graph: SourceGraph, name: str) -> str:
    """The value that a person means: the last one of a blob's name, or a layer's first output."""
    values = [value for value, blob in graph.blobs.items() if name in (blob, value)]
    if values:
        return values[-1]
    for layer in graph.layers:
        if layer.name == name and layer.outputs:
            return layer.outputs[0]
    known = [*graph.blobs.values(), *(layer.name for layer in graph.layers)]
    near = get_close_matches(name, known, n=3)
    raise Diagnostic(
        "unknown-value",
        f'the network has no value or layer "{name}"',
        hint=f"similar names: {', '.join(dict.fromkeys(near))}" if near else "zoo inspect lists the names",
    )
