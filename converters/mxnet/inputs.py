"""Shapes and element types of a network's inputs: given, noted in the symbol, or fixed by the first weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from converters.diagnostic import Diagnostic, Where
from converters.hub.layer import Dim, Port
from converters.hub.ports import settle
from converters.mxnet.nodes import Step
from converters.mxnet.params import DTYPES
from converters.mxnet.schema import Parameter
from converters.mxnet.symbol import Node, Symbol
from converters.weights import Weight

Shape = tuple[Dim, ...]
_INTS = Parameter("ints", optional=True, required=False, default=None)


def ports(
    symbol: Symbol, free: tuple[int, ...], steps: Mapping[int, Step], arrays: Mapping[str, Weight],
    given: Mapping[str, Shape],
) -> tuple[Port, ...]:  # fmt: skip
    """The inputs in the symbol's order; refuses those whose shape nobody knows, all at once."""
    nodes = {symbol.nodes[index].name: symbol.nodes[index] for index in free}
    readers = {symbol.nodes[index].name: _readers(index, steps) for index in free}
    declared = {name: _declared(symbol, node) or _fixed(readers[name], symbol, arrays) for name, node in nodes.items()}
    common = _common_type(arrays.values())
    found = settle(declared, given, symbol.file)
    return tuple(replace(port, dtype=_dtype(nodes[port.name], readers[port.name], common)) for port in found)


def _readers(index: int, steps: Mapping[int, Step]) -> list[tuple[str, Step]]:
    return [(role, one) for one in steps.values() for role, entry in one.operands if entry == (index, 0)]


def _declared(symbol: Symbol, node: Node) -> Shape | None:
    """The attribute `__shape__`; 0 and -1 mean unknown, which is fine for the batch alone."""
    text = node.attrs.get("__shape__")
    if text is None:
        return None
    try:
        dims = _INTS.parse(text)
    except ValueError:
        raise Diagnostic(
            "bad-attribute", f"__shape__ of {node.name} is {text[:80]!r}", where=Where(file=symbol.file)
        ) from None
    if not isinstance(dims, tuple) or not dims or any(dim is None or dim < 1 for dim in dims[1:]):
        return None
    return ("N" if (dims[0] or 0) < 1 else dims[0], *dims[1:])


def _fixed(readers: list[tuple[str, Step]], symbol: Symbol, arrays: Mapping[str, Weight]) -> Shape | None:
    """N x inner where every reader is fully connected and its weight says how many values a row has."""
    inner = set()
    for role, one in readers:
        weight = next((entry for role, entry in one.operands if role == "weight"), None)
        array = arrays.get(symbol.nodes[weight[0]].name) if weight else None
        if one.kind != "FullyConnected" or role != "data" or array is None or len(array.shape) < 2:
            return None
        inner.add(math.prod(array.shape[1:]))
    return ("N", inner.pop()) if len(inner) == 1 else None


def _common_type(arrays: Iterable[Weight]) -> str:
    """The one floating type of all arrays: MXNet infers an input's type from the weights it meets."""
    kinds = {array.dtype.name for array in arrays if array.dtype.kind == "f"}
    return kinds.pop() if len(kinds) == 1 else "float32"


def _dtype(node: Node, readers: list[tuple[str, Step]], common: str) -> str:
    """The noted type; else that of the weights, which a cast in between keeps from reaching the input."""
    if readers and all(one.kind in ("Cast", "amp_cast") for _, one in readers):
        common = "float32"
    text = node.attrs.get("__dtype__", "")
    number = int(text) if text.isdecimal() and len(text) < 3 else -1
    return np.dtype(DTYPES[number]).name if 0 <= number < len(DTYPES) else common
