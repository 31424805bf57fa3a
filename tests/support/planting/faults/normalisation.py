"""LRN and L2 normalisation: what alpha is divided by, the window, the exponent, the constant."""

from __future__ import annotations

import numpy as np

from planting.fault import Fault, of, weighted
from zoo.parity.graphs.graph import attributes, change


def lrn(**changes):
    def plant(graph, node, rng):
        old = attributes(node)
        change(node, **{name: make(old) for name, make in changes.items()})

    return plant


def within_channel(graph, node, rng):
    """The window lies in the image instead of across channels."""
    old = attributes(node)
    n, x = old["size"], node.input[0]
    square = graph.before(node, 0, "Mul", x)
    pads = [n // 2] * 4
    graph.before(node, 0, "AveragePool", kernel_shape=[n, n], pads=pads, strides=[1, 1], count_include_pad=1)
    graph.before(node, 0, "Mul", graph.store(np.array(old["alpha"], np.float32), "alpha"))
    graph.before(node, 0, "Add", graph.store(np.array(old.get("bias", 1), np.float32), "k"))
    power = graph.before(node, 0, "Pow", graph.store(np.array(old["beta"], np.float32), "beta"))
    node.op_type, node.input[0] = "Div", x
    node.input.append(power.output[0])
    del node.attribute[:]
    assert square.output


NORM = of("LRN")
SCALE = weighted("Mul")
FAULTS = (
    Fault("LRN alpha over n", "LRN alpha", NORM, lrn(alpha=lambda o: o["alpha"] / o["size"]), "A17"),
    Fault("LRN alpha times n", "LRN alpha", NORM, lrn(alpha=lambda o: o["alpha"] * o["size"]), "A17"),
    Fault("LRN size + 2", "LRN size", NORM, lrn(size=lambda o: o["size"] + 2), "A17"),
    Fault(
        "LRN size + 2 with its alpha",
        "LRN size",
        NORM,
        lrn(size=lambda o: o["size"] + 2, alpha=lambda o: o["alpha"] * (o["size"] + 2) / o["size"]),
        "A17",
    ),
    Fault("LRN beta 0.5", "LRN beta", NORM, lrn(beta=lambda o: 0.5), "A17"),
    Fault("LRN k doubled", "LRN k", NORM, lrn(bias=lambda o: o.get("bias", 1.0) * 2), "A17"),
    Fault("LRN within the channel", "LRN region", NORM, within_channel, "A17"),
    Fault("LRN left out", "layer left out", NORM, lambda g, n, r: g.bypass(n), "A17"),
    Fault("L2 norm not scaled", "layer left out", SCALE, lambda g, n, r: g.bypass(n), "A18"),
    Fault("L1 for L2", "kind of reduction", of("ReduceL2"), lambda g, n, r: setattr(n, "op_type", "ReduceL1"), "A18"),
)
