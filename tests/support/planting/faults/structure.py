"""How layers are wired: order of a concatenation, a coefficient, a lost branch, a slice one off."""

from __future__ import annotations

import numpy as np

from planting.fault import Fault, demand, of
from zoo.parity.graphs.graph import change, numbers


def reversed_inputs(graph, node, rng):
    inputs = list(node.input)
    demand(len(inputs) > 1 and inputs != inputs[::-1])
    del node.input[:]
    node.input.extend(inputs[::-1])


def coefficient(graph, node, rng):
    graph.before(node, 1, "Mul", graph.store(np.array(0.5, np.float32), "coefficient"))


def one_branch(graph, node, rng):
    demand(not graph.is_weight(node.input[0]))
    graph.bypass(node)


def maximum(graph, node, rng):
    node.op_type = "Max"


def subtracted(graph, node, rng):
    node.op_type = "Sub"


def slice_moved(graph, node, rng):
    starts, ends = graph.operand(node, 1), graph.operand(node, 2)
    demand(starts is not None and ends is not None and min(starts) > 0)
    graph.give(node, 1, starts - 1)
    graph.give(node, 2, ends - 1)


def permuted(graph, node, rng):
    """Two axes of the same length exchanged, or the shape kept by reading the bytes in another order."""
    perm = numbers(node, "perm")
    shapes = graph.shapes()
    shape, out = shapes.get(node.input[0]), shapes.get(node.output[0])
    demand(bool(shape and out) and len(perm) > 3)
    wrong = [*perm[:-2], perm[-1], perm[-2]]
    change(node, perm=wrong)
    sizes = [0, *(size or -1 for size in out[1:])]
    demand(sizes.count(-1) < 2)
    graph.after(node.output[0], "Reshape", graph.store(np.array(sizes), "shape"))


def left_unmixed(graph, node, rng):
    """A Transpose replaced by a Reshape to its shape: channels are not shuffled, priors not interleaved."""
    out = graph.shapes().get(node.output[0])
    demand(bool(out) and len(out) > 2 and out[0] is None)
    value = node.output[0]
    graph.bypass(node)
    graph.after(value, "Reshape", graph.store(np.array([0, *(size or -1 for size in out[1:])]), "shape"))


def boxes(graph):
    """The last layer whose last axis counts the four sides of a box."""
    shapes = graph.shapes()
    return [n for n in graph.nodes if n.output[0] in graph.outputs and (shapes.get(n.output[0]) or (0,))[-1] == 4]


def sides_exchanged(graph, node, rng):
    rank = len(graph.shapes()[node.output[0]])
    graph.after(node.output[0], "Gather", graph.store(np.array([1, 0, 3, 2]), "order"), axis=rank - 1)


def variance_twice(graph, node, rng):
    variance = np.array([0.1, 0.1, 0.2, 0.2], np.float32)
    graph.after(node.output[0], "Mul", graph.store(variance, "variance"))


def computed(graph, node):
    return len(node.input) > 1 and not any(graph.is_weight(name) for name in node.input)


SUMS = of("Add", "Sum", where=computed)
FAULTS = (
    Fault("concatenated in reverse", "order of inputs", of("Concat"), reversed_inputs, "A13"),
    Fault("coefficient 0.5", "coefficient of a sum", SUMS, coefficient, "A41"),
    Fault("one branch lost", "lost branch", SUMS, one_branch, "A10"),
    Fault("maximum for sum", "kind of elementwise operation", SUMS, maximum, "A41"),
    Fault("difference for sum", "kind of elementwise operation", SUMS, subtracted, "A41"),
    Fault("gate not applied", "lost branch", of("Mul", where=computed), one_branch),
    Fault("slice one off", "slice offset", of("Slice"), slice_moved, "A16"),
    Fault("axes permuted wrongly", "order of axes", of("Transpose"), permuted, "A18"),
    Fault("not permuted", "order of axes", of("Transpose"), left_unmixed, "A18"),
    Fault("sides of boxes exchanged", "class permutation", boxes, sides_exchanged, "A18"),
    Fault("variance of boxes applied twice", "scale factor", boxes, variance_twice, "A18"),
)
