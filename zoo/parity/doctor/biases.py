"""Biases that were dropped: all of a layer's, or those of some channels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.parity.doctor.case import Array, Case, Hypothesis, Node, doubles, given

_PLACES = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2, "BatchNormalization": 2}


def families(case: Case) -> Iterator[Hypothesis]:
    """No bias at all, and no bias where the candidate's channels differ."""
    for node in case.nodes(*_PLACES):
        bias = case.reference.operand(node, _PLACES[node.op_type])
        if bias is not None and bias.any():
            yield from _dropped(case, node, bias)
    for node in case.nodes("Add"):
        for index in (0, 1):
            bias = case.reference.operand(node, index)
            if bias is not None and bias.any():
                said = f"what {node.output[0]} adds is dropped"
                yield Hypothesis("dropped bias", said, given(case, node, index, np.zeros_like(bias)))
    for node in case.nodes("LSTM", "GRU", "RNN"):
        bias = case.reference.operand(node, 3)
        if bias is not None:
            half = bias.shape[1] // 2
            parts = {"input bias": slice(None, half), "recurrent bias": slice(half, None), "whole bias": slice(None)}
            for what, part in parts.items():
                kept = bias.copy()
                kept[:, part] = 0
                said = f"the {what} of {node.output[0]} is dropped"
                yield Hypothesis("dropped bias", said, given(case, node, 3, kept))


def _dropped(case: Case, node: Node, bias: Array) -> Iterator[Hypothesis]:
    index = _PLACES[node.op_type]
    none = given(case, node, index, np.zeros_like(bias))
    yield Hypothesis("dropped bias", f"all {bias.size} biases of {node.output[0]} are dropped", none)
    odd = _odd_channels(case, bias.size)
    if 0 < len(odd) < bias.size:
        kept = bias.copy()
        kept[odd] = 0
        listed = ", ".join(map(str, odd[:6].tolist())) + (" ..." if len(odd) > 6 else "")
        said = f"{len(odd)} of {bias.size} biases of {node.output[0]} are dropped: {listed}"
        yield Hypothesis("dropped bias", said, given(case, node, index, kept))


def _odd_channels(case: Case, count: int) -> Array:
    """Channels in which the candidate differs by far more than in the median channel."""
    if case.exact.ndim < 2 or case.exact.shape[1] != count or case.exact.shape != case.got.shape:
        return np.zeros(0, np.int64)
    distance = np.abs(np.moveaxis(doubles(case.got) - case.exact, 1, 0).reshape(count, -1)).max(1)
    noise = 16 * max(case.floor[1], 2.0**-24 * float(np.abs(case.exact).max(initial=0.0)))
    found: Array = np.flatnonzero(distance > noise)
    return found
