"""Recurrent layers: the order of gates, lost biases, the direction."""

from __future__ import annotations

import numpy as np

from planting.fault import Fault, edit, of, swap
from zoo.parity.graphs.graph import attributes, change

CELLS = of("LSTM", "GRU")
GATES = {"LSTM": 4, "GRU": 3}
INPUT, RECURRENT, BIAS = 1, 2, 3


def regated(array, gates, order):
    return array.reshape(1, -1, gates, array.shape[1] // gates // (2 if array.ndim == 2 else 1), *array.shape[2:])[
        :, :, order
    ].reshape(array.shape)


def gates_exchanged(one, other):
    """Two gates in each other's place, in both matrices and both biases."""

    def plant(graph, node, rng):
        gates = GATES[node.op_type]
        order = np.arange(gates)
        order[[one % gates, other % gates]] = other % gates, one % gates
        for index in (INPUT, RECURRENT, BIAS):
            swap(graph, node, index, lambda array: regated(array, gates, order))

    return plant


def recurrent_bias(graph, node, rng):
    def dropped(array):
        array[:, array.shape[1] // 2 :] = 0
        return array

    swap(graph, node, BIAS, dropped)


def input_bias(graph, node, rng):
    def dropped(array):
        array[:, : array.shape[1] // 2] = 0
        return array

    swap(graph, node, BIAS, dropped)


def both_biases(graph, node, rng):
    swap(graph, node, BIAS, np.zeros_like)


def squashed(graph, node, rng):
    """The state goes through a sigmoid where a tanh is meant."""
    names = {"LSTM": ["Sigmoid", "Sigmoid", "Tanh"], "GRU": ["Sigmoid", "Sigmoid"]}
    change(node, activations=names[node.op_type])


def forget_one(graph, node, rng):
    """The forget gate's bias is 1 higher, as some frameworks add it when they load."""

    def raised(array):
        size = array.shape[1] // 8
        array[:, 2 * size : 3 * size] += 1
        return array

    swap(graph, node, BIAS, raised)


def reverse(graph, node, rng):
    change(node, direction="reverse")


def reset_first(graph, node, rng):
    change(node, linear_before_reset=1 - attributes(node).get("linear_before_reset", 0))


def transposed(array, rng):
    gates = array.shape[1] // array.shape[2]
    return array.reshape(gates, array.shape[2], array.shape[2]).swapaxes(1, 2).reshape(array.shape)


def first_step(graph, node, rng):
    """The first step taken where the last is meant."""
    graph.give(node, 1, np.zeros_like(graph.operand(node, 1)))


FAULTS = (
    Fault("gates 2 and 3 exchanged", "order of gates", CELLS, gates_exchanged(1, 2)),
    Fault("gates 1 and 2 exchanged", "order of gates", CELLS, gates_exchanged(0, 1)),
    Fault("gates 1 and 4 exchanged", "order of gates", of("LSTM"), gates_exchanged(0, 3)),
    Fault("recurrent bias dropped", "dropped bias", CELLS, recurrent_bias),
    Fault("input bias dropped", "dropped bias", CELLS, input_bias),
    Fault("both biases dropped", "dropped bias", CELLS, both_biases),
    Fault("sigmoid for tanh in the cell", "kind of activation", CELLS, squashed),
    Fault("forget bias 1 higher", "weights differ", of("LSTM"), forget_one),
    Fault("read backwards", "direction", CELLS, reverse),
    Fault("reset before the product", "reset gate", of("GRU"), reset_first),
    Fault("recurrent weights transposed", "transposed kernels", CELLS, edit(RECURRENT, transposed)),
    Fault("first step for the last", "step of the sequence", of("Gather"), first_step),
)
