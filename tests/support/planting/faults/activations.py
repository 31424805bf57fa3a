"""Activations: left out, clipped, another slope, a slope shared that is not."""

from __future__ import annotations

import numpy as np

from planting.fault import Fault, demand, edit, of, weighted
from zoo.parity.graphs.graph import attributes, change


def left_out(graph, node, rng):
    graph.bypass(node)


def clipped(graph, node, rng):
    graph.after(
        node.output[0],
        "Clip",
        graph.store(np.array(0, np.float32), "low"),
        graph.store(np.array(6, np.float32), "high"),
    )


def unclipped(graph, node, rng):
    node.op_type = "Relu"
    del node.input[1:]


def slope(factor):
    def plant(graph, node, rng):
        change(node, alpha=attributes(node).get("alpha", 0.01) * factor)

    return plant


def default_slope(graph, node, rng):
    demand(abs(attributes(node).get("alpha", 0.01) - 0.01) > 1e-6)
    change(node, alpha=0.01)


def leaky(graph, node, rng):
    node.op_type = "LeakyRelu"
    change(node, alpha=0.1)


def hard(graph, node, rng):
    node.op_type = "HardSigmoid"


def as_tanh(graph, node, rng):
    node.op_type = "Tanh"


def left_out_sigmoid(graph, node, rng):
    graph.bypass(node)


FAULTS = (
    Fault("ReLU left out", "layer left out", of("Relu"), left_out),
    Fault("ReLU clipped at 6", "clipped activation", of("Relu"), clipped),
    Fault("ReLU6 not clipped", "clipped activation", of("Clip"), unclipped),
    Fault("ReLU leaks", "activation slope", of("Relu"), leaky),
    Fault("leak 10 % larger", "activation slope", of("LeakyRelu"), slope(1.1)),
    Fault("leak 0.1 % larger", "activation slope", of("LeakyRelu"), slope(1.001)),
    Fault("leak of the default", "activation slope", of("LeakyRelu"), default_slope),
    Fault("PReLU shared", "PReLU sharing", weighted("PRelu"), edit(1, lambda a, r: np.full_like(a, a.flat[0])), "A11"),
    Fault("PReLU slopes reversed", "channel permutation", weighted("PRelu"), edit(1, lambda a, r: a[::-1]), "A11"),
    Fault(
        "PReLU one slope wrong",
        "weights differ",
        weighted("PRelu"),
        edit(1, lambda a, r: np.where(np.arange(a.size).reshape(a.shape) == r.integers(a.size), 0.25, a)),
        "A11",
    ),
    Fault("sigmoid is hard", "kind of activation", of("Sigmoid"), hard),
    Fault("tanh for sigmoid", "kind of activation", of("Sigmoid"), as_tanh),
    Fault("sigmoid left out", "layer left out", of("Sigmoid"), left_out_sigmoid),
)
