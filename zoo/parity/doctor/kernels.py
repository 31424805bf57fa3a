"""Weights in another order of bytes: kernels flipped or transposed, fully-connected rows in another layout."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from zoo.parity.doctor.case import Array, Case, Hypothesis, Node, given


def families(case: Case) -> Iterator[Hypothesis]:
    """Each layer with weights, all of its kernels changed alike."""
    for node in case.nodes("Conv", "ConvTranspose"):
        yield from _kernels(case, node)
    for node in case.nodes("Gemm", "MatMul"):
        yield from _rows(case, node)


def _kernels(case: Case, node: Node) -> Iterator[Hypothesis]:
    weight = case.reference.operand(node, 1)
    if weight is None or weight.ndim != 4:
        return
    who = f"kernels of {node.output[0]}"
    if max(weight.shape[2:]) > 1:
        for cause, what, array in (
            ("flipped kernels", "flipped in both axes", weight[:, :, ::-1, ::-1]),
            ("flipped kernels", "mirrored left to right", weight[:, :, :, ::-1]),
            ("flipped kernels", "turned upside down", weight[:, :, ::-1]),
        ):
            yield Hypothesis(cause, f"{who} {what}", given(case, node, 1, array))
    if weight.shape[2] == weight.shape[3] > 1:
        turned = given(case, node, 1, weight.swapaxes(2, 3))
        yield Hypothesis("transposed kernels", f"{who} transposed (height and width exchanged)", turned)
    if weight.shape[0] != weight.shape[1] or weight.shape[0] > 1:
        other = weight.reshape(weight.shape[1], weight.shape[0], *weight.shape[2:]).swapaxes(0, 1)
        yield Hypothesis("transposed kernels", f"{who} stored with in and out exchanged", given(case, node, 1, other))
    reversed_in = given(case, node, 1, weight[:, ::-1])
    if weight.shape[1] == 3 and case.starts:
        yield Hypothesis("BGR/RGB swap", f"input channels of {node.output[0]} reversed in its weights", reversed_in)


def _rows(case: Case, node: Node) -> Iterator[Hypothesis]:
    weight = case.reference.operand(node, 1)
    if weight is None or weight.ndim != 2:
        return
    who = f"weights of {node.output[0]}"
    read = given(case, node, 1, weight.reshape(weight.shape[::-1]).T)
    yield Hypothesis("transposed fully-connected weights", f"{who} stored transposed", read)
    for shape in _images(case, node):
        rows = weight.shape[1] if prod(shape) == weight.shape[1] else weight.shape[0]
        if rows != prod(shape):
            continue
        said = f"{who} count H x W x C instead of C x H x W ({' x '.join(map(str, shape))})"
        graph = given(case, node, 1, _relaid(weight, shape))
        yield Hypothesis("channels-last fully-connected weights", said, graph)


def _relaid(weight: Array, shape: tuple[int, ...]) -> Array:
    c, h, w = shape
    if prod(shape) == weight.shape[1]:
        return weight.reshape(-1, h, w, c).transpose(0, 3, 1, 2).reshape(weight.shape)
    return weight.reshape(h, w, c, -1).transpose(2, 0, 1, 3).reshape(weight.shape)


def _images(case: Case, node: Node) -> Iterator[tuple[int, ...]]:
    """Shapes of the images that may have been made the rows that this layer reads."""
    seen = {array.shape[1:] for array in case.fed.values() if array.ndim == 4}
    rows = {array.shape[1] for array in case.fed.values() if array.ndim == 2}
    weight = case.reference.operand(node, 1)
    assert weight is not None
    yield from sorted(shape for shape in seen if prod(shape) in weight.shape)
    for count in sorted(rows & set(weight.shape)):
        yield from _squares(count)


def _squares(count: int) -> Iterator[tuple[int, int, int]]:
    """C x H x W with H and W near each other, as pooling leaves them."""
    for high in range(1, 17):
        for wide in range(max(1, high - 3), high + 4):
            if high * wide > 1 and count % (high * wide) == 0 and count > high * wide:
                yield count // (high * wide), high, wide
