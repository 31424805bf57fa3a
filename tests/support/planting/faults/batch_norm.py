"""BatchNorm: epsilon, the scale factor of its statistics, gamma, beta, and the statistics themselves."""

from __future__ import annotations

import numpy as np

from planting.fault import Fault, demand, edit, of, swap
from zoo.parity.graphs.graph import attributes, change

BATCH_NORM = of("BatchNormalization")
GAMMA, BETA, MEAN, VARIANCE = 1, 2, 3, 4


def epsilon(value):
    def plant(graph, node, rng):
        old = attributes(node).get("epsilon", 1e-5)
        demand(not np.isclose(old, value, rtol=1e-3))
        change(node, epsilon=value)

    return plant


def factor(value):
    """The factor by which mean and variance are to be divided, read wrong."""

    def plant(graph, node, rng):
        for index in (MEAN, VARIANCE):
            swap(graph, node, index, lambda array: array * np.float32(value))

    return plant


def exchanged(one, other):
    def plant(graph, node, rng):
        node.input[one], node.input[other] = node.input[other], node.input[one]

    return plant


def mean_as_variance(graph, node, rng):
    mean, variance = graph.operand(node, MEAN), graph.operand(node, VARIANCE)
    graph.give(node, MEAN, variance)
    graph.give(node, VARIANCE, mean)


def batch_statistics(graph, node, rng):
    """The statistics of the batch, as in training."""
    gamma, beta = (graph.operand(node, index).reshape(-1, 1, 1) for index in (GAMMA, BETA))
    axes = graph.store(np.array([0, 2, 3]), "axes")
    demand(len(graph.shapes().get(node.input[0], ())) == 4)
    value, source = node.output[0], node.input[0]
    mean = graph.before(node, 0, "ReduceMean", axes, keepdims=1)
    node.input[0] = source
    centred = graph.before(node, 0, "Sub", mean.output[0])
    square = graph.before(node, 0, "Mul", centred.output[0])
    node.input[0] = square.output[0]
    variance = graph.before(node, 0, "ReduceMean", axes, keepdims=1)
    eps = graph.store(np.array(attributes(node).get("epsilon", 1e-5), np.float32), "eps")
    graph.before(node, 0, "Add", eps)
    root = graph.before(node, 0, "Sqrt")
    node.input[0] = centred.output[0]
    graph.before(node, 0, "Div", root.output[0])
    graph.before(node, 0, "Mul", graph.store(gamma, "gamma"))
    graph.before(node, 0, "Add", graph.store(beta, "beta"))
    assert variance.output
    graph.bypass(node)
    assert node.output[0] == value


def skipped(graph, node, rng):
    graph.bypass(node)


FAULTS = (
    Fault("BN eps 2e-5", "BatchNorm eps", BATCH_NORM, epsilon(2e-5), "A3"),
    Fault("BN eps 1e-4", "BatchNorm eps", BATCH_NORM, epsilon(1e-4), "A3"),
    Fault("BN eps 1e-3", "BatchNorm eps", BATCH_NORM, epsilon(1e-3), "A3"),
    Fault("BN eps 1e-5", "BatchNorm eps", BATCH_NORM, epsilon(1e-5), "A3"),
    Fault("BN scale factor 0.1 % off", "BatchNorm scale factor", BATCH_NORM, factor(1.001), "A3"),
    Fault("BN scale factor 2e-5 off", "BatchNorm scale factor", BATCH_NORM, factor(1 + 2e-5), "A3"),
    Fault("BN scale factor not divided by", "BatchNorm scale factor", BATCH_NORM, factor(999.98), "A3"),
    Fault(
        "BN scale factor of the mean alone", "BatchNorm statistics", BATCH_NORM, edit(MEAN, lambda a, r: a * 1.01), "A3"
    ),
    Fault("gamma read as 1", "fix_gamma", BATCH_NORM, edit(GAMMA, lambda a, r: np.ones_like(a)), "A20"),
    Fault("beta dropped", "dropped bias", BATCH_NORM, edit(BETA, lambda a, r: a * 0), "A4"),
    Fault(
        "beta of one channel dropped",
        "dropped bias",
        BATCH_NORM,
        edit(BETA, lambda a, r: np.where(np.arange(a.size) == r.integers(a.size), 0, a)),
        "A4",
    ),
    Fault("gamma and beta exchanged", "BatchNorm parameters exchanged", BATCH_NORM, exchanged(GAMMA, BETA), "A4"),
    Fault("mean and variance exchanged", "BatchNorm parameters exchanged", BATCH_NORM, mean_as_variance, "A3"),
    Fault(
        "variance is a deviation", "BatchNorm statistics", BATCH_NORM, edit(VARIANCE, lambda a, r: np.sqrt(a)), "A42"
    ),
    Fault(
        "variance corrected for bias", "BatchNorm statistics", BATCH_NORM, edit(VARIANCE, lambda a, r: a * 1.002), "A3"
    ),
    Fault("mean dropped", "BatchNorm statistics", BATCH_NORM, edit(MEAN, lambda a, r: a * 0), "A3"),
    Fault("statistics of the batch", "training mode", BATCH_NORM, batch_statistics, "A32"),
    Fault("BatchNorm left out", "layer left out", BATCH_NORM, skipped, "A3"),
)
