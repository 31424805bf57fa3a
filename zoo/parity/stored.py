"""Which stored numbers of two ONNX files are the same bits: by name where they share names, by content otherwise."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from zoo.parity.engine.graph import Graph, load
from zoo.parity.loaded import Loaded
from zoo.parity.report import Weights


class Stored(NamedTuple):
    """A stored tensor's shape and the digest of its bytes."""

    shape: tuple[int, ...]
    digest: str


def weights(onnx: Sequence[Loaded]) -> Weights | None:
    """Of the first file's floats that its outputs depend on, those that the second file holds bit for bit.

    Files of which at least half of the smaller one's names stand in both, for tensors of equal shape, are compared by
    name: two weights that are swapped differ. What bears another name is looked for by content.
    """
    if len(onnx) < 2:
        return None
    first, second = (_used(one.artifact.files["model"]) for one in onnx[:2])
    named = _shared(first, second)
    left = Counter(one.digest for name, one in second.items() if name not in named)
    different = []
    for name, one in first.items():
        if name in named:
            same = one == second[name]
        else:
            same = left[one.digest] > 0
            left[one.digest] -= int(same)
        if not same:
            different.append(name)
    of = (onnx[0].artifact.label, onnx[1].artifact.label)
    return Weights(of, len(first), len(first) - len(different), tuple(different), len(named))


def _shared(first: Mapping[str, Stored], second: Mapping[str, Stored]) -> set[str]:
    """The names that mean the same tensor in both; none where so few are shared that it may be chance."""
    named = {name for name, one in first.items() if name in second and second[name].shape == one.shape}
    return named if 2 * len(named) >= min(len(first), len(second)) else set()


def _used(model: Path) -> dict[str, Stored]:
    """The floats that some output depends on, but for single numbers; what nobody reads does not count."""
    graph = load(model)
    read = _read(graph)
    return {
        name: Stored(tuple(array.shape), hashlib.sha256(array.tobytes()).hexdigest())
        for name, array in graph.stored.items()
        if name in read and array.dtype.kind == "f" and array.size > 1
    }


def _read(graph: Graph) -> set[str]:
    wanted = set(graph.outputs)
    for step in reversed(graph.steps):
        if wanted & set(step.outputs):
            wanted |= {*step.inputs, *step.captured}
    return wanted
