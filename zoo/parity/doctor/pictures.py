"""What was done to the picture before the first layer: colours, layout, mean, scale."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.parity.doctor.case import Array, Case, Hypothesis, edited
from zoo.parity.graphs.graph import Graph

_SMALL = 4  # at most so many channels make a picture


def families(case: Case) -> Iterator[Hypothesis]:
    """Hypotheses about an input of N x C x H x W with at most four channels, where the layer reads one."""
    if not case.starts:
        return
    for name in case.reference.inputs:
        array = case.fed[name]
        if array.ndim == 4 and array.shape[1] <= _SMALL:
            yield from _moved(case, name, array)


def _moved(case: Case, name: str, array: Array) -> Iterator[Hypothesis]:
    """Channels reversed, bytes of another layout, the picture turned."""
    if array.shape[1] == 3:
        order = np.array([2, 1, 0])
        yield Hypothesis("BGR/RGB swap", f"channels of {name} reversed", _before(case, name, "Gather", order, axis=1))
    bytes_of = _before(case, name, "Transpose", perm=[0, 2, 3, 1])
    _reshaped(bytes_of, name, array.shape)
    yield Hypothesis("NHWC/NCHW", f"{name} laid out N x H x W x C and read as N x C x H x W", bytes_of)
    planar = _before(case, name, "Reshape", np.array([0, *array.shape[2:], array.shape[1]]))
    _transposed(planar, name)
    yield Hypothesis("NHWC/NCHW", f"{name} laid out N x C x H x W and read as N x H x W x C", planar)
    mirror = _before(case, name, "Slice", *(np.array(n) for n in ([-1], [-(2**31)], [3], [-1])))
    yield Hypothesis("picture mirrored", f"{name} mirrored", mirror)
    if array.shape[2] == array.shape[3]:
        turned = _before(case, name, "Transpose", perm=[0, 1, 3, 2])
        yield Hypothesis("height and width exchanged", f"height and width of {name} exchanged", turned)


def _before(case: Case, name: str, op: str, *stored: Array, **attributes: object) -> Graph:
    """The layer with one operation between the input and all who read it."""
    graph = case.reference.copy()
    readers = graph.readers(name)
    operands = [graph.store(array, f"{name}/{op}") for array in stored]
    added = graph.before(readers[0], list(readers[0].input).index(name), op, *operands, **attributes)
    for reader in readers[1:]:
        reader.input[list(reader.input).index(name)] = added.output[0]
    return graph


def _reshaped(graph: Graph, name: str, shape: tuple[int, ...]) -> None:
    (added,) = graph.readers(name)
    graph.after(added.output[0], "Reshape", graph.store(np.array([0, *shape[1:]]), f"{name}/shape"))


def _transposed(graph: Graph, name: str) -> None:
    (added,) = graph.readers(name)
    graph.after(added.output[0], "Transpose", perm=[0, 3, 1, 2])


def affine(case: Case, scales: Array, shifts: Array) -> Graph:
    """The layer fed with scale x input + shift, a number a channel."""
    (name,) = case.reference.inputs
    graph = _before(case, name, "Mul", scales.reshape(1, -1, 1, 1).astype(np.float32))
    (added,) = graph.readers(name)
    graph.after(added.output[0], "Add", graph.store(shifts.reshape(1, -1, 1, 1).astype(np.float32), "shift"))
    return graph


__all__ = ["Hypothesis", "affine", "edited", "families"]
