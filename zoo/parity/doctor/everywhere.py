"""Mistakes that a runtime makes in every layer of a kind: what can be tried where only the outputs are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from zoo.parity.doctor.case import Array, Case, Change, Hypothesis, Node
from zoo.parity.doctor.precision import ROUNDINGS
from zoo.parity.graphs.graph import Graph, attributes, change


def families(case: Case) -> Iterator[Hypothesis]:
    """Each known mistake in all layers of its kind at once."""
    for cause, said, ops, edit in _MISTAKES:
        if case.nodes(*ops):
            yield Hypothesis(cause, said, _all(case, ops, edit))
    for name, rounding in ROUNDINGS.items():
        if case.nodes(*_LAYERS):
            said = f"all weights are rounded to {name}"
            yield Hypothesis("reduced-precision weights", said, _all(case, _LAYERS, _weights(rounding)))
    for epsilon in (1e-6, 1e-5, 2e-5, 1e-4, 1e-3):
        if any(abs(float(str(attributes(n).get("epsilon", 1e-5))) - epsilon) > 1e-9 for n in case.nodes(_NORM)):
            said = f"eps of every BatchNorm is {epsilon:g}"
            yield Hypothesis("BatchNorm eps", said, _all(case, (_NORM,), _set(epsilon=epsilon)))


def _all(case: Case, ops: tuple[str, ...], edit: Change) -> Graph:
    copy = case.reference.copy()
    for node in [node for node in copy.nodes if node.op_type in ops]:
        edit(copy, node)
    return Graph(copy.model)


def _set(**values: object) -> Change:
    return lambda _graph, node: change(node, **values)


def _flipped(name: str) -> Change:
    return lambda _graph, node: change(node, **{name: 1 - int(str(attributes(node).get(name, 0)))})


def _weights(to: Callable[[Array], Array], index: int = 1) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        old = graph.operand(node, index)
        if old is not None:
            graph.give(node, index, np.asarray(to(old), old.dtype))

    return apply


def _kernels(array: Array) -> Array:
    return array[:, :, ::-1, ::-1] if array.ndim == 4 else array


def _alpha(*, times: bool) -> Change:
    def apply(_graph: Graph, node: Node) -> None:
        held = attributes(node)
        size, alpha = float(str(held["size"])), float(str(held.get("alpha", 1e-4)))
        change(node, alpha=alpha * size if times else alpha / size)

    return apply


def _shared(array: Array) -> Array:
    return np.full_like(array, array.flat[0])


_NORM = "BatchNormalization"
_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_POOLS = ("MaxPool", "AveragePool")
_MISTAKES: tuple[tuple[str, str, tuple[str, ...], Change], ...] = (
    ("count_include_pad", "averages count padding the other way", ("AveragePool",), _flipped("count_include_pad")),
    ("ceil or floor pooling", "every pooling rounds the other way", _POOLS, _flipped("ceil_mode")),
    ("flipped kernels", "all kernels are flipped", ("Conv",), _weights(_kernels)),
    ("LRN alpha", "alpha of every LRN is divided by n", ("LRN",), _alpha(times=False)),
    ("LRN alpha", "alpha of every LRN is multiplied by n", ("LRN",), _alpha(times=True)),
    ("PReLU sharing", "every PReLU has one slope", ("PRelu",), _weights(_shared)),
    ("fix_gamma", "every gamma is read as 1", (_NORM,), _weights(np.ones_like)),
    ("dropped bias", "no layer has its bias", ("Conv", "Gemm"), _weights(np.zeros_like, 2)),
)  # fmt: skip
