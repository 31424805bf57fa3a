"""Weights and biases: turned, exchanged, dropped, one number wrong."""

from __future__ import annotations

import numpy as np

from planting.fault import Fault, demand, edit, of, swap, weighted

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
BIASED = of("Conv", "ConvTranspose", "Gemm", where=lambda graph, node: graph.operand(node, 2) is not None)


def spatial(graph, node):
    return max(graph.operand(node, 1).shape[2:]) > 1


def square(graph, node):
    shape = graph.operand(node, 1).shape[2:]
    return len(shape) == 2 and shape[0] == shape[1] > 1


def flip(array):
    return array[:, :, ::-1, ::-1]


def one_flipped(array, rng):
    out, into = rng.integers(array.shape[0]), rng.integers(array.shape[1])
    array[out, into] = array[out, into, ::-1, ::-1]
    return array


def two_swapped(array, rng, axis=0):
    demand(array.shape[axis] > 1)
    one, other = rng.choice(array.shape[axis], 2, replace=False)
    order = np.arange(array.shape[axis])
    order[[one, other]] = other, one
    return np.take(array, order, axis)


def outputs_swapped(graph, node, rng):
    """Two output channels, their biases with them."""
    axis = 0 if node.op_type == "Conv" else int(node.op_type != "Gemm")
    seed = int(rng.integers(1 << 30))
    swap(graph, node, 1, lambda array: two_swapped(array, np.random.default_rng(seed), axis))
    if graph.operand(node, 2) is not None:
        size = graph.operand(node, 1).shape[axis]
        one, other = np.random.default_rng(seed).choice(size, 2, replace=False)
        bias = graph.operand(node, 2).copy()
        bias[[one, other]] = bias[[other, one]]
        graph.give(node, 2, bias)


def one_number(array, rng, change):
    place = tuple(rng.integers(size) for size in array.shape)
    array[place] = change(array[place])
    return array


def one_bias(array, rng):
    array[rng.integers(array.size)] = 0
    return array


def groups_exchanged(graph, node, rng):
    group = next(attribute.i for attribute in node.attribute if attribute.name == "group")
    swap(graph, node, 1, lambda array: np.roll(array, len(array) // group, 0))


def multiplier_order(graph, node, rng):
    """Channels of a grouped convolution counted group by group instead of one of each in turn."""
    group = next(attribute.i for attribute in node.attribute if attribute.name == "group")
    swap(graph, node, 1, lambda a: a.reshape(group, -1, *a.shape[1:]).swapaxes(0, 1).reshape(a.shape))


def another_layers(graph, node, rng):
    """The weights of another layer of the same shape, as a table sorted by the wrong key would give."""
    mine = graph.operand(node, 1)
    others = [graph.operand(n, 1) for n in graph.nodes if n.op_type == node.op_type and n.output != node.output]
    others = [other for other in others if other is not None and other.shape == mine.shape]
    demand(bool(others))
    graph.give(node, 1, others[rng.integers(len(others))])


GROUPED = weighted("Conv", where=lambda g, n: any(a.name == "group" and a.i > 1 for a in n.attribute))
FAULTS = (
    Fault("layer flipped", "flipped kernels", weighted("Conv", where=spatial), edit(1, lambda a, r: flip(a)), "A42"),
    Fault("one kernel flipped", "flipped kernels", weighted("Conv", where=spatial), edit(1, one_flipped), "A42"),
    Fault(
        "kernels transposed",
        "transposed kernels",
        weighted("Conv", where=square),
        edit(1, lambda a, r: a.swapaxes(2, 3)),
    ),
    Fault("kernels mirrored", "flipped kernels", weighted("Conv", where=spatial), edit(1, lambda a, r: a[..., ::-1])),
    Fault("two output channels swapped", "channel permutation|class permutation", weighted(*LAYERS), outputs_swapped),
    Fault(
        "two input channels swapped",
        "channel permutation",
        weighted("Conv"),
        edit(1, lambda a, r: two_swapped(a, r, 1)),
    ),
    Fault(
        "input channels reversed",
        "channel permutation|BGR/RGB swap",
        weighted("Conv"),
        edit(1, lambda a, r: a[:, ::-1]),
        "A30",
    ),
    Fault("groups exchanged", "channel permutation", GROUPED, groups_exchanged, "A37"),
    Fault("depth multiplier order", "channel permutation", GROUPED, multiplier_order, "A37"),
    Fault("weights of another layer", "weights of another layer", weighted(*LAYERS), another_layers, "A9"),
    Fault("one bias dropped", "dropped bias", BIASED, edit(2, one_bias)),
    Fault("all biases dropped", "dropped bias", BIASED, edit(2, lambda a, r: a * 0), "A9"),
    Fault("bias negated", "weights differ", BIASED, edit(2, lambda a, r: -a)),
    Fault("bias added twice", "weights differ", BIASED, edit(2, lambda a, r: a * 2)),
    Fault("bias rolled by one", "channel permutation", BIASED, edit(2, lambda a, r: np.roll(a, 1))),
    Fault(
        "one weight's sign", "weights differ", weighted(*LAYERS), edit(1, lambda a, r: one_number(a, r, lambda x: -x))
    ),
    Fault(
        "one weight zero", "weights differ", weighted(*LAYERS), edit(1, lambda a, r: one_number(a, r, lambda x: 0 * x))
    ),
    Fault(
        "one weight 0.1 % larger",
        "weights differ",
        weighted(*LAYERS),
        edit(1, lambda a, r: one_number(a, r, lambda x: x * 1.001)),
    ),
    Fault(
        "one weight 1 % larger",
        "weights differ",
        weighted(*LAYERS),
        edit(1, lambda a, r: one_number(a, r, lambda x: x * 1.01)),
    ),
    Fault(
        "layer scaled by 1.001",
        "weights differ|scale factor|scale of the input",
        weighted(*LAYERS),
        edit(1, lambda a, r: a * 1.001),
    ),
    Fault("weights missing", "weights differ", weighted(*LAYERS), edit(1, lambda a, r: a * 0), "A9"),
    Fault(
        "weights drawn again",
        "weights differ",
        weighted(*LAYERS),
        edit(1, lambda a, r: r.permutation(a.ravel()).reshape(a.shape)),
        "A9",
    ),
)
