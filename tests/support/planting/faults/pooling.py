"""Pooling: which windows there are, what they are divided by, what is outside."""

from __future__ import annotations

import numpy as np

from planting.fault import Fault, demand, of
from zoo.parity.graphs.graph import attributes, change, numbers


def ceil_flipped(graph, node, rng):
    change(node, ceil_mode=1 - attributes(node).get("ceil_mode", 0))


def count_flipped(graph, node, rng):
    change(node, count_include_pad=1 - attributes(node).get("count_include_pad", 0))


def zero_outside(graph, node, rng):
    """The padding of a max pool is zero instead of minus infinity."""
    pads = numbers(node, "pads")
    around = np.array([0, 0, *pads[:2], 0, 0, *pads[2:]])
    graph.before(node, 0, "Pad", graph.store(around, "around"))
    change(node, pads=[0] * 4)


def other_pool(graph, node, rng):
    node.op_type = {"MaxPool": "AveragePool", "AveragePool": "MaxPool"}[node.op_type]
    change(node, count_include_pad=None, storage_order=None, dilations=None)


def other_global(graph, node, rng):
    node.op_type = "GlobalMaxPool"


def smaller_window(graph, node, rng):
    """A window one smaller; the end is padded less so that the shape stays."""
    kernel, pads = numbers(node, "kernel_shape"), numbers(node, "pads") or [0] * 4
    demand(min(kernel) > 2)
    smaller = [k - 1 for k in kernel]
    begin = [min(p, k - 1) for p, k in zip(pads[:2], smaller, strict=True)]
    end = [p - 1 for p in pads[2:]]
    demand(min(end) >= 0)
    change(node, kernel_shape=smaller, pads=[*begin, *end])


def sum_instead(graph, node, rng):
    size = int(np.prod(numbers(node, "kernel_shape")))
    graph.after(node.output[0], "Mul", graph.store(np.array(size, np.float32), "size"))


def overhang_counted(graph, node, rng):
    """The part of a window that hangs over the edge counts too: Caffe's ceil without Caffe's divisor."""
    kernel, strides = numbers(node, "kernel_shape"), numbers(node, "strides")
    shape = graph.shapes().get(node.input[0])
    out = graph.shapes().get(node.output[0])
    pads = numbers(node, "pads") or [0] * 4
    demand(bool(shape and out))
    need = [(out[2 + i] - 1) * strides[i] + kernel[i] - shape[2 + i] - pads[i] for i in range(2)]
    demand([max(0, n) for n in need] != pads[2:])
    change(node, ceil_mode=0, pads=[*pads[:2], *(max(0, n) for n in need)], count_include_pad=1)


POOLS = of("MaxPool", "AveragePool")
PADDED_AVERAGE = of("AveragePool", where=lambda g, n: any(numbers(n, "pads")))
PADDED_MAX = of("MaxPool", where=lambda g, n: any(numbers(n, "pads")))
CEILED = of("AveragePool", where=lambda g, n: attributes(n).get("ceil_mode", 0) == 1)
FAULTS = (
    Fault("ceil mode flipped", "ceil or floor pooling", POOLS, ceil_flipped, "A1"),
    Fault("count_include_pad flipped", "count_include_pad", PADDED_AVERAGE, count_flipped, "A2"),
    Fault("overhang counted", "count_include_pad", CEILED, overhang_counted, "A2"),
    Fault("max pool pads with zero", "pad value", PADDED_MAX, zero_outside, "A1"),
    Fault("max and average exchanged", "kind of pooling", POOLS, other_pool),
    Fault("global max instead of mean", "kind of pooling", of("GlobalAveragePool"), other_global),
    Fault("pooling window one smaller", "pooling window", POOLS, smaller_window),
    Fault("average not divided", "scale factor", of("AveragePool"), sum_instead),
)
