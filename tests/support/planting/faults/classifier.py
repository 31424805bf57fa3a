"""The end of a classifier: flattening, fully-connected weights, softmax, labels."""

from __future__ import annotations

import numpy as np

from planting.fault import Fault, demand, of, swap, weighted
from zoo.parity.graphs.graph import attributes


def flattened(graph, node):
    """The image that a Flatten before this layer made a row of; None when there is none."""
    before = graph.producer(node.input[0])
    while before is not None and before.op_type in {"Dropout", "Identity"}:
        before = graph.producer(before.input[0])
    if before is None or before.op_type != "Flatten":
        return None
    shape = graph.shapes().get(before.input[0])
    return shape[1:] if shape and len(shape) == 4 and shape[2] * shape[3] > 1 else None


FIRST_DENSE = weighted("Gemm", where=lambda g, n: flattened(g, n) is not None)


def channels_last(graph, node, rng):
    """Rows of the weights for H x W x C instead of C x H x W."""
    c, h, w = flattened(graph, node)
    demand(bool(attributes(node).get("transB")))
    swap(graph, node, 1, lambda a: a.reshape(-1, h, w, c).transpose(0, 3, 1, 2).reshape(a.shape))


def transposed(graph, node, rng):
    """The bytes of out x in read as in x out."""
    swap(graph, node, 1, lambda a: a.reshape(a.shape[::-1]).T)


def flatten_order(graph, node, rng):
    demand(len(graph.shapes().get(node.input[0], ())) == 4 and graph.shapes()[node.input[0]][2:] != (1, 1))
    graph.before(node, 0, "Transpose", perm=[0, 2, 3, 1])


def axis(graph, node, rng):
    rank = len(graph.shapes().get(node.input[0], ()))
    old = int(attributes(node).get("axis", -1)) % rank
    new = 0 if rank == 2 else (old + 1) % rank or 1
    demand(new != old)
    from zoo.parity.graphs.graph import change

    change(node, axis=new)


def double(graph, node, rng):
    graph.after(node.output[0], "Softmax", axis=int(attributes(node).get("axis", -1)))


def logarithm(graph, node, rng):
    node.op_type = "LogSoftmax"


def last(graph):
    """The node of the first output, where it has classes."""
    node = graph.producer(graph.outputs[0])
    shape = graph.shapes().get(graph.outputs[0], ())
    return [node] if node is not None and len(shape) > 1 and isinstance(shape[1], int) and shape[1] > 3 else []


def reordered(order):
    def plant(graph, node, rng):
        size = graph.shapes()[node.output[0]][1]
        graph.after(node.output[0], "Gather", graph.store(order(size, rng), "order"), axis=1)

    return plant


def two(size, rng):
    one, other = rng.choice(size, 2, replace=False)
    order = np.arange(size)
    order[[one, other]] = other, one
    return order


def kept(graph, node, rng):
    """Dropout at work: half of the values zero, the others doubled."""
    shape = graph.shapes().get(node.input[0], ())
    demand(len(shape) > 1)
    mask = (rng.random(tuple(size or 1 for size in (1, *shape[1:]))) > 0.5).astype(np.float32) * 2
    graph.bypass(node)
    graph.after(node.output[0], "Mul", graph.store(mask, "mask"))


def halved(graph, node, rng):
    graph.bypass(node)
    graph.after(node.output[0], "Mul", graph.store(np.array(0.5, np.float32), "half"))


def product_only(graph, node, rng):
    """alpha of Gemm read as 0.5."""
    from zoo.parity.graphs.graph import change

    change(node, alpha=0.5)


SOFTMAX = of("Softmax")
FAULTS = (
    Fault("rows for HWC", "channels-last fully-connected weights", FIRST_DENSE, channels_last, "A12"),
    Fault(
        "fully-connected weights transposed",
        "transposed fully-connected weights",
        weighted("Gemm", "MatMul"),
        transposed,
        "A42",
    ),
    Fault("flattened as HWC", "channels-last fully-connected weights", of("Flatten"), flatten_order, "A12"),
    Fault("Gemm alpha 0.5", "scale factor", of("Gemm"), product_only),
    Fault("softmax axis", "softmax axis", SOFTMAX, axis, "A21"),
    Fault("softmax missing", "softmax missing", SOFTMAX, lambda g, n, r: g.bypass(n), "A21"),
    Fault("softmax twice", "softmax twice", SOFTMAX, double, "A21"),
    Fault("logarithm of the softmax", "log softmax", SOFTMAX, logarithm, "A21"),
    Fault("labels off by one", "label offset", last, reordered(lambda n, r: np.roll(np.arange(n), 1)), "A31"),
    Fault("two labels exchanged", "class permutation", last, reordered(two), "A31"),
    Fault("labels in another order", "class permutation", last, reordered(lambda n, r: r.permutation(n)), "A31"),
    Fault("dropout at work", "dropout left on", of("Dropout"), kept, "A32"),
    Fault("dropout scales by 0.5", "dropout left on", of("Dropout"), halved, "A32"),
)
