"""Recurrent layers: gates in another order, read backwards, weights transposed, the reset gate applied elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from zoo.parity.doctor.case import Array, Case, Change, Hypothesis, Node, edited, given
from zoo.parity.graphs.graph import Graph, attributes, change

_GATES = {"LSTM": "iofc", "GRU": "zrh"}
_ACTIVATIONS = {
    "LSTM": (("HardSigmoid", "Tanh", "Tanh"), ("Sigmoid", "Sigmoid", "Tanh"), ("Sigmoid", "Tanh", "Sigmoid")),
    "GRU": (("HardSigmoid", "Tanh"), ("Sigmoid", "Sigmoid")),
}
"""What gates and cell are squashed by; Keras's old default of the gates is hard."""


def families(case: Case) -> Iterator[Hypothesis]:
    """Every order of the gates, and what else frameworks define differently."""
    for node in case.nodes(*_GATES):
        who, gates = node.output[0], _GATES[node.op_type]
        for order in permutations(range(len(gates))):
            if order != tuple(range(len(gates))):
                said = f"gates of {who} are read as {''.join(gates[g] for g in order)} instead of {gates}"
                yield Hypothesis("order of gates", said, edited(case, node, _regated(order)))
        for direction in ("forward", "reverse"):
            if attributes(node).get("direction", b"forward") != direction.encode():
                said = f"{who} is read {direction}"
                yield Hypothesis("direction", said, edited(case, node, _set(direction=direction)))
        if node.op_type == "GRU":
            reset = 1 - int(str(attributes(node).get("linear_before_reset", 0)))
            said = f"the reset gate of {who} is applied {'after' if reset else 'before'} the recurrent product"
            yield Hypothesis("reset gate", said, edited(case, node, _set(linear_before_reset=reset)))
        for names in _ACTIVATIONS[node.op_type]:
            said = f"{who} computes with {', '.join(names)}"
            yield Hypothesis("kind of activation", said, edited(case, node, _set(activations=list(names))))
        recurrent = case.reference.operand(node, 2)
        if recurrent is not None:
            size = recurrent.shape[2]
            turned = recurrent.reshape(-1, size, size).swapaxes(1, 2).reshape(recurrent.shape)
            said = f"the recurrent weights of {who} are transposed"
            yield Hypothesis("transposed kernels", said, given(case, node, 2, turned))


def _regated(order: tuple[int, ...]) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        for index in (1, 2, 3):
            array = graph.operand(node, index)
            if array is not None:
                graph.give(node, index, _reordered(array, order))

    return apply


def _reordered(array: Array, order: tuple[int, ...]) -> Array:
    """Blocks of the gates in another order; a bias has two sets of them."""
    sets = 2 if array.ndim == 2 else 1
    blocks = array.reshape(array.shape[0], sets, len(order), -1)
    return blocks[:, :, list(order)].reshape(array.shape)


def _set(**values: object) -> Change:
    return lambda _graph, node: change(node, **values)
