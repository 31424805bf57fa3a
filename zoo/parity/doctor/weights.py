"""What the candidate's stored weights are in terms of the reference's, where both layers can be read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.parity.doctor.case import Array, Case, Change, Hypothesis, Node, doubles, edited, given
from zoo.parity.graphs.graph import Graph

Changed = dict[int, tuple[Array, Array]]

_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "PRelu", "LSTM", "GRU", "Mul", "Add")
_SHOWN = 3


def families(case: Case) -> Iterator[Hypothesis]:
    """For every stored tensor that differs: the tensor in the reference's place, under the name of what happened."""
    if case.candidate is None:
        return
    for node in case.nodes(*_LAYERS):
        twin = _twin(case, node)
        changed = _changed(case, case.candidate, node, twin) if twin is not None else {}
        named = [(index, other, *_named(case, node, index, mine, other)) for index, (mine, other) in changed.items()]
        for index, other, cause, said in named:
            yield Hypothesis(cause, said, given(case, node, index, other))
        if len(named) > 1:
            causes = {cause for _index, _other, cause, _said in named}
            cause = _together(node, changed) or (causes.pop() if len(causes) == 1 else "weights differ")
            said = "; ".join(said for _index, _other, _cause, said in named)
            yield Hypothesis(cause, said, edited(case, node, _all(changed)))


def _changed(case: Case, candidate: Graph, node: Node, twin: Node) -> Changed:
    """Position -> the reference's tensor and the candidate's, where both are stored and differ."""
    pairs = {
        index: (case.reference.operand(node, index), candidate.operand(twin, index)) for index in range(len(node.input))
    }
    return {
        index: (mine, other)
        for index, (mine, other) in pairs.items()
        if mine is not None and other is not None and mine.shape == other.shape and not np.array_equal(mine, other)
    }


def _all(changed: Changed) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        for index, (_mine, other) in changed.items():
            graph.give(node, index, other)

    return apply


def _together(node: Node, changed: Changed) -> str | None:
    """A cause that only the tensors of one layer taken together show."""
    if node.op_type == "BatchNormalization" and set(changed) == {3, 4}:
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.concatenate([(doubles(other) / doubles(mine))[mine != 0] for mine, other in changed.values()])
        if shares.size and np.ptp(shares) <= 1e-5 * abs(float(shares[0])):
            return "BatchNorm scale factor"
    return None


def _twin(case: Case, node: Node) -> Node | None:
    """The only node of the candidate's layer with the same operator, where the reference has one too."""
    assert case.candidate is not None
    mine = case.nodes(node.op_type)
    theirs = [other for other in case.candidate.nodes if other.op_type == node.op_type]
    return theirs[mine.index(node)] if len(mine) == len(theirs) else None


def _named(case: Case, node: Node, index: int, mine: Array, other: Array) -> tuple[str, str]:
    who = f"{node.input[index]} of {node.output[0]}"
    changed = mine != other
    count = int(changed.sum())
    if mine.ndim == 4 and index == 1:
        kernels = np.flatnonzero(changed.reshape(-1, *mine.shape[2:]).any((1, 2)))
        flat, theirs = mine.reshape(-1, *mine.shape[2:])[kernels], other.reshape(-1, *mine.shape[2:])[kernels]
        if np.array_equal(flat[:, ::-1, ::-1], theirs):
            total = mine.shape[0] * mine.shape[1]
            return "flipped kernels", f"{kernels.size} of {total} kernels of {who} are flipped"
    order = _order(mine, other)
    if order is not None:
        return "channel permutation", f"{who} is the reference's with axis {order} in another order"
    if mine.ndim > 1 or mine.size > 1:
        for name, array in case.pool.items():
            if array.shape == other.shape and np.array_equal(array, other):
                return "weights of another layer", f"{who} is the reference's {name}"
    if not other[changed].any() and mine.ndim == 1:
        return "dropped bias", f"{count} of {mine.size} numbers of {who} are 0"
    places = ", ".join(
        f"{list(map(int, place))} is {other[tuple(place)]:.6g} instead of {mine[tuple(place)]:.6g}"
        for place in np.argwhere(changed)[:_SHOWN]
    )
    return (
        "weights differ",
        f"{count} of {mine.size} numbers of {who} differ: {places}{' ...' if count > _SHOWN else ''}",
    )


def _order(mine: Array, other: Array) -> int | None:
    """The axis along which `other` holds the slices of `mine` in another order; None when there is none."""
    for axis in range(mine.ndim):
        slices = [
            sorted(part.tobytes() for part in np.ascontiguousarray(np.moveaxis(a, axis, 0))) for a in (mine, other)
        ]
        if slices[0] == slices[1] and len(set(slices[0])) > 1:
            return axis
    return None
