"""Arithmetic with dimensions of which some are symbols: what a reshape means for every batch size."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from converters.hub.layer import Dim

INFER = -1


class Unresolved(ValueError):
    """The reshape holds for some values of a symbol only, or its input's shape is unknown."""


def resolve(before: Sequence[Dim], dims: Sequence[Dim]) -> tuple[Dim, ...]:
    """`dims` with the one -1 replaced by what it must be: a number, a symbol, or None for a product of both.

    Raises ValueError when the counts cannot agree, `Unresolved` when they agree only for one value of a symbol.
    """
    if None in before:
        raise Unresolved("its input's shape")
    fixed, symbols = _count(before)
    inferred = dims.count(INFER)
    new_fixed, new_symbols = _count([dim for dim in dims if dim != INFER])
    if inferred > 1:
        raise ValueError("more than one dimension is -1")
    if new_symbols - symbols or (symbols != new_symbols and not inferred):
        raise Unresolved("its input's shape")
    if not inferred:
        if fixed != new_fixed:
            raise ValueError(f"{_show(before)} has another number of values than {_show(dims)}")
        return tuple(dims)
    if new_fixed == 0 or fixed % new_fixed:
        raise ValueError(f"{_show(before)} cannot be divided into {_show(dims)}")
    left = list((symbols - new_symbols).elements())
    quotient = fixed // new_fixed
    missing: Dim = quotient if not left else left[0] if len(left) == 1 and quotient == 1 else None
    if missing is None and isinstance(before[0], str) and isinstance(dims[0], int) and dims[0] != INFER:
        raise Unresolved("the batch size")
    return tuple(missing if dim == INFER else dim for dim in dims)


def _count(dims: Sequence[Dim]) -> tuple[int, Counter[str]]:
    numbers = [dim for dim in dims if isinstance(dim, int)]
    return math.prod(numbers), Counter(dim for dim in dims if isinstance(dim, str))


def _show(dims: Sequence[Dim]) -> str:
    return "x".join(str(dim) for dim in dims)
