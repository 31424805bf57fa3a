"""What a write op may ask besides its match: shapes, element types, constants, and the dialect."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from converters.hub.builder import WEIGHT
from converters.hub.layer import Dim
from converters.hub.matching import Declined
from converters.weights import ArrayWeight, Weight, reshaped

MAX_NUMBERS = 1 << 20
"""Constants with more values than this are weights: nobody decides anything by looking at all of them."""


class View:
    """The hub graph as a write op sees it; it remembers which constants were asked for.

    `dialect` is the variant of the target that is written. Every question that has no answer raises `Declined`.
    """

    def __init__(self, dialect: str = "") -> None:
        self.dialect = dialect
        self.asked: set[ir.Value] = set()

    def shape(self, value: ir.Value) -> tuple[Dim, ...]:
        """The shape as numbers, symbols ("N") and None for what nobody knows."""
        if value.shape is None:
            raise Declined(f"nobody knows the shape of {value.name}")
        return tuple(dim if isinstance(dim, int) else (dim.value or None) for dim in value.shape)

    def sizes(self, value: ir.Value, start: int = 0) -> tuple[int, ...]:
        """The dimensions from `start` on as numbers; declines those that are not fixed."""
        shape = self.shape(value)
        fixed = tuple(dim for dim in shape[start:] if isinstance(dim, int))
        if len(fixed) != len(shape[start:]):
            raise Declined(
                f"the shape {show(shape)} of {value.name} must be fixed",
                "give the inputs' shapes: --input NAME:1,3,224,224",
            )
        return fixed

    def size(self, value: ir.Value, axis: int) -> int:
        """One dimension as a number."""
        shape = self.shape(value)
        dim = shape[self.axis(value, axis)]
        if not isinstance(dim, int):
            raise Declined(f"dimension {axis} of {value.name} {show(shape)} must be fixed", "--input NAME:1,3,224,224")
        return dim

    def count(self, value: ir.Value, start: int = 0) -> int:
        """How many values one item holds: the product of the dimensions from `start` on."""
        return math.prod(self.sizes(value, start))

    def rank(self, value: ir.Value) -> int:
        """The number of dimensions."""
        return len(self.shape(value))

    def axis(self, value: ir.Value, axis: int) -> int:
        """A possibly negative axis as a number in [0, rank)."""
        rank = self.rank(value)
        if not -rank <= axis < rank:
            raise Declined(f"axis {axis} is outside the {rank} dimensions of its input")
        return axis % rank

    def dtype(self, value: ir.Value) -> str:
        """The element type by numpy's name."""
        return str(value.dtype.numpy()) if value.dtype is not None else "unknown"

    def only_type(self, value: ir.Value) -> str:
        """The element type of an operand whose numbers decide nothing (the second one of CastLike): it may be left."""
        self.asked.add(value)
        return self.dtype(value)

    def is_constant(self, value: ir.Value | None) -> bool:
        """Whether the value is stored in the model rather than computed."""
        return value is not None and value.const_value is not None

    def weight(self, value: ir.Value | None, what: str = "weight") -> Weight:
        """A stored tensor, lazily; declines what the network computes."""
        if value is None or value.const_value is None:
            raise Declined(f"its {what} is computed by the network, not stored in the model")
        self.asked.add(value)
        tensor = value.const_value
        weight = tensor.meta.get(WEIGHT)
        return weight if isinstance(weight, Weight) else ArrayWeight(tensor.numpy())

    def numbers(self, value: ir.Value | None, what: str = "operand") -> np.ndarray:
        """The values of a stored tensor, for deciding by them; declines what is computed or very large."""
        weight = self.weight(value, what)
        if math.prod(weight.shape) > MAX_NUMBERS:
            raise Declined(f"its {what} has {math.prod(weight.shape)} values, too many to look at")
        return weight.array()

    def integers(self, value: ir.Value | None, what: str = "operand") -> tuple[int, ...]:
        """A stored list of integers, such as axes, pads or a shape; () where the node leaves it out."""
        return () if value is None else tuple(int(number) for number in self.numbers(value, what).reshape(-1))

    def scalar(self, value: ir.Value | None) -> float | None:
        """The one number of a stored tensor; None where it is computed or holds several different ones."""
        if value is None or value.const_value is None or math.prod(value.const_value.shape.numpy()) != 1:
            return None
        return float(self.numbers(value).reshape(-1)[0])

    def channels(self, value: ir.Value, operand: ir.Value, axis: int = 1) -> Weight | None:
        """A stored operand that broadcasts over `value` along `axis` alone, as a vector; None where it does not."""
        if operand.const_value is None:
            return None
        rank, shape = self.rank(value), operand.const_value.shape.numpy()
        full = (1,) * (rank - len(shape)) + tuple(shape)
        size = self.shape(value)[axis] if axis < rank else None
        if (
            len(full) != rank
            or not isinstance(size, int)
            or any(dim != (size if position == axis else 1) for position, dim in enumerate(full))
        ):
            return None
        return reshaped(self.weight(operand), (size,))


def show(shape: tuple[Dim, ...]) -> str:
    """A shape for messages: [N, 3, ?]."""
    return f"[{', '.join('?' if dim is None else str(dim) for dim in shape)}]"
