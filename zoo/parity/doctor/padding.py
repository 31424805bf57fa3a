"""Padding on the wrong side, axes of the padding exchanged, dilation lost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.parity.doctor.case import Case, Change, Hypothesis, Node, edited, given
from zoo.parity.graphs.graph import Graph, change, numbers


def families(case: Case) -> Iterator[Hypothesis]:
    """Windows that lie elsewhere, with the same number of them."""
    for node in case.nodes("Pad"):
        yield from _borders(case, node)
    for node in case.nodes("Conv", "MaxPool", "AveragePool", "ConvTranspose"):
        pads = numbers(node, "pads") or [0] * (2 * len(numbers(node, "kernel_shape")))
        for wrong in _shifts(pads):
            said = f"pads of {node.output[0]} are {wrong} instead of {pads}"
            yield Hypothesis("pad side", said, edited(case, node, _pads(wrong)))
        if node.op_type == "ConvTranspose":
            yield from _cut(case, node, pads)
            yield from _grown(case, node, pads)
        if node.op_type == "Conv":
            yield from _dilation(case, node, pads)
            if any(pads) and len(pads) == 4:
                for mode in ("edge", "reflect"):
                    said = f"{node.output[0]} is padded by {mode} instead of zeros"
                    yield Hypothesis("pad value", said, edited(case, node, _mode(mode)))


def _borders(case: Case, node: Node) -> Iterator[Hypothesis]:
    """A Pad whose begin and end of one axis, or whose two last axes, are exchanged."""
    pads = case.reference.operand(node, 1)
    if pads is None or pads.size % 2:
        return
    both = pads.reshape(2, -1)
    for axis in range(both.shape[1]):
        turned = both.copy()
        turned[:, axis] = both[::-1, axis]
        said = f"begin and end of axis {axis} of {node.output[0]} are exchanged"
        yield Hypothesis("pad side", said, given(case, node, 1, turned.ravel()))
    if both.shape[1] > 1:
        turned = both.copy()
        turned[:, -2:] = both[:, :-3:-1]
        said = f"the last two axes of {node.output[0]} are exchanged"
        yield Hypothesis("pad axes", said, given(case, node, 1, turned.ravel()))


def _grown(case: Case, node: Node, pads: list[int]) -> Iterator[Hypothesis]:
    """A deconvolution that is as large as what the candidate gave."""
    axes, strides = len(pads) // 2, numbers(node, "strides")
    old = numbers(node, "output_padding") or [0] * axes
    for axis in range(axes):
        for more in range(strides[axis] if strides else 1):
            wrong = [more if place == axis else was for place, was in enumerate(old)]
            if wrong != old:
                said = f"output padding of {node.output[0]} is {wrong} instead of {old}"
                yield Hypothesis("output padding", said, edited(case, node, _set(output_padding=wrong)))


def _shifts(pads: list[int]) -> list[list[int]]:
    """The same sums an axis, distributed otherwise."""
    axes = len(pads) // 2
    total = [pads[axis] + pads[axis + axes] for axis in range(axes)]
    begins = [[0] * axes, total, [whole // 2 for whole in total], [-(-whole // 2) for whole in total]]
    begins += [pads[:axes][::-1]]
    for axis in range(axes):
        for step in (-1, 1):
            moved = pads[:axes]
            moved[axis] += step
            begins.append(moved)
    found = [
        [*begin, *(whole - first for whole, first in zip(total, begin, strict=True))]
        for begin in begins
        if all(0 <= first <= whole for whole, first in zip(total, begin, strict=True))
    ]
    return [list(wrong) for wrong in dict.fromkeys(map(tuple, found)) if list(wrong) != pads]


def _cut(case: Case, node: Node, pads: list[int]) -> Iterator[Hypothesis]:
    """A deconvolution whose result is cut at the beginning instead of the end."""
    axes = len(pads) // 2
    for axis in range(axes):
        begin = [*pads]
        begin[axis] += 1
        extra = [int(place == axis) for place in range(axes)]
        said = f"{node.output[0]} is cut by one more at the beginning of axis {axis + 2}, and padded at its end"
        yield Hypothesis("pad side", said, edited(case, node, _set(pads=begin, output_padding=extra)))


def _dilation(case: Case, node: Node, pads: list[int]) -> Iterator[Hypothesis]:
    kernel = numbers(node, "kernel_shape")
    old = numbers(node, "dilations") or [1] * len(kernel)
    for new in (1, 2, 3):
        if max(kernel) == 1 or old == [new] * len(kernel):
            continue
        more = [(new - was) * (size - 1) for was, size in zip(old, kernel, strict=True)]
        around = [pads[place] + more[place % len(kernel)] // 2 for place in range(len(pads))]
        if min(around) >= 0:
            said = f"dilation of {node.output[0]} is {new} instead of {old}"
            yield Hypothesis("dilation", said, edited(case, node, _dilated(new, len(kernel), around)))


def _dilated(new: int, axes: int, pads: list[int]) -> Change:
    return _set(dilations=[new] * axes, pads=pads)


def _pads(wrong: list[int]) -> Change:
    return _set(pads=wrong, auto_pad=None)


def _set(**values: object) -> Change:
    return lambda _graph, node: change(node, **values)


def _mode(mode: str) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        pads = numbers(node, "pads")
        around = np.array([0, 0, *pads[:2], 0, 0, *pads[2:]])
        graph.before(node, 0, "Pad", graph.store(around, "around"), mode=mode)
        change(node, pads=[0] * 4)

    return apply
