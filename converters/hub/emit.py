"""What an op function may touch besides its layer: it adds ONNX nodes, checked and shaped at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import onnx_ir as ir
from onnx.onnx_cpp2py_export import checker as onnx_checker
from onnx.onnx_cpp2py_export import shape_inference as onnx_inference

from converters.diagnostic import Diagnostic
from converters.hub.builder import Builder
from converters.hub.dims import INFER, Unresolved, resolve
from converters.hub.layer import Dim, Layer
from converters.weights import ArrayWeight, Shape, Weight, reshaped

AttributeValue = int | float | str | Sequence[int] | Sequence[float]
REFUSALS = (onnx_checker.ValidationError, onnx_inference.InferenceError)


class Emit:
    """Adds the nodes of one layer to the hub graph.

    `emit("Conv", x, w, pads=[1, 1, 1, 1])` checks operator and attributes against the ONNX schema, infers the
    shape, and returns the output value.
    """

    def __init__(self, builder: Builder, layer: Layer, inputs: tuple[ir.Value, ...]) -> None:
        self._builder = builder
        self._layer = layer
        self.inputs = inputs
        self.nodes: list[ir.Node] = []
        self.dropped_reason: str | None = None

    def __call__(self, op: str, *inputs: ir.Value | None, **attributes: AttributeValue) -> ir.Value:
        """Add a node with one output and return that output."""
        (value,) = self.several(1, op, *inputs, **attributes)
        return value

    def several(
        self, count: int, op: str, *inputs: ir.Value | None, **attributes: AttributeValue
    ) -> tuple[ir.Value, ...]:
        """Add a node with `count` outputs and return them all."""
        try:
            node = self._builder.node(op, inputs, count, attributes)
        except REFUSALS as fault:
            self.refuse(f"ONNX's {op} does not accept it: {str(fault).strip()}")
        self.nodes.append(node)
        return tuple(node.outputs)

    def shape(self, value: ir.Value) -> tuple[Dim, ...]:
        """The shape as numbers, symbols ("N") and None for what nobody knows."""
        return self._builder.shape(value)

    def rank(self, value: ir.Value) -> int:
        """The number of dimensions."""
        return len(self.shape(value))

    def axis(self, value: ir.Value, axis: int) -> int:
        """A possibly negative axis as a number in [0, rank); refuses what lies outside."""
        rank = self.rank(value)
        if not -rank <= axis < rank:
            self.refuse(f"axis {axis} is outside the {rank} dimensions of its input")
        return axis % rank

    def size(self, value: ir.Value, axis: int) -> int:
        """One dimension as a number; refuses a dimension that is not fixed."""
        dim = self.shape(value)[axis]
        if not isinstance(dim, int):
            self._needs_fixed(f"dimension {axis} of its input")
        return dim

    def sizes(self, value: ir.Value, start: int = 0) -> tuple[int, ...]:
        """The dimensions from `start` on as numbers; refuses those that are not fixed."""
        return tuple(self.size(value, axis) for axis in range(start, self.rank(value)))

    def weight(
        self,
        key: int | str,
        shape: Shape,
        *,
        role: str | None = None,
        fill: Weight | None = None,
        view: Shape | None = None,
    ) -> ir.Value:
        """The layer's weight `key`, which must have `shape`, as an initializer `layer/role` under the shape `view`.

        The file's shape may differ by leading dimensions of one (old files store four). A missing or differing
        weight is noted and reported for all layers at once; `fill` is what the framework itself would start from.
        """
        weight = self._builder.checked(self._layer, key, role or str(key), shape, fill)
        return self._builder.shared(self._layer, key, role or str(key), reshaped(weight, view or shape))

    def source(self, key: int | str, shape: Shape, *, role: str | None = None, fill: Weight | None = None) -> Weight:
        """The same weight, checked like `weight`, for computing with it."""
        return self._builder.checked(self._layer, key, role or str(key), shape, fill)

    def constant(self, values: np.ndarray | np.generic | Sequence[int] | Sequence[float], role: str) -> ir.Value:
        """A small constant, named `layer/role`: integers become int64, floats float32."""
        array = np.asarray(values)
        kind = np.int64 if array.dtype.kind in "iu" else np.float32
        return self._builder.initializer(f"{self._layer.name}/{role}", ArrayWeight(array.astype(kind)))

    def derived(self, weight: Weight, role: str) -> ir.Value:
        """A weight that the op computed from the layer's own, named `layer/role`."""
        return self._builder.initializer(f"{self._layer.name}/{role}", weight)

    def reshape(self, value: ir.Value, dims: Sequence[Dim]) -> ir.Value:
        """`value` under new dimensions; one of them may be -1 and follows from the others.

        A symbolic dimension keeps its place or becomes the inferred one. Refuses what holds only for one batch size.
        """
        before = self.shape(value)
        if None in before:
            return self._reshape_unknown(value, before, dims)
        try:
            after = resolve(before, dims)
        except Unresolved as fault:
            self._needs_fixed(str(fault))
        except ValueError as fault:
            self.refuse(str(fault))
        kept = [
            0 if isinstance(dim, str) and position < len(before) and before[position] == dim else dim
            for position, dim in enumerate(after)
        ]
        return self.unflatten(value, kept)

    def _reshape_unknown(self, value: ir.Value, before: Sequence[Dim], dims: Sequence[Dim]) -> ir.Value:
        """A dimension that nobody knows may keep its place or become the inferred one; the runtime checks the count."""
        target = [
            dim if isinstance(dim, int) else 0 if position < len(before) and before[position] == dim else INFER
            for position, dim in enumerate(dims)
        ]
        if target.count(INFER) > 1:
            self._needs_fixed("its input's shape")
        return self("Reshape", value, self.constant(target, "shape"))

    def unflatten(self, value: ir.Value, dims: Sequence[Dim]) -> ir.Value:
        """`value` under dimensions that the caller knows to be right; at most one of them is no number."""
        target = [dim if isinstance(dim, int) else -1 for dim in dims]
        if target.count(-1) > 1:
            self._needs_fixed("its input's shape")
        return self("Reshape", value, self.constant(target, "shape"))

    def dropped(self, reason: str) -> ir.Value:
        """The layer's first input, unchanged: the layer does nothing at inference, and the report says why."""
        self.dropped_reason = reason
        return self.inputs[0]

    def note(self, text: str) -> None:
        """Put a decision into the report."""
        self._builder.report.notes.append(f"{self._layer.name} ({self._layer.kind}): {text}")

    def refuse(self, reason: str, hint: str | None = None, code: str = "unsupported-layer") -> NoReturn:
        """Refuse the layer: it has no exact ONNX form."""
        raise Diagnostic(code, reason, where=self._layer.where, hint=hint)

    def _needs_fixed(self, what: str) -> NoReturn:
        self.refuse(
            f"{what} must be a fixed number here",
            "give the shape: --input NAME:1,3,224,224, or --batch 1",
            code="needs-fixed-shape",
        )
