"""BatchNorm: another epsilon, another scale factor of its statistics, gamma read as 1, parameters exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.parity.doctor.case import Case, Doubles, Hypothesis, Node, doubles, edited, given
from zoo.parity.graphs.graph import Graph, attributes, change

GAMMA, BETA, MEAN, VARIANCE = 1, 2, 3, 4
EPSILONS = (0.0, 1e-12, 1e-7, 1e-6, 1e-5, 1.001e-5, 2e-5, 1e-4, 1e-3, 2e-3, 1e-2)
"""Values that frameworks have as a default, and those that published networks set."""
FACTORS = (999.98236, 1 / 999.98236, 1000.0, 1 / 1000.0)
"""Caffe's third blob after many iterations (1 / (1 - 0.999)): statistics that were not divided by it, or twice."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """A BatchNorm's stored numbers in float64."""

    gamma: Doubles
    beta: Doubles
    mean: Doubles
    variance: Doubles
    epsilon: float


def families(case: Case) -> Iterator[Hypothesis]:
    """Known mistakes, then the epsilon and the factor that fit what the candidate gave."""
    for node in case.nodes("BatchNormalization"):
        stored = _parameters(case, node)
        if stored is not None:
            yield from _known(case, node, stored)
            yield from _fitted(case, node, stored)


def _parameters(case: Case, node: Node) -> Parameters | None:
    arrays = [case.reference.operand(node, index) for index in (GAMMA, BETA, MEAN, VARIANCE)]
    numbers = [doubles(array) for array in arrays if array is not None]
    if len(numbers) < 4:
        return None
    gamma, beta, mean, variance = numbers
    return Parameters(gamma, beta, mean, variance, float(str(attributes(node).get("epsilon", 1e-5))))


def _known(case: Case, node: Node, p: Parameters) -> Iterator[Hypothesis]:
    who = node.output[0]
    for epsilon in EPSILONS:
        if not np.isclose(epsilon, p.epsilon, rtol=1e-4, atol=0):
            yield _epsilon(case, node, p, epsilon)
    if not np.all(p.gamma == 1):
        ones = given(case, node, GAMMA, np.ones_like(p.gamma))
        yield Hypothesis("fix_gamma", f"gamma of {who} is read as 1", ones)
    for factor in FACTORS:
        yield _factor(case, node, p, factor)
    swap = "BatchNorm parameters exchanged"
    yield Hypothesis(swap, f"gamma and beta of {who} are exchanged", _exchanged(case, node, p.beta, p.gamma, GAMMA))
    yield Hypothesis(
        swap, f"mean and variance of {who} are exchanged", _exchanged(case, node, p.variance, p.mean, MEAN)
    )
    statistics = "BatchNorm statistics"
    for said, array in (("a deviation is read as the variance", np.sqrt(np.abs(p.variance))),
                        ("the variance is squared", p.variance**2),
                        ("1 / deviation is read as the variance", (p.variance + p.epsilon) ** -0.5),
                        ("the variance is what 1 / deviation was read as", p.variance**-2 - p.epsilon)):  # fmt: skip
        yield Hypothesis(statistics, f"{who}: {said}", given(case, node, VARIANCE, array))
    yield Hypothesis(statistics, f"the mean of {who} is dropped", given(case, node, MEAN, np.zeros_like(p.mean)))


def _fitted(case: Case, node: Node, p: Parameters) -> Iterator[Hypothesis]:
    """From slope and intercept of each channel of the candidate, where input and output are both at hand."""
    x = case.fed.get(node.input[0])
    if x is None or node.output[0] != case.value or case.got.shape != x.shape or x.ndim < 2:
        return
    slope, intercept = _lines(doubles(x), doubles(case.got))
    alive = (np.abs(p.gamma) > 1e-6) & np.isfinite(slope) & (np.abs(slope) > 1e-12)
    if not alive.any():
        return
    variance = (p.gamma[alive] / slope[alive]) ** 2  # epsilon included
    yield _epsilon(case, node, p, max(0.0, float(np.median(variance - p.variance[alive]))))
    factor = float(np.median((variance - p.epsilon) / p.variance[alive]))
    yield _factor(case, node, p, factor)
    yield _factor(case, node, p, _by_intercept(p, alive, intercept[alive], factor))
    who, statistics = node.output[0], "BatchNorm statistics"
    said = f"the variance of {who} is {factor:.6g} times what the reference has"
    yield Hypothesis(statistics, said, given(case, node, VARIANCE, p.variance * factor))
    mean = (p.beta[alive] - intercept[alive]) / slope[alive]
    share = float(np.median(mean / np.where(p.mean[alive] == 0, np.nan, p.mean[alive])))
    if np.isfinite(share):
        said = f"the mean of {who} is {share:.6g} times what the reference has"
        yield Hypothesis(statistics, said, given(case, node, MEAN, p.mean * share))
    yield from _of_the_batch(case, node)


def _by_intercept(p: Parameters, alive: NDArray[np.bool_], intercept: Doubles, factor: float) -> float:
    """The factor again, from -mean / deviation: more exact where the factor is large and the slope therefore small."""
    mean, variance = p.mean[alive], p.variance[alive]
    ratio = (p.beta[alive] - intercept) / p.gamma[alive]  # factor x mean / sqrt(factor x variance + epsilon)
    told = np.abs(mean) > 0.1 * np.abs(mean).max(initial=0.0)
    if not told.any():
        return factor
    for _ in range(4):
        factor = float(np.median(ratio[told] * np.sqrt(np.abs(factor * variance[told] + p.epsilon)) / mean[told]))
    return factor


def _lines(x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
    """Least squares y = slope x + intercept, a channel at a time."""
    rows = [np.moveaxis(array, 1, 0).reshape(array.shape[1], -1) for array in (x, y)]
    centred = [row - row.mean(1, keepdims=True) for row in rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (centred[0] * centred[1]).sum(1) / (centred[0] ** 2).sum(1)
    return slope, rows[1].mean(1) - slope * rows[0].mean(1)


def _of_the_batch(case: Case, node: Node) -> Iterator[Hypothesis]:
    """The statistics of this very batch, as in training."""
    x = doubles(case.fed[node.input[0]])
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    mean, variance = x.mean(axes), x.var(axes)

    def apply(graph: Graph, copy: Node) -> None:
        for index, array in ((MEAN, mean), (VARIANCE, variance)):
            graph.give(copy, index, array.astype(np.float32))

    said = f"{node.output[0]} normalises by the statistics of the batch, as in training"
    yield Hypothesis("training mode", said, edited(case, node, apply))


def _epsilon(case: Case, node: Node, p: Parameters, epsilon: float) -> Hypothesis:
    said = f"eps of {node.output[0]} is {epsilon:.4g} instead of {p.epsilon:.4g}"
    return Hypothesis("BatchNorm eps", said, edited(case, node, lambda _graph, copy: change(copy, epsilon=epsilon)))


def _factor(case: Case, node: Node, p: Parameters, factor: float) -> Hypothesis:
    def apply(graph: Graph, copy: Node) -> None:
        graph.give(copy, MEAN, (p.mean * factor).astype(np.float32))
        graph.give(copy, VARIANCE, (p.variance * factor).astype(np.float32))

    said = f"mean and variance of {node.output[0]} are {factor:.7g} times what the reference has"
    return Hypothesis("BatchNorm scale factor", said, edited(case, node, apply))


def _exchanged(case: Case, node: Node, one: Doubles, other: Doubles, first: int) -> Graph:
    def apply(graph: Graph, copy: Node) -> None:
        for index, array in ((first, one), (first + 1, other)):
            graph.give(copy, index, array.astype(np.float32))

    return edited(case, node, apply)
