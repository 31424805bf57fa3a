"""Several MXNet nodes that together write one chain of ONNX nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from converters.hub.layer import Layer
from converters.hub.matching import Declined, Match
from converters.hub.view import View
from converters.weights import ArrayWeight, Weight, reshaped

Operand = ir.Value | str | Weight
FLOATS = ("float32", "float16", "float64")
NUMBERS = (*FLOATS, "int32", "int64", "int8", "uint8")
"""The element types that MXNet's operators compute in; its arrays can hold more."""
ANY = (*NUMBERS, "bool")
"""With truth values, which few of its operators take: the others are given numbers instead."""


class Assembly:
    """Adds MXNet nodes one by one; the node without a role makes the chain's output."""

    def __init__(self, match: Match, view: View) -> None:
        self._match = match
        self._view = view
        self.layers: list[Layer] = []

    def add(self, kind: str, *operands: Operand, role: str = "", output: str = "", **attrs: object) -> str:
        """A node over computed values, stored tensors and the results of earlier nodes; returns its result's name.

        `output` is the name where it is one of the chain's other outputs.
        """
        name = output or (f"{self._match.name}/{role}/out" if role else str(self._match.output.name))
        self._node(kind, operands, role, (name,), attrs)
        return name

    def several(self, count: int, kind: str, *operands: Operand, role: str, **attrs: object) -> tuple[str, ...]:
        """A node with several results."""
        names = tuple(f"{self._match.name}/{role}/out{place}" for place in range(count))
        self._node(kind, operands, role, names, attrs)
        return names

    def _node(
        self, kind: str, operands: Sequence[Operand], role: str, names: Sequence[str], attrs: Mapping[str, object]
    ) -> None:
        inputs: list[ir.Value | str] = []
        weights: dict[int, Weight] = {}
        for place, operand in enumerate(operands):
            held = self._held(operand)
            if held is not None:
                weights[place] = held
            else:
                inputs.append(operand)  # type: ignore[arg-type]  # _held has taken all weights
        self.layers.append(self._match.layer(kind, attrs, weights, inputs=inputs, outputs=names, role=role))

    def cast(self, operand: Operand, dtype: str, role: str = "") -> str:
        """The operand in another element type."""
        return self.add("Cast", operand, role=role, dtype=dtype)

    def spread(self, operand: Operand, before: Sequence[int], after: Sequence[int], role: str) -> Operand:
        """The operand of the shape `before`, repeated to the shape `after` as numpy broadcasts it."""
        if tuple(before) == tuple(after):
            return operand
        full = (*(1,) * (len(after) - len(before)), *before)
        held = self._held(operand)
        if held is not None:
            return ArrayWeight(np.ascontiguousarray(np.broadcast_to(held.array().reshape(full), tuple(after))))
        if full != tuple(before):
            operand = self.add("Reshape", operand, role=f"{role}/rank", shape=full)
        if full == tuple(after):
            return operand
        return self.add("broadcast_to", operand, role=role, shape=tuple(after))

    def _held(self, operand: Operand) -> Weight | None:
        if isinstance(operand, ir.Value):
            if not self._view.is_constant(operand):
                return None
            operand = self._view.weight(operand)
        if isinstance(operand, str):
            return None
        return operand if operand.shape else reshaped(operand, (1,))


def numeric(assembly: Assembly, view: View, value: ir.Value, role: str) -> Operand:
    """The value, or 1 and 0 where it holds truth values."""
    if view.dtype(value) != "bool":
        return value
    return assembly.cast(value, "float32", f"{role}/numbers")


def present(value: ir.Value | None, what: str) -> ir.Value:
    """An operand that must be there."""
    if value is None:
        raise Declined(f"it has no {what}")
    return value


def codes(view: View, value: ir.Value) -> tuple[int, ...]:
    """The value's shape as Reshape takes it: at most one -1 for what is not fixed; a lone number is a vector of one."""
    shape = view.shape(value)
    unknown = [dim for dim in shape if not isinstance(dim, int)]
    if 0 in shape or len(unknown) > 1:
        raise Declined("its result is empty, or several of its dimensions are not fixed")
    return tuple(dim if isinstance(dim, int) else -1 for dim in shape) or (1,)
