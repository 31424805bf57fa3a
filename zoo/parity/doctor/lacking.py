"""What a conversion lacks of the framework's layer: numbers that it lost are solved from what the framework gave."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.parity.doctor.case import Array, Case, Change, Doubles, Hypothesis, Node, doubles, edited, given
from zoo.parity.graphs.graph import Graph, attributes, change, numbers

_BIASED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Mul", "BatchNormalization")


def families(case: Case) -> Iterator[Hypothesis]:
    """A bias, a gamma, slopes or a factor that is not there; pooling of the whole; a layer that ought not to be."""
    last = case.reference.producer(case.value)
    if last is None:
        return
    for node in case.nodes("MaxPool", "AveragePool"):
        yield from _whole(case, node)
    for node in case.nodes("Conv", "MaxPool", "AveragePool", "ConvTranspose"):
        yield from _turned(case, node)
    for node in case.nodes("Conv"):
        yield from _dilated(case, node)
    for node in case.nodes("Gemm", "MatMul"):
        yield from _restored(case, node)
    if case.exact.shape != case.got.shape or not np.isfinite(case.got).all():
        return
    yield from _superfluous(case, last)
    yield from _gamma(case, last)
    yield from _slopes(case, last)
    if last.op_type in _BIASED and case.got.ndim > 1:
        yield _bias(case, last)


def _whole(case: Case, node: Node) -> Iterator[Hypothesis]:
    def apply(_graph: Graph, copy: Node) -> None:
        copy.op_type = f"Global{copy.op_type}"
        for name in attributes(copy):
            change(copy, **{name: None})

    said = f"{node.output[0]} pools the whole image, not windows"
    yield Hypothesis("global pooling", said, edited(case, node, apply))


def _superfluous(case: Case, last: Node) -> Iterator[Hypothesis]:
    """The first input as it is: what is there is at work in training only, where one number takes part."""
    fed = case.fed.get(last.input[0]) if last.input else None
    held = [case.reference.operand(last, index) for index in range(1, len(last.input))]
    lone = last.op_type == "Dropout" or (
        last.op_type in {"Mul", "Div"} and len(held) == 1 and held[0] is not None and held[0].size == 1
    )
    if lone and fed is not None and fed.shape == case.got.shape:
        said = f"{case.value} passes {last.input[0]} on as it is, as dropout does at inference"
        yield Hypothesis("dropout left on", said, edited(case, last, lambda graph, copy: graph.bypass(copy)))


def _gamma(case: Case, last: Node) -> Iterator[Hypothesis]:
    """Where every gamma is 1: those that make the framework's slopes."""
    held = case.reference.operand(last, 1)
    if last.op_type != "BatchNormalization" or held is None or not np.all(held == 1):
        return
    centred = [_channels(array) for array in (case.exact, doubles(case.got))]
    centred = [rows - rows.mean(1, keepdims=True) for rows in centred]
    below = (centred[0] ** 2).sum(1)
    gamma = (centred[0] * centred[1]).sum(1) / np.where(below == 0, 1, below)
    said = f"gamma of {case.value} is {_listed(gamma)}, not 1"
    yield Hypothesis("fix_gamma", said, given(case, last, 1, gamma))


def _slopes(case: Case, last: Node) -> Iterator[Hypothesis]:
    """Where all channels share one slope: one a channel."""
    held = case.reference.operand(last, 1)
    x = case.fed.get(last.input[0])
    if last.op_type != "PRelu" or held is None or np.ptp(held) or x is None or x.ndim < 2:
        return
    below = np.minimum(_channels(doubles(x)), 0)
    total = (below**2).sum(1)
    slopes = (below * _channels(doubles(case.got))).sum(1) / np.where(total == 0, 1, total)
    said = f"{case.value} has a slope a channel, {_listed(slopes)}, not one for all"
    yield Hypothesis("PReLU sharing", said, given(case, last, 1, slopes.reshape(-1, *[1] * (x.ndim - 2))))


def _bias(case: Case, last: Node) -> Hypothesis:
    """The same number more in all of a channel."""
    bias = _channels(doubles(case.got) - case.exact).mean(1)

    def apply(graph: Graph, _copy: Node) -> None:
        shaped = bias.astype(np.float32).reshape(-1, *[1] * (case.got.ndim - 2))
        graph.after(case.value, "Add", graph.store(shaped, "bias"))

    said = f"{case.value} has a bias that the conversion lacks: {_listed(bias)}"
    return Hypothesis("dropped bias", said, edited(case, last, apply))


def _channels(array: Doubles) -> Doubles:
    """A row a channel."""
    return np.moveaxis(array, 1, 0).reshape(array.shape[1], -1)


def _listed(numbers: Array) -> str:
    return ", ".join(f"{number:.4g}" for number in numbers[:6]) + (" ..." if numbers.size > 6 else "")


def _turned(case: Case, node: Node) -> Iterator[Hypothesis]:
    """The paddings of height and width exchanged: the size may be another one."""
    pads = numbers(node, "pads")
    if len(pads) != 4 or pads[:2] == pads[1::-1]:
        return
    wrong = [pads[1], pads[0], pads[3], pads[2]]
    said = f"pads of {node.output[0]} are {wrong} instead of {pads}"
    yield Hypothesis("pad axes", said, edited(case, node, _with(pads=wrong)))


def _dilated(case: Case, node: Node) -> Iterator[Hypothesis]:
    """Another dilation with the padding as it is: the size is another one."""
    old = numbers(node, "dilations") or [1] * len(numbers(node, "kernel_shape"))
    for new in (1, 2, 3, 4):
        wrong = [new] * len(old)
        if wrong != old:
            said = f"dilation of {node.output[0]} is {wrong} instead of {old}"
            yield Hypothesis("dilation", said, edited(case, node, _with(dilations=wrong)))


def _restored(case: Case, node: Node) -> Iterator[Hypothesis]:
    """A matrix whose rows were read as columns, written back."""
    weight = case.reference.operand(node, 1)
    if weight is not None and weight.ndim == 2:
        said = f"weights of {node.output[0]} are the transposed of what the conversion holds"
        restored = given(case, node, 1, weight.T.reshape(weight.shape))
        yield Hypothesis("transposed fully-connected weights", said, restored)


def _with(**values: object) -> Change:
    return lambda _graph, node: change(node, **values)
