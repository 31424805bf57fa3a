"""Layers -> nn.gModule, field by field as nngraph makes it: any graph of one-output modules.

nngraph keeps each node twice, in a backward graph (`bg`, from a node to what it reads) and a forward graph (`fg`); the
two nodes share a table `data`. There `mapindex` lists the data that are read, by position and back; the keys of
`reverseMap` are the backward nodes that read this one. The order of nodes and edges is nngraph's own
(nngraph/gmodule.lua, graph/init.lua), so that a file can be compared with what nngraph saves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from converters.hub.layer import SourceGraph
from converters.torch7.classes import FLOAT, from_layer, module
from converters.torch7.saving import Floats, Listed, Made, Pairs, Saved

_Edge = tuple["Step", "Step"]


@dataclass(slots=True, eq=False)
class Step:
    """What the two nodes of a step share: its own entries of `data`, and the steps that it reads."""

    label: str
    own: Mapping[str, Saved]
    reads: list[Step] = field(default_factory=list)
    data: Pairs = field(default_factory=Pairs)


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two graphs: the nodes of its steps, in nngraph's order, and the object that is saved."""

    nodes: dict[Step, Made]
    children: dict[Step, list[Step]]
    saved: Made


def gmodule(graph: SourceGraph) -> Made | None:
    """The nn.gModule that computes the graph; None where one of its inputs is not used, as nngraph allows none."""
    innode, outnode = _steps(graph)
    reached = {step for edge in _backward(outnode) for step in edge}
    selected = sum(1 for step in reached if "selectindex" in step.own)
    if innode not in reached or (len(graph.inputs) > 1 and selected != len(graph.inputs)):
        return None
    return assembled(innode, outnode, len(graph.inputs))


def assembled(innode: Step, outnode: Step, inputs: int) -> Made:
    """The nn.gModule of linked steps, all of which lead from `innode` to `outnode`; fills their `data`."""
    edges = _backward(outnode)
    backward = _side(edges)
    forward = _side([(end, start) for start, end in edges])
    order = _sorted(outnode, backward.children)
    numbers = {step: number for number, step in enumerate(forward.nodes, 1)}
    for step in order:
        _fill(step, numbers[step], [backward.nodes[reader] for reader in forward.children[step]])
    return Made(
        "nn.gModule",
        {
            "_type": FLOAT,
            "train": False,
            "verbose": False,
            "output": Listed() if len(outnode.reads) > 1 else Floats(),
            "nInputs": inputs,
            "modules": Listed(tuple(step.own["module"] for step in order if "module" in step.own)),
            "forwardnodes": Listed(tuple(forward.nodes[step] for step in order)),
            "backwardnodes": Listed(tuple(backward.nodes[step] for step in _sorted(innode, forward.children))),
            "innode": forward.nodes[innode],
            "outnode": backward.nodes[outnode],
            "bg": backward.saved,
            "fg": forward.saved,
        },
    )


def _steps(graph: SourceGraph) -> tuple[Step, Step]:
    """All steps, linked by what they read; the first and the last of them, which nngraph adds by itself."""
    innode = Step("innode", {})
    made: dict[str, Step] = {}
    source = innode
    if len(graph.inputs) > 1:
        source = Step("innode split", {"nSplitOutputs": len(graph.inputs)}, [innode])
    for number, port in enumerate(graph.inputs, 1):
        entry = source if source is innode else Step(f"innode-{number}", {"selectindex": number}, [source])
        made[port.name] = _identity(port.name, entry)
    for layer in graph.layers:
        step = Step(layer.name, {"module": from_layer(layer)})
        step.reads = _distinct([made[name] for name in layer.inputs])
        made[layer.outputs[0]] = step
    outnode = Step("outnode", {}, _distinct([made[name] for name in graph.outputs]))
    return innode, outnode


def _distinct(reads: Sequence[Step]) -> list[Step]:
    """The steps to read, an Identity behind one that comes again: no node of nngraph reads another twice."""
    found: list[Step] = []
    for step in reads:
        found.append(_identity(step.label, step) if step in found else step)
    return found


def _identity(label: str, read: Step) -> Step:
    return Step(label, {"module": module("nn.Identity", {})}, [read])


def _backward(outnode: Step) -> list[_Edge]:
    """The edges from each step to what it reads, breadth first."""
    edges: list[_Edge] = []
    found = {outnode: None}
    for step in (waiting := [outnode]):
        for read in step.reads:
            edges.append((step, read))
            if read not in found:
                found[read] = None
                waiting.append(read)
    return edges


def _side(edges: Sequence[_Edge]) -> _Side:
    """A graph.Graph of nngraph.Nodes: numbered from 1 as the edges name them, start before end."""
    children: dict[Step, list[Step]] = {}
    for start, end in edges:
        children.setdefault(start, []).append(end)
        children.setdefault(end, [])
    below = {step: Pairs() for step in children}
    nodes = {
        step: Made(
            "nngraph.Node",
            {"data": step.data, "id": number, "visited": False, "marked": False, "children": below[step]},
        )
        for number, step in enumerate(children, 1)
    }
    for step, table in below.items():
        table.items.extend(_both_ways([nodes[child] for child in children[step]]))
    drawn = [Made("graph.Edge", {"from": nodes[start], "to": nodes[end]}) for start, end in edges]
    saved = Made(
        "graph.Graph", {"nodes": Pairs(_both_ways(list(nodes.values()))), "edges": Pairs(_both_ways(drawn))}
    )  # fmt: skip
    return _Side(nodes, children, saved)


def _both_ways(values: Sequence[Saved]) -> list[tuple[Saved, Saved]]:
    """1, 2, 3... -> value, and value -> its number."""
    numbered: list[tuple[Saved, Saved]] = list(enumerate(values, 1))
    return [*numbered, *((value, number) for number, value in numbered)]


def _fill(step: Step, number: int, readers: Sequence[Made]) -> None:
    """The entries of a step's data, once the nodes that read it are there; `name` is what annotate{name =} sets."""
    entries: dict[str, Saved] = {
        **step.own,
        "annotations": Pairs([("_debugLabel", f"[onnx]:{number}_{step.label}"), ("name", step.label)]),
        "forwardNodeId": number,
        "mapindex": Pairs(_both_ways([read.data for read in step.reads])),
        "reverseMap": Pairs([(reader, True) for reader in readers]),
    }
    step.data.items.extend(sorted(entries.items()))


def _sorted(root: Step, children: Mapping[Step, Sequence[Step]]) -> list[Step]:
    """Depth first, a step behind all its children: nngraph's topological order."""
    order: list[Step] = []
    known = {root}
    waiting = [(root, iter(children[root]))]
    while waiting:
        step, left = waiting[-1]
        child = next((item for item in left if item not in known), None)
        if child is None:
            order.append(step)
            waiting.pop()
        else:
            known.add(child)
            waiting.append((child, iter(children[child])))
    return order
