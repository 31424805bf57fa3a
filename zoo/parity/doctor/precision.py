"""Weights that were rounded to fewer bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from zoo.parity.doctor.case import Array, Case, Change, Hypothesis, Node, doubles, edited
from zoo.parity.graphs.graph import Graph


def half(array: Array) -> Array:
    """Rounded to IEEE half precision."""
    with np.errstate(over="ignore"):
        return array.astype(np.float16).astype(np.float32)


def truncated(array: Array, bits: int) -> Array:
    """Rounded, ties to even, to float32 without the last `bits` of its mantissa: 16 is bfloat16, 13 TF32."""
    words = np.ascontiguousarray(array, np.float32).view(np.uint32)
    up = np.uint32((1 << (bits - 1)) - 1) + ((words >> np.uint32(bits)) & np.uint32(1))
    return ((words + up) & np.uint32(0xFFFFFFFF << bits & 0xFFFFFFFF)).view(np.float32)


def eight(array: Array) -> Array:
    """Rounded to 8 bits with one scale for the tensor."""
    step = float(np.abs(array).max(initial=0.0)) / 127
    return np.round(doubles(array) / step) * step if step else array


ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "half precision (fp16)": half,
    "bfloat16": lambda array: truncated(array, 16),
    "TF32": lambda array: truncated(array, 13),
    "8 bits": eight,
}


def families(case: Case) -> Iterator[Hypothesis]:
    """All weights of the layer rounded; biases are left as they are, as runtimes leave them."""
    for node in case.nodes("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU"):
        places = (1, 2) if node.op_type in {"LSTM", "GRU"} else (1,)
        held = {index: case.reference.operand(node, index) for index in places}
        for name, rounding in ROUNDINGS.items():
            arrays = {index: rounding(array) for index, array in held.items() if array is not None}
            if arrays:
                said = f"weights of {node.output[0]} are rounded to {name}"
                yield Hypothesis("reduced-precision weights", said, edited(case, node, _all(arrays)))


def _all(arrays: dict[int, Array]) -> Change:
    def apply(graph: Graph, node: Node) -> None:
        for index, array in arrays.items():
            graph.give(node, index, array.astype(np.float32))

    return apply
