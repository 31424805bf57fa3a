"""What the forward being written knows of a value: the text that computes it, its numbers, or its integers as texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from converters.weights import Weight


@dataclass(frozen=True, slots=True)
class Host:
    """Integers that Python holds, not a tensor: shape arithmetic. `items` are numbers or expressions.

    `vector` is False for a scalar, which has one item.
    """

    items: tuple[int | str, ...]
    vector: bool = True

    @property
    def numbers(self) -> tuple[int, ...] | None:
        """The items, if all are numbers."""
        known = tuple(item for item in self.items if isinstance(item, int))
        return known if len(known) == len(self.items) else None

    def text(self) -> str:
        """A Python expression: a list, or the one integer."""
        return listed(self.items) if self.vector else str(self.items[0])


@dataclass(frozen=True, slots=True)
class Several:
    """An expression that gives a tuple, one element for each of the first `count` outputs of the node."""

    text: str
    count: int


@dataclass(frozen=True, slots=True)
class Held:
    """One value: `text` names it in the code (empty until somebody asks), `weight` has its known numbers."""

    text: str = ""
    weight: Weight | None = None
    host: Host | None = None


def listed(items: Sequence[object]) -> str:
    """`[1, n, -1]`."""
    return f"[{', '.join(map(str, items))}]"


def tupled(items: Sequence[int]) -> str:
    """`3` where all are equal, else `(3, 5)`: how people write sizes of windows."""
    return str(items[0]) if len(set(items)) == 1 else f"({', '.join(map(str, items))})"


def literal(array: np.ndarray) -> str | None:
    """The one number of a small array as Python writes it; None where Python has no literal for it."""
    if array.size != 1 or array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        return None
    value = array.reshape(-1)[0].item()
    return number(value)


def number(value: float) -> str:
    """A Python literal; infinities and NaN have none and are spelled as calls."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124 - NaN
        return f'float("{value}")'
    return repr(value)


def short(value: float) -> str:
    """An attribute's 32-bit float in the fewest digits that give it back: 1e-05, not 9.999999747378752e-06."""
    plain = float(str(np.float32(value)))
    return number(plain if np.float32(plain) == np.float32(value) else value)
