"""One layer that differs, and a hypothesis: the reference's layer with the mistake that the candidate may hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo.parity.graphs.graph import Graph

Array = NDArray[np.generic]
Doubles = NDArray[np.float64]
Node = onnx.NodeProto
Change = Callable[[Graph, Node], object]


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of the layer that computes `value`.

    `reference` computes it from the arrays `fed`; `exact` is its float64 result, `got` the candidate's from the same
    inputs. `floor` is the noise by RMS and by maximum. `candidate` is the candidate's own layer where it is ONNX,
    `pool` the reference's stored tensors by name, all of them. `starts`: it reads the network's input; `ends`: it
    gives an output. Where the reference is a conversion and the candidate the framework that it was converted from,
    `framework` is its name, and a mistake is what the conversion lacks.
    """

    value: str
    reference: Graph
    fed: Mapping[str, Array]
    exact: Doubles
    got: Array
    floor: tuple[float, float]
    starts: bool = False
    ends: bool = False
    candidate: Graph | None = None
    pool: Mapping[str, Array] = field(default_factory=dict)
    framework: str = ""

    def nodes(self, *ops: str) -> list[Node]:
        """The reference's nodes of these operators, all of them where none is named."""
        return [node for node in self.reference.nodes if not ops or node.op_type in ops]

    def error(self, result: Array) -> float:
        """How far the candidate lies from `result`, in units of the noise that a value of that size has here.

        Where one is NaN or infinite the other has to be too. The noise is the floor, at least a unit of the last
        place, and grows with `result` where that is larger than the true value.
        """
        if result.shape != self.got.shape:
            return float("inf")
        finite = np.isfinite(self.got)
        if not np.array_equal(finite, np.isfinite(result)) or not finite.any():
            return float("inf")
        distance = np.abs(self.got[finite].astype(np.float64) - result[finite].astype(np.float64))
        if not distance.any():
            return 0.0
        rms, most = self._noise(result[finite].astype(np.float64))
        if not rms or not most:
            return float("inf")
        return max(float(np.sqrt(np.mean(distance**2))) / rms, float(distance.max()) / most)

    def _noise(self, result: Doubles) -> tuple[float, float]:
        true = self.exact[np.isfinite(self.exact)]
        sizes = [(_rms(array), float(np.abs(array).max(initial=0.0))) for array in (true, result)]
        grown = [max(1.0, theirs / mine) if mine else 1.0 for mine, theirs in zip(*sizes, strict=True)]
        floor = [max(noise, 2.0**-24 * mine) for noise, mine in zip(self.floor, sizes[0], strict=True)]
        return floor[0] * grown[0], floor[1] * grown[1]


def _rms(array: Doubles) -> float:
    return float(np.sqrt(np.mean(array**2))) if array.size else 0.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """`graph` is the reference's layer with the mistake in it, to be run on the case's own inputs."""

    cause: str
    claim: str
    graph: Graph


Family = Callable[[Case], Iterator[Hypothesis]]


def edited(case: Case, node: Node, change: Change) -> Graph:
    """The reference's layer with one node changed."""
    copy = case.reference.copy()
    found = copy.producer(node.output[0])
    assert found is not None
    change(copy, found)
    return Graph(copy.model)


def given(case: Case, node: Node, index: int, array: Array) -> Graph:
    """The reference's layer in which the node reads another stored tensor."""
    old = case.reference.operand(node, index)
    kind = array.dtype if old is None else old.dtype
    return edited(case, node, lambda graph, copy: graph.give(copy, index, np.asarray(array, kind)))


def doubles(array: Array) -> Doubles:
    """The same numbers in float64."""
    return array.astype(np.float64)
